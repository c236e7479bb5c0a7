#include <CLI/CLI.hpp>

#include "etalon/cli/tao_task.hpp"
#include "etalon/cli/verbs.hpp"
#include "etalon/pipeline/doctor.hpp"

namespace etalon {

int doctor_command(std::vector<std::string> words) {
  CLI::App app(
      "What is installed, and whether model, key, specification and images fit together. Changes nothing.",
      "etalon doctor");
  std::string model, key, spec, images;
  bool json = false;
  app.add_option("-m,--model", model,
                 "trained model (.hdf5, .tlt), or an ONNX to check for the padding fault")
      ->type_name("FILE");
  app.add_option("-k,--key", key, "key of an encrypted model")->type_name("KEY");
  app.add_option("-e,--experiment_spec", spec, "experiment specification")->type_name("FILE");
  app.add_option("--cal_image_dir", images, "calibration images")->type_name("DIR");
  app.add_flag("--json", json, "one JSON document on stdout");
  app.footer(
      "Examples:\n  etalon doctor\n  etalon doctor -m resnet18.hdf5 -e spec.txt --cal_image_dir images\n  "
      "etalon doctor -m model.onnx --json");
  if (const auto done = parse_flags(app, std::move(words))) return *done;
  DoctorOptions options{
      .model = std::nullopt, .key = key, .experiment_spec = std::nullopt, .cal_image_dir = std::nullopt};
  if (!model.empty()) options.model = model;
  if (!spec.empty()) options.experiment_spec = spec;
  if (!images.empty()) options.cal_image_dir = images;
  return run_verb(
      json, [&] { return examine(options); },
      [](const auto& examined) { return has_errors(examined) ? 1 : 0; });
}

}  // namespace etalon
