// What an export did, as one HTML file that needs nothing beside it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "etalon/base/bytes.hpp"
#include "etalon/quantization/layer_errors.hpp"
#include "etalon/runtime/tensor_statistics.hpp"

namespace etalon {

struct ReportedTensor {
  std::string name;
  TensorStatistics statistics;
  float range = 0;         // chosen
  std::string calibrator;  // "entropy"
};

struct ReportedPicture {
  std::string title;                   // the photo's name
  Bytes fp32_png, int8_png;            // detections drawn
  std::string fp32_found, int8_found;  // "12 rbc, 1 wbc"
};

struct Report {
  std::string title;                                           // "bccd_resnet18.onnx"
  std::vector<std::pair<std::string, std::string>> facts{};    // what was made from what: label, value
  std::vector<std::pair<std::string, std::string>> written{};  // file, what it is and its size
  std::vector<std::string> warnings{};
  std::vector<ReportedTensor> tensors{};  // network order
  std::optional<QuantizationErrors> errors{};
  std::vector<ReportedPicture> pictures{};
};

// Text from outside is escaped; no script is loaded from anywhere; the same bytes for the same report.
std::string html_report(const Report& report);

}  // namespace etalon
