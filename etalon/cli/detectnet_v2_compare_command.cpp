#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>

#include "etalon/cli/console.hpp"
#include "etalon/cli/tao_task.hpp"
#include "etalon/cli/verbs.hpp"
#include "etalon/pipeline/compare_int8.hpp"

namespace etalon {
namespace {

nlohmann::ordered_json document_of(const CompareResult& result) {
  nlohmann::ordered_json outputs = nlohmann::ordered_json::array();
  for (const auto& [tensor, decibel] : result.snr_db) {
    // JSON has no infinity: outputs that are equal, or zero in FP32, have no ratio.
    outputs.push_back(
        {{"output", tensor},
         {"INT8 to FP32, SNR in dB", std::isfinite(decibel)
                                         ? nlohmann::ordered_json(std::round(decibel * 100) / 100)
                                         : nlohmann::ordered_json(decibel > 0 ? "equal" : "no signal")}});
  }
  nlohmann::ordered_json document{
      {"version", 1},
      {"images", result.image_count},
      {"layers in INT8", fmt::format("{} of {}", result.simulated_layers, result.layers)},
      {"outputs", outputs}};
  nlohmann::ordered_json counts = nlohmann::ordered_json::array();
  for (const auto& [label, count] : result.detections_fp32)
    counts.push_back({{"class", label}, {"FP32", count}, {"INT8", result.detections_int8.at(label)}});
  if (!counts.empty()) document["detections in the picture"] = std::move(counts);
  return document;
}

}  // namespace

int detectnet_v2_compare_command(std::vector<std::string> words) {
  CLI::App app("How far INT8, simulated with a calibration cache's ranges, is from FP32 on real images.",
               "etalon detectnet_v2 compare");
  CompareOptions options;
  std::string spec, picture, picture_image;
  bool json = false, verbose = false;
  app.add_option("-m,--model", options.model, "ONNX that export wrote")->type_name("FILE")->required();
  app.add_option("--cal_cache_file", options.cal_cache_file, "calibration cache that export wrote")
      ->type_name("FILE")
      ->required();
  app.add_option("--image_dir", options.image_dir, "images to compare on (jpg, jpeg, png)")
      ->type_name("DIR")
      ->required();
  app.add_option("-e,--experiment_spec", spec, "clustering and class names for the picture")
      ->type_name("FILE");
  app.add_option("--picture", picture, "draw one image with both detections side by side (PNG)")
      ->type_name("FILE");
  app.add_option("--picture_image", picture_image, "the image to draw (default: the folder's first)")
      ->type_name("FILE");
  app.add_option("--threads", options.threads, "CPU threads (0: one a core); never changes a result")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_flag("--force", options.force, "replace a picture that exists");
  app.add_flag("--json", json, "one JSON document on stdout");
  app.add_flag("-v,--verbose", verbose, "say more");
  app.footer(
      "Example:\n  etalon detectnet_v2 compare -m model.onnx --cal_cache_file cal.bin --image_dir images -e "
      "spec.txt --picture out.png");
  if (const auto done = parse_flags(app, std::move(words))) return *done;
  if (!spec.empty()) options.experiment_spec = spec;
  if (!picture.empty()) options.picture = picture;
  if (!picture_image.empty()) options.picture_image = picture_image;
  return run_verb(json, [&] {
    Console console({.verbose = verbose, .progress_allowed = !json, .log_file = std::nullopt});
    return document_of(compare_int8(options, console, console));
  });
}

}  // namespace etalon
