#include "etalon/pipeline/tensor_differences.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "etalon/quantization/signal_to_noise.hpp"
#include "etalon/runtime/session.hpp"

namespace etalon {
namespace {

// Compiling a network costs more than running it once, and so many of the largest tensors of a Mask R-CNN are
// about a gigabyte.
constexpr std::size_t kAtOnce = 64;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// These tensors of the model, which is left with them, float32, for its only outputs.
Outputs tensors_of(ModelProto& model, const std::set<std::string>& tensors,
                   const std::function<void(std::span<float>)>& fill, int threads) {
  model.mutable_graph()->clear_output();
  for (const auto& name : tensors) {
    auto& output = *model.mutable_graph()->add_output();
    output.set_name(name);
    output.mutable_type()->mutable_tensor_type()->set_elem_type(TensorProto::FLOAT);
  }
  Session session(model, {.threads = threads});
  std::vector<float> input(session.input_size());
  fill(input);
  return session.run(input);
}

TensorDifference difference_of(const std::pair<std::string, std::string>& names, const Tensor& first,
                               const Tensor& second) {
  TensorDifference difference{.first = names.first, .second = names.second, .shapes = {}};
  if (first.shape != second.shape) {
    difference.shapes = fmt::format("{} and {}", fmt::join(first.shape, "x"), fmt::join(second.shape, "x"));
    difference.max_abs = difference.relative = kInfinity;
    difference.snr_db = -kInfinity;
    return difference;
  }
  double largest = 0;
  for (std::size_t i = 0; i < first.values.size(); ++i) {
    const double a = first.values[i], b = second.values[i];
    largest = std::max(largest, std::abs(a));
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    const double off = std::abs(a - b);
    difference.max_abs = std::max(difference.max_abs, std::isfinite(off) ? off : kInfinity);
  }
  difference.relative = difference.max_abs == 0 ? 0 : largest > 0 ? difference.max_abs / largest : kInfinity;
  SignalToNoise ratio;
  ratio.add(first.values, second.values);
  difference.snr_db = difference.max_abs == 0 ? kInfinity : ratio.decibel();
  return difference;
}

}  // namespace

std::vector<TensorDifference> tensor_differences(
    const ModelProto& first, const ModelProto& second,
    const std::vector<std::pair<std::string, std::string>>& pairs,
    const std::function<void(std::span<float>)>& fill, int threads, Progress& progress) {
  const auto set_of = [](const std::vector<std::string>& names) {
    return std::set<std::string>(names.begin(), names.end());
  };
  const auto in_first = set_of(observable_tensors(first)), in_second = set_of(observable_tensors(second));
  std::vector<std::pair<std::string, std::string>> seen;
  for (const auto& pair : pairs)
    if (in_first.contains(pair.first) && in_second.contains(pair.second)) seen.push_back(pair);

  ModelProto of_first = first, of_second = second;
  std::vector<TensorDifference> differences;
  progress.begin("comparing tensors", seen.size());
  for (std::size_t begin = 0; begin < seen.size(); begin += kAtOnce) {
    const std::size_t end = std::min(seen.size(), begin + kAtOnce);
    std::set<std::string> wanted, others;
    for (std::size_t i = begin; i < end; ++i) {
      wanted.insert(seen[i].first);
      others.insert(seen[i].second);
    }
    const Outputs a = tensors_of(of_first, wanted, fill, threads);
    const Outputs b = tensors_of(of_second, others, fill, threads);
    for (std::size_t i = begin; i < end; ++i) {
      differences.push_back(difference_of(seen[i], a.at(seen[i].first), b.at(seen[i].second)));
      progress.advance();
    }
  }
  progress.end();
  return differences;
}

}  // namespace etalon
