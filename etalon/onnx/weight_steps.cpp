#include "etalon/onnx/weight_steps.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <unordered_set>
#include <utility>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

using Annotation = onnx::TensorAnnotation;

// ONNX defines the first key (onnx.proto, TensorAnnotation); the others are etalon's own.
constexpr const char* kScale = "SCALE_TENSOR";
constexpr const char* kIntegers = "ETALON_INTEGER_TENSOR";
constexpr const char* kAxis = "ETALON_AXIS";

// How many floats next to a step are tried.
constexpr int kFarthestNudge = 8;

const std::string* value_of(const Annotation& annotation, const char* key) {
  for (const auto& parameter : annotation.quant_parameter_tensor_names())
    if (parameter.key() == key) return &parameter.value();
  return nullptr;
}

void set_value(Annotation& annotation, const char* key, const std::string& value) {
  auto& parameter = *annotation.add_quant_parameter_tensor_names();
  parameter.set_key(key);
  parameter.set_value(value);
}

TensorProto* initializer(GraphProto& graph, const std::string& name) {
  for (auto& tensor : *graph.mutable_initializer())
    if (tensor.name() == name) return &tensor;
  return nullptr;
}

void set_steps(TensorProto& constant, std::span<const float> steps) {
  constant.clear_dims();
  constant.add_dims(static_cast<std::int64_t>(steps.size()));
  constant.set_data_type(TensorProto::FLOAT);
  constant.set_raw_data(std::string(as_text(std::as_bytes(steps))));
}

// An annotation that annotate_weight_steps made, with what it names.
struct Found {
  TensorProto *steps, *integers;
  int axis;
};
std::optional<Found> ours(GraphProto& graph, const Annotation& annotation) {
  const auto *steps = value_of(annotation, kScale), *integers = value_of(annotation, kIntegers),
             *axis = value_of(annotation, kAxis);
  if (!steps || !integers || !axis) return std::nullopt;
  const Found found{initializer(graph, *steps), initializer(graph, *integers), *axis == "1" ? 1 : 0};
  if (!found.steps || !found.integers) return std::nullopt;
  return found;
}

void add_annotation(GraphProto& graph, const std::string& weight, std::span<const float> steps,
                    std::string integers, int axis) {
  auto& constant = *graph.add_initializer();
  constant.set_name(weight + "/steps");
  set_steps(constant, steps);
  auto& rounded = *graph.add_initializer();
  rounded.set_name(weight + "/integers");
  rounded.set_data_type(TensorProto::INT8);
  rounded.add_dims(static_cast<std::int64_t>(integers.size()));
  rounded.set_raw_data(std::move(integers));
  auto& annotation = *graph.add_quantization_annotation();
  annotation.set_tensor_name(weight);
  set_value(annotation, kScale, constant.name());
  set_value(annotation, kIntegers, rounded.name());
  set_value(annotation, kAxis, std::to_string(axis));
}

// The numbers of one channel: where they lie in the weight.
class Channel {
 public:
  Channel(const TensorProto& weight, int axis, std::int64_t channel) : channels_(weight.dims(axis)) {
    for (int i = axis + 1; i < weight.dims_size(); ++i) inner_ *= weight.dims(i);
    for (int i = 0; i < axis; ++i) blocks_ *= weight.dims(i);
    first_ = channel * inner_;
  }
  template <class Use>  // Use: bool(std::size_t place), false ends it
  void each(Use&& use) const {
    for (std::int64_t block = 0; block < blocks_; ++block)
      for (std::int64_t i = 0; i < inner_; ++i)
        if (!use(static_cast<std::size_t>(block * channels_ * inner_ + first_ + i))) return;
  }

 private:
  std::int64_t channels_, inner_ = 1, blocks_ = 1, first_ = 0;
};

bool rounds_to(float weight, float step, int integer) {  // but for the sign, which a batch norm may turn
  return std::abs(std::nearbyint(weight / step)) == std::abs(integer) &&
         std::abs(std::nearbyint(static_cast<double>(weight) / static_cast<double>(step))) ==
             std::abs(integer);
}

