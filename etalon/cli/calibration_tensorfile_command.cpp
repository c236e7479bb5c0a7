#include <CLI/CLI.hpp>

#include "etalon/cli/calibration_flags.hpp"
#include "etalon/cli/tao_task.hpp"
#include "etalon/cli/verbs.hpp"
#include "etalon/pipeline/calibration_tensorfile.hpp"

namespace etalon {

int detectnet_v2_calibration_tensorfile_command(std::vector<std::string> words) {
  CLI::App app(
      "Calibration images of an experiment specification's data loader, as a tensorfile that export reads "
      "with\n"
      "--cal_data_file.",
      "etalon detectnet_v2 calibration_tensorfile");
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  CommonFlags common;
  TensorfileOptions options;
  // Both spellings: detectnet_v2's and classification's.
  app.add_option("-e,--experiment_spec_file,--experiment_spec", options.experiment_spec,
                 "experiment specification")
      ->type_name("FILE")
      ->required();
  app.add_option("-o,--output_path,--output", options.output, "tensorfile to write (HDF5)")
      ->type_name("FILE")
      ->required();
  app.add_option("-m,--max_batches", options.max_batches,
                 "batches to write; -1: as many as there are images for")
      ->check([](const std::string& text) {
        return text == "-1" ? std::string() : CLI::Range(1, 1'000'000'000)(text);
      })
      ->capture_default_str();
  app.add_flag("--use_validation_set", options.use_validation_set,
               "the validation images instead of the training images");
  app.add_option("--threads", options.threads,
                 "CPU threads (0: one a core); never changes a byte of the file")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_flag("--force", options.force, "replace a file that exists");
  add_common_flags(app, common);
  app.footer(
      "Examples:\n"
      "  etalon detectnet_v2 calibration_tensorfile -e spec.txt -o calibration.tensor -m 10\n"
      "  etalon detectnet_v2 calibration_tensorfile -e spec.txt -o validation.tensor --use_validation_set\n"
      "  DATA_BASE_PATH=/data etalon detectnet_v2 calibration_tensorfile -e spec.txt -o all.tensor\n"
      "Relative paths in the specification begin at $DATA_BASE_PATH, or at ~/datasets where that is not "
      "set.");
  if (const auto done = parse_flags(app, std::move(words))) return *done;
  options.data_root = data_root();
  return run_tao_task(
      common, "Calibration tensorfile", [&](Console& console, StatusLog&) -> nlohmann::ordered_json {
        note_accepted_for_gpus(app, console);
        const TensorfileResult result = write_calibration_tensorfile(options, console, console);
        return {{"version", 1},
                {"status", "PASS"},
                {"written", written_rows({result.written})},
                {"batches", result.batches},
                {"batch_size", result.batch_size},
                {"images", result.images}};
      });
}

}  // namespace etalon
