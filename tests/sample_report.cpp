// For tests/report.py: a report of a model and the statistics of its calibration, with texts that try to
// break out.
//
//   etalon_sample_report MODEL.onnx STATISTICS CALIBRATOR OUT.html [FP32.png INT8.png]
//
// Its layers are the tensors, ranked by what rounding them alone costs: nothing is computed here.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <string>

#include "etalon/base/file.hpp"
#include "etalon/calibration/ranges.hpp"
#include "etalon/calibration/statistics_store.hpp"
#include "etalon/onnx/model.hpp"
#include "etalon/report/html_report.hpp"

namespace etalon {
namespace {

Report sample_report(int count, char** words) {
  const ModelProto model = read_onnx(std::filesystem::path(words[1]));
  const StatisticsFile file = read_statistics(words[2]);
  const CountedStatistics counted = counted_statistics(file);
  Report report{.title = std::filesystem::path(words[1]).filename().string()};
  report.facts = {
      {"model", words[1]}, {"images", std::to_string(file.images)}, {"hostile", "<script>alert(1)</script>"}};
  report.facts.insert(report.facts.end(), file.facts.begin(), file.facts.end());
  report.written = {{words[1], "ONNX model, 21.5 MB"}, {words[2], "statistics"}};
  report.warnings = {"a \"quoted\" & <b>bold</b> warning"};
  report.errors.emplace();
  for (const auto& name : activation_names(model.graph())) {
    const auto found = counted.tensors.find(name);
    if (found == counted.tensors.end()) continue;
    const ChosenRange chosen = choose_range(found->second, {.calibrator = parse_calibrator(words[3])});
    report.tensors.push_back({name, found->second, chosen.range, std::string(calibrator_name(chosen.by))});
    const double decibel = signal_to_noise_db(found->second, chosen.range);
    report.errors->layers.push_back({name, "Conv", decibel, decibel - 2});
  }
  std::ranges::stable_sort(report.errors->layers, {}, &LayerError::own_db);
  for (const auto& output : model.graph().output())
    report.errors->outputs[output.name()] = report.errors->layers.front().total_db;
  if (count > 6)
    report.pictures.push_back(
        {"photo <1>", read_file(words[5]), read_file(words[6]), "12 rbc, 1 wbc", "11 rbc, 1 wbc"});
  return report;
}

}  // namespace
}  // namespace etalon

int main(int count, char** words) {
  try {
    if (count < 5) return 2;
    std::ofstream(words[4], std::ios::binary) << etalon::html_report(etalon::sample_report(count, words));
    return 0;
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return 1;
  }
}