float nudged(float step, const Channel& channel, std::span<const float> weight, std::string_view integers) {
  const auto wrong_with = [&](float candidate, std::size_t most) {
    std::size_t wrong = 0;
    channel.each([&](std::size_t i) {
      wrong += rounds_to(weight[i], candidate, static_cast<signed char>(integers[i])) ? 0 : 1;
      return wrong < most;
    });
    return wrong;
  };
  float best = step, above = step, below = step;
  std::size_t fewest = wrong_with(step, weight.size());
  for (int i = 0; i < kFarthestNudge && fewest > 0; ++i) {
    above = std::nextafter(above, std::numeric_limits<float>::max());
    below = std::nextafter(below, 0.0F);
    for (const float candidate : {above, below}) {
      if (!std::isnormal(candidate)) continue;
      const auto wrong = wrong_with(candidate, fewest);
      if (wrong >= fewest) continue;
      fewest = wrong;
      best = candidate;
    }
  }
  return best;
}

}  // namespace

void annotate_weight_steps(GraphProto& graph, const std::string& weight, const WeightGrid& grid, int axis) {
  const TensorProto& constant = *initializer(graph, weight);
  const auto values = float_values(constant);
  std::string integers;
  integers.reserve(values.size());
  for (const float value : values)
    integers.push_back(static_cast<char>(
        static_cast<signed char>(std::clamp(std::nearbyint(value * grid.per_unit), -128.0F, 127.0F))));
  const std::vector<float> steps(static_cast<std::size_t>(constant.dims(axis)), grid.step);
  add_annotation(graph, weight, steps, std::move(integers), axis);
}

void scale_weight_steps(GraphProto& graph, const std::string& from, const std::string& to,
                        std::span<const double> factor, bool keeps_from) {
  for (int i = 0; i < graph.quantization_annotation_size(); ++i) {
    auto& annotation = *graph.mutable_quantization_annotation(i);
    if (annotation.tensor_name() != from) continue;
    const auto found = ours(graph, annotation);
    if (!found || element_count(*found->steps) != factor.size()) {
      if (!keeps_from) graph.mutable_quantization_annotation()->DeleteSubrange(i, 1);
      return;
    }
    auto steps = float_values(*found->steps);
    for (std::size_t c = 0; c < steps.size(); ++c) {
      if (factor[c] == 0) continue;  // zeros only are left: any step is right
      const auto scaled = static_cast<float>(steps[c] * std::abs(factor[c]));
      if (!std::isfinite(scaled))
        throw Error(Kind::kBadInput, fmt::format("its numbers make the step of channel {} of '{}' infinite",
                                                 c, escaped(from)));
      steps[c] = std::max(scaled, std::numeric_limits<float>::min());  // readers take no denormal scale
    }
    if (keeps_from) {
      add_annotation(graph, to, steps, found->integers->raw_data(), found->axis);
    } else {
      set_steps(*found->steps, steps);
      annotation.set_tensor_name(to);
    }
    return;
  }
}

std::map<std::string, std::vector<float>> take_weight_steps(ModelProto& model) {
  auto& graph = *model.mutable_graph();
  std::map<std::string, std::vector<float>> taken;
  std::unordered_set<std::string> constants;
  for (const auto& annotation : graph.quantization_annotation()) {
    const auto found = ours(graph, annotation);
    const auto* weight = initializer(graph, annotation.tensor_name());
    if (!found || !weight) continue;
    auto& steps = taken[annotation.tensor_name()] = float_values(*found->steps);
    const auto values = float_values(*weight);
    for (std::size_t c = 0; c < steps.size(); ++c)
      steps[c] = nudged(steps[c], Channel(*weight, found->axis, static_cast<std::int64_t>(c)), values,
                        found->integers->raw_data());
    constants.insert({found->steps->name(), found->integers->name()});
  }
  graph.clear_quantization_annotation();
  auto& initializers = *graph.mutable_initializer();
  for (int i = initializers.size(); i-- > 0;)
    if (constants.contains(initializers.Get(i).name())) initializers.DeleteSubrange(i, 1);
  return taken;
}

}  // namespace etalon
