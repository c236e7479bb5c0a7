#include <CLI/CLI.hpp>

#include "etalon/cli/console.hpp"
#include "etalon/cli/tao_task.hpp"
#include "etalon/cli/verbs.hpp"
#include "etalon/pipeline/inspect.hpp"

namespace etalon {

int inspect_command(std::vector<std::string> words) {
  CLI::App app(
      "What a file is and holds, or where two models or two calibration caches differ. Changes nothing; "
      "needs "
      "a key only to compare an encrypted model.",
      "etalon inspect");
  CompareModelsOptions options;
  std::string file, second, image, spec;
  bool json = false;
  app.add_option("FILE", file,
                 "Keras model, ONNX, .etlt, calibration cache, tensorfile, TFRecord, statistics, engine or "
                 "experiment\n"
                 "specification")
      ->required();
  app.add_option(
      "FILE2", second,
      "another model (ONNX, or trained) or another calibration cache: what is different, worst first;\n"
      "exits with 0 whether or not they are equal");
  auto* of_image =
      app.add_option("--image", image, "run both models on this photo and say at which layer they part")
          ->type_name("FILE");
  auto* of_key =
      app.add_option("-k,--key", options.key, "key of an encrypted trained model")->type_name("KEY");
  auto* of_spec = app.add_option("-e,--experiment_spec", spec, "specification of a trained Mask R-CNN")
                      ->type_name("FILE");
  auto* of_threads =
      app.add_option("--threads", options.threads, "CPU threads (0: one a core); never changes a result")
          ->check(CLI::Range(0, 1024))
          ->capture_default_str();
  app.add_flag("--json", json, "one JSON document on stdout");
  app.footer(
      "Examples:\n  etalon inspect resnet18.hdf5\n  etalon inspect cal.bin --json\n  etalon inspect "
      "old_cal.bin new_cal.bin\n  etalon inspect theirs.onnx resnet18.hdf5 --image photo.jpg");
  if (const auto done = parse_flags(app, std::move(words))) return *done;
  return run_verb(json, [&] {
    if (second.empty()) {
      for (const auto* flag : {of_image, of_key, of_spec, of_threads})
        if (flag->count() > 0)
          throw Error(Kind::kWrongUsage,
                      flag->get_name() + " is for comparing two models, but one file was given",
                      "add the second model");
      return inspect_file(file);
    }
    options.first = file;
    options.second = second;
    if (!image.empty()) options.image = image;
    if (!spec.empty()) options.spec = spec;
    Console console({.verbose = false, .progress_allowed = !json, .log_file = std::nullopt});
    return inspect_difference(options, console, console);
  });
}

}  // namespace etalon
