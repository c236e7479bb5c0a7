#include <CLI/CLI.hpp>

#include "etalon/cli/tao_task.hpp"
#include "etalon/cli/verbs.hpp"
#include "etalon/pipeline/inspect.hpp"

namespace etalon {

int inspect_command(std::vector<std::string> words) {
  CLI::App app(
      "What a file is and holds, or where two calibration caches differ. Changes nothing and needs no key.",
      "etalon inspect");
  std::string file, second;
  bool json = false;
  app.add_option(
         "FILE", file,
         "Keras model, ONNX, .etlt, calibration cache, tensorfile, TFRecord, statistics or experiment\n"
         "specification")
      ->required();
  app.add_option("FILE2", second, "a second calibration cache: differences, worst first");
  app.add_flag("--json", json, "one JSON document on stdout");
  app.footer(
      "Examples:\n  etalon inspect resnet18.hdf5\n  etalon inspect cal.bin --json\n  etalon inspect "
      "old_cal.bin new_cal.bin");
  if (const auto done = parse_flags(app, std::move(words))) return *done;
  return run_verb(json,
                  [&] { return second.empty() ? inspect_file(file) : inspect_difference(file, second); });
}

}  // namespace etalon
