#include <CLI/CLI.hpp>

#include "etalon/cli/export_flags.hpp"
#include "etalon/cli/verbs.hpp"
#include "etalon/pipeline/export_mask_rcnn.hpp"

namespace etalon {

int mask_rcnn_export_command(std::vector<std::string> words) {
  CLI::App app(
      "A trained Mask R-CNN to ONNX or .etlt, with TensorRT's plugins or in standard operators, with an INT8 "
      "calibration cache and DeepStream files.",
      "etalon mask_rcnn export");
  ExportFlags flags;
  std::string plugins = "tensorrt";
  add_export_flags(
      app, flags, "trained model: .tlt (ZIP, or encrypted), or a bare checkpoint (its folder, or its .index)",
      "experiment specification: the network's size, classes and thresholds");
  app.get_option("--experiment_spec")->required();
  app.add_option("--plugins", plugins,
                 "tensorrt: TensorRT's plugin nodes, fixed batch; none: standard operators, dynamic batch")
      ->check(CLI::IsMember({"tensorrt", "none"}))
      ->capture_default_str();
  app.footer(
      "Examples:\n"
      "  etalon mask_rcnn export -m model.tlt -k KEY -e spec.txt -o model.onnx --gen_ds_config\n"
      "  etalon mask_rcnn export -m model.tlt -e spec.txt -o model.onnx --plugins none\n"
      "  etalon mask_rcnn export -m model.tlt -e spec.txt -o model.onnx --data_type int8 --cal_image_dir "
      "images --cal_cache_file cal.bin");
  const auto say = [&](Log& log) {
    note_ignored(app, {"--force_ptq"},
                 "Mask R-CNN is never trained for INT8 (no QAT), so it is calibrated anyway", log);
  };
  return run_export(app, flags, std::move(words), say,
                    [&](ExportOptions options, Log& log, Progress& progress, StatusLog& status) {
                      options.plugins = plugins == "none" ? Plugins::kNone : Plugins::kTensorrt;
                      return export_mask_rcnn(options, log, progress, status);
                    });
}

}  // namespace etalon
