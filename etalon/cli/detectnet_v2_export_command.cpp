#include <CLI/CLI.hpp>

#include "etalon/cli/export_flags.hpp"
#include "etalon/cli/verbs.hpp"
#include "etalon/pipeline/export_detectnet_v2.hpp"

namespace etalon {

int detectnet_v2_export_command(std::vector<std::string> words) {
  CLI::App app(
      "A trained DetectNet_v2 to ONNX or .etlt, with an INT8 calibration cache and DeepStream files.",
      "etalon detectnet_v2 export");
  ExportFlags flags;
  add_export_flags(app, flags, "trained model: .hdf5, or .tlt (encrypted)",
                   "experiment specification: class names, clustering");
  app.footer(
      "Examples:\n"
      "  etalon detectnet_v2 export -m resnet18.hdf5 -o resnet18.onnx\n"
      "  etalon detectnet_v2 export -m resnet18.tlt -k KEY -o resnet18.etlt -e spec.txt --gen_ds_config\n"
      "  etalon detectnet_v2 export -m resnet18.hdf5 -o resnet18.onnx --data_type int8 --cal_image_dir "
      "images --cal_cache_file cal.bin");
  return run_export(
      app, flags, std::move(words), [](Log&) {}, export_detectnet_v2);
}

}  // namespace etalon
