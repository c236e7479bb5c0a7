#include "etalon/pipeline/export_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/pipeline/sample_pictures.hpp"
#include "etalon/quantization/floating_form.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPictures = 3;  // enough to see, small enough to send

std::string data_type_name(DataType type) {
  return type == DataType::kInt8 ? "int8" : type == DataType::kFp16 ? "fp16" : "fp32";
}

std::vector<std::pair<std::string, std::string>> facts_of(const ReportInputs& inputs) {
  const ExportOptions& options = inputs.options;
  const Deployable& net = inputs.deployable;
  std::vector<std::pair<std::string, std::string>> facts{
      {"network", net.network},
      {"trained model", options.model.string()},
      {"input", fmt::format("{} [N, {}, {}, {}]", net.input, net.channels, net.height, net.width)},
      {"parameters", fmt::format("{}", net.parameter_count)},
      {"data type", data_type_name(options.data_type)}};
  std::string outputs;
  for (const auto& output : net.outputs) outputs += (outputs.empty() ? "" : ", ") + output.tensor;
  facts.insert(facts.begin() + 3, {"outputs", outputs});
  if (!net.labels.empty()) {
    std::string labels;
    for (const auto& label : net.labels) labels += (labels.empty() ? "" : ", ") + label;
    facts.emplace_back("classes", labels);
  }
  if (inputs.images) facts.emplace_back("images", inputs.images->source);
  if (!inputs.calibration.chosen.empty())
    facts.emplace_back("ranges by", std::string(calibrator_name(options.calibration.rule.calibrator)));
  else if (net.trained && !inputs.cache.lines.empty())
    facts.emplace_back("ranges by", "quantisation-aware training");
  else if (!inputs.cache.lines.empty())
    facts.emplace_back("ranges by", fmt::format("the cache {}", options.calibration.cal_cache_file.string()));
  if (inputs.models)
    facts.emplace_back("bias correction", inputs.models->shifts().empty()
                                              ? "no"
                                              : fmt::format("{} layers", inputs.models->shifts().size()));
  facts.emplace_back("etalon", ETALON_VERSION);
  return facts;
}

// In the network's order, which is the cache's.
std::vector<ReportedTensor> tensors_of(const ReportInputs& inputs) {
  std::vector<ReportedTensor> tensors;
  for (const auto& line : inputs.cache.lines) {
    const auto counted = inputs.calibration.statistics.find(line.tensor);
    const auto chosen = inputs.calibration.chosen.find(line.tensor);
    if (counted == inputs.calibration.statistics.end() || chosen == inputs.calibration.chosen.end()) continue;
    tensors.push_back({line.tensor, counted->second, chosen->second.range,
                       std::string(calibrator_name(chosen->second.by))});
  }
  return tensors;
}

// Evenly spread over those that were drawn.
std::vector<fs::path> photos_of(const CalibrationImages& images) {
  std::vector<fs::path> photos;
  const std::size_t count = std::min(images.names_are_paths ? images.count() : 0, kPictures);
  for (std::size_t i = 0; i < count; ++i) {
    const fs::path photo = images.names[i * images.count() / count];
    if (std::ranges::find(photos, photo) == photos.end()) photos.push_back(photo);
  }
  return photos;
}

}  // namespace

void WarningKeeper::write(LogLevel level, std::string_view text) {
  if (level == LogLevel::kWarning) warnings_.emplace_back(text);
  log_.write(level, text);
}

Report report_of(const ReportInputs& inputs, Log& log, Progress& progress) {
  Report report{.title = inputs.options.model.filename().string()};
  report.facts = facts_of(inputs);
  report.written = inputs.written;
  report.warnings = inputs.warnings;
  report.tensors = tensors_of(inputs);
  if (!inputs.models || inputs.models->int8().quantized.empty()) return report;
  if (!inputs.images) {
    log.info("the report has neither pictures nor errors of layers: no images were named");
    return report;
  }
  const int threads = inputs.options.calibration.threads;
  report.errors = inputs.models->errors(*inputs.images, {.threads = threads}, progress);
  report.pictures =
      sample_pictures(inputs.deployable, inputs.computed, floating_form(inputs.models->computed_int8()),
                      photos_of(*inputs.images), threads, progress);
  return report;
}

}  // namespace etalon
