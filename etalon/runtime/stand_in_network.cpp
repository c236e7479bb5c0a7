// A network that computes nothing: for runs under a thread sanitizer, which cannot see into OpenVINO. Inputs,
// threads, taps and outputs work as in the real one; a tensor's "values", but for the input's own, are a
// cheap fixed function of the input and the tensor's name.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "etalon/base/error.hpp"
#include "etalon/runtime/compiled_model.hpp"
#include "etalon/runtime/network.hpp"
#include "etalon/runtime/operator_times.hpp"

namespace etalon {
namespace {

// Different for different names, the same everywhere (FNV-1a).
float factor_of(std::string_view name) {
  std::uint32_t hash = 2166136261U;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return 0.25F + static_cast<float>(hash % 1000) / 500.0F;
}

struct StandIn {
  std::string input;
  std::vector<std::int64_t> input_shape;
  std::vector<NetworkTap> taps;
  std::vector<std::string> outputs;
};

class StandInLane final : public Lane {
 public:
  StandInLane(const StandIn& network, std::size_t input_size) : network_(network), input_(input_size) {}

  std::span<float> input() override { return input_; }

  void infer() override {
    std::vector<float> values(input_.size());
    for (const NetworkTap& tap : network_.taps) {
      if (tap.tensor == network_.input) {
        tap.tap->add(input_);
        continue;
      }
      const float factor = factor_of(tap.tensor);
      std::ranges::transform(input_, values.begin(), [&](float x) { return (x - 0.5F) * factor; });
      tap.tap->add(values);
    }
    sum_ = 0;
    for (const float x : input_) sum_ += x;
  }

  Outputs outputs() override {
    Outputs all;
    for (const std::string& name : network_.outputs) all[name] = {{1, 1}, {sum_ * factor_of(name)}};
    return all;
  }

 private:
  const StandIn& network_;
  std::vector<float> input_;
  float sum_ = 0;
};

class StandInNetwork final : public Network {
 public:
  explicit StandInNetwork(StandIn network) : network_(std::move(network)) {}

  std::vector<std::int64_t> input_shape() const override { return network_.input_shape; }

  std::unique_ptr<Lane> make_lane() override {
    std::size_t size = 1;
    for (const std::int64_t dimension : network_.input_shape) size *= static_cast<std::size_t>(dimension);
    return std::make_unique<StandInLane>(network_, size);
  }

 private:
  StandIn network_;
};

}  // namespace

std::unique_ptr<Network> compile_network(const ModelProto& model, std::size_t, const SessionOptions& options,
                                         const std::vector<NetworkTap>& taps) {
  const auto inputs = data_inputs(model.graph());
  if (inputs.size() != 1)
    throw Error(Kind::kUnsupported, fmt::format("the network has {} inputs, expected 1", inputs.size()));
  const auto shape = shape_of(*inputs.front());
  if (!shape || shape->empty()) throw Error(Kind::kBadInput, "the input has no shape");
  StandIn network{inputs.front()->name(), {1}, taps, {}};
  for (std::size_t axis = 1; axis < shape->size(); ++axis) {
    const auto given =
        axis <= options.input_dims.size() ? std::optional(options.input_dims[axis - 1]) : std::nullopt;
    if (!(*shape)[axis] && !given) throw Error(Kind::kBadInput, "the input's size is not fixed");
    network.input_shape.push_back((*shape)[axis].value_or(given.value_or(0)));
  }
  const auto known = activation_names(model.graph());
  for (const NetworkTap& tap : taps)
    if (std::ranges::find(known, tap.tensor) == known.end())
      throw Error(Kind::kBadInput, fmt::format("the network has no tensor '{}'", escaped(tap.tensor)));
  for (const ValueInfoProto& output : model.graph().output()) network.outputs.push_back(output.name());
  return std::make_unique<StandInNetwork>(std::move(network));
}

std::vector<std::string> observable_tensors(const ModelProto& model) {
  return activation_names(model.graph());
}

std::vector<OperatorTime> operator_times(const ModelProto&, std::span<const float>, std::size_t) {
  throw Error(Kind::kUnsupported, "this build computes nothing whose time could be taken");
}

Bytes export_compiled_model(ByteView, const BatchRange&) {
  throw Error(Kind::kUnsupported, "this build has no OpenVINO that could compile a model");
}

RuntimeFacts runtime_facts() { return {"stand-in", "none", {}}; }

}  // namespace etalon
