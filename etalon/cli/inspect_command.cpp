#include <CLI/CLI.hpp>

#include "etalon/cli/tao_task.hpp"
#include "etalon/cli/verbs.hpp"
#include "etalon/pipeline/inspect.hpp"

namespace etalon {

int inspect_command(std::vector<std::string> words) {
  CLI::App app("What a file is and holds. Changes nothing and needs no key.", "etalon inspect");
  std::string file;
  bool json = false;
  app.add_option("FILE", file, "Keras model, ONNX, .etlt, calibration cache or experiment specification")
      ->required();
  app.add_flag("--json", json, "one JSON document on stdout");
  app.footer(
      "Examples:\n  etalon inspect resnet18.hdf5\n  etalon inspect cal.bin --json\n  etalon inspect "
      "model.onnx");
  if (const auto done = parse_flags(app, std::move(words))) return *done;
  return run_verb(json, [&] { return inspect_file(file); });
}

}  // namespace etalon
