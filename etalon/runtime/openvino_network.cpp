// Networks computed by OpenVINO's CPU plugin.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <openvino/core/preprocess/pre_post_process.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/op/result.hpp>
#include <openvino/runtime/core.hpp>
#include <openvino/runtime/properties.hpp>

#include "etalon/base/error.hpp"
#include "etalon/runtime/network.hpp"
#include "etalon/runtime/openvino_call.hpp"
#include "etalon/runtime/operator_times.hpp"
#include "etalon/runtime/statistics_op.hpp"

namespace etalon {
namespace {

constexpr std::int64_t kMaxInputNumbers = std::int64_t{1} << 30;  // 4 GiB: more is a mistake, not an image

std::shared_ptr<ov::Model> read_model(ov::Core& core, const ModelProto& model) {
  for (const TensorProto& weight : model.graph().initializer())
    if (weight.data_location() ==
        TensorProto::EXTERNAL)  // OpenVINO would look for files in the working folder
      throw Error(Kind::kUnsupported,
                  fmt::format("weights of '{}' lie in another file", escaped(weight.name())));
  if (model.ByteSizeLong() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    throw Error(Kind::kUnsupported,
                fmt::format("the model has {} bytes, protobuf ends at 2 GiB", model.ByteSizeLong()));
  const std::string bytes = model.SerializeAsString();  // freed on return: OpenVINO has copied what it needs
  return openvino_call(Kind::kBadInput, "read the model",
                       [&] { return core.read_model(bytes, ov::Tensor()); });
}

// Batch 1, everything else as the model says, or `dims` where it leaves them open.
void fix_input_shape(ov::Model& model, const std::vector<std::int64_t>& dims) {
  if (model.inputs().size() != 1)
    throw Error(Kind::kUnsupported,
                fmt::format("the network has {} inputs, expected 1", model.inputs().size()));
  const auto input = model.input();
  const std::string name = escaped(input.get_names().empty() ? "?" : input.get_any_name());
  const ov::element::Type type = input.get_element_type();
  if (!type.is_real() && type != ov::element::u8)
    throw Error(Kind::kUnsupported,
                fmt::format("input '{}' is of type {}, expected floating-point numbers or uint8", name,
                            type.get_type_name()));
  ov::PartialShape shape = input.get_partial_shape();
  if (shape.rank().is_dynamic() || shape.size() == 0)
    throw Error(Kind::kBadInput,
                fmt::format("input '{}' has no shape, expected one with a batch dimension", name));
  if (!dims.empty() && shape.size() != dims.size() + 1)
    throw Error(Kind::kBadInput, fmt::format("input '{}' has shape {}, which is not {} and a batch", name,
                                             shape.to_string(), fmt::join(dims, "x")));
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (!shape[i + 1].compatible(dims[i]))
      throw Error(Kind::kBadInput, fmt::format("input '{}' has shape {}, which cannot take {}", name,
                                               shape.to_string(), fmt::join(dims, "x")));
    shape[i + 1] = dims[i];
  }
  shape[0] = 1;
  std::int64_t numbers = 1;
  for (const auto& dimension : shape) {
    if (dimension.is_dynamic() || dimension.get_length() < 1)
      throw Error(Kind::kBadInput,
                  fmt::format("input '{}' has shape {}, expected fixed sizes but for the batch", name,
                              input.get_partial_shape().to_string()));
    if (dimension.get_length() > kMaxInputNumbers / numbers)
      throw Error(Kind::kBadInput, fmt::format("input '{}' has shape {}, which is more than {} numbers", name,
                                               shape.to_string(), kMaxInputNumbers));
    numbers *= dimension.get_length();
  }
  openvino_call(Kind::kBadInput, "compute this model one image at a time", [&] { model.reshape(shape); });
}

// Images are filled in as float32, whatever the model takes.
std::shared_ptr<ov::Model> with_float_input(const std::shared_ptr<ov::Model>& model) {
  if (model->input().get_element_type() == ov::element::f32) return model;
  return openvino_call(Kind::kUnsupported, "convert the model's input from float32", [&] {
    ov::preprocess::PrePostProcessor conversion(model);
    conversion.input().tensor().set_element_type(ov::element::f32);
    return conversion.build();
  });
}

std::map<std::string, ov::Output<ov::Node>> tensors_by_name(const ov::Model& model) {
  std::map<std::string, ov::Output<ov::Node>> tensors;
  for (const auto& node : model.get_ordered_ops()) {
    if (ov::is_type<ov::op::v0::Result>(node)) continue;  // its tensor is its input's
    for (const auto& output : node->outputs())
      for (const auto& name : output.get_names()) tensors.emplace(name, output);
  }
  return tensors;
}

const ov::Output<ov::Node>& find_tensor(const std::map<std::string, ov::Output<ov::Node>>& tensors,
                                        const std::string& name) {
  const auto found = tensors.find(name);
  if (found == tensors.end())
    throw Error(Kind::kBadInput, fmt::format("the network has no tensor '{}'", escaped(name)));
  return found->second;
}

// A model whose first results are the taps' and whose others are the outputs of `graph`, in its order.
std::shared_ptr<ov::Model> with_taps(const ov::Model& model, const GraphProto& graph,
                                     const std::vector<NetworkTap>& taps) {
  const auto tensors = tensors_by_name(model);
  ov::ResultVector results;
  for (const NetworkTap& tap : taps) {
    const auto& tensor = find_tensor(tensors, tap.tensor);
    if (ov::is_type<ov::op::v0::Constant>(tensor.get_node()))
      throw Error(Kind::kBadInput,
                  fmt::format("tensor '{}' is a constant, there is nothing to observe", escaped(tap.tensor)));
    results.push_back(tapped_result(tensor, tap.tap));
  }
  for (const ValueInfoProto& output : graph.output()) {
    ov::Output<ov::Node> tensor = find_tensor(tensors, output.name());
    if (tensor.get_element_type() != ov::element::f32)
      tensor = std::make_shared<ov::op::v0::Convert>(tensor, ov::element::f32);
    results.push_back(std::make_shared<ov::op::v0::Result>(tensor));
  }
  return std::make_shared<ov::Model>(results, model.get_sinks(), model.get_parameters());
}

std::vector<std::string> capabilities_of(ov::Core& core) {
  return core.get_property("CPU", ov::device::capabilities);
}

// One thread a stream: an image's sums then have one order, whatever the number of threads. No pinning to
// cores: runs beside this one (shards, other programs) would be pinned to the same ones.
ov::AnyMap compile_properties(RunPrecision precision, std::size_t lanes) {
  return {
      ov::hint::inference_precision(precision == RunPrecision::kBf16 ? ov::element::bf16 : ov::element::f32),
      ov::num_streams(static_cast<int>(lanes)), ov::inference_num_threads(static_cast<int>(lanes)),
      ov::hint::enable_cpu_pinning(false)};
}

class OpenvinoLane final : public Lane {
 public:
  OpenvinoLane(ov::InferRequest request,
               std::vector<std::pair<std::string, ov::Output<const ov::Node>>> outputs)
      : request_(std::move(request)), input_(request_.get_input_tensor()), outputs_(std::move(outputs)) {}

  std::span<float> input() override { return {input_.data<float>(), input_.get_size()}; }

  void infer() override {
    openvino_call(Kind::kInternal, "compute the network", [&] { request_.infer(); });
  }

  Outputs outputs() override {
    return openvino_call(Kind::kInternal, "hand over the outputs", [&] {
      Outputs all;
      for (const auto& [name, port] : outputs_) {
        const ov::Tensor tensor = request_.get_tensor(port);
        const float* values = tensor.data<const float>();
        const ov::Shape shape = tensor.get_shape();
        all[name] = {{shape.begin(), shape.end()}, {values, values + tensor.get_size()}};
      }
      return all;
    });
  }

 private:
  ov::InferRequest request_;
  ov::Tensor input_;
  std::vector<std::pair<std::string, ov::Output<const ov::Node>>> outputs_;
};

class OpenvinoNetwork final : public Network {
 public:
  OpenvinoNetwork(ov::CompiledModel compiled, std::vector<std::string> output_names)
      : compiled_(std::move(compiled)), output_names_(std::move(output_names)) {}

  std::vector<std::int64_t> input_shape() const override {
    const ov::Shape shape = compiled_.input().get_shape();
    return {shape.begin(), shape.end()};
  }

  std::unique_ptr<Lane> make_lane() override {
    return openvino_call(Kind::kInternal, "make room for an image", [&] {
      std::vector<std::pair<std::string, ov::Output<const ov::Node>>> outputs;
      const std::size_t taps = compiled_.outputs().size() - output_names_.size();
      for (std::size_t i = 0; i < output_names_.size(); ++i)
        outputs.emplace_back(output_names_[i], compiled_.output(taps + i));
      return std::make_unique<OpenvinoLane>(compiled_.create_infer_request(), std::move(outputs));
    });
  }

 private:
  ov::CompiledModel compiled_;
  std::vector<std::string> output_names_;
};

}  // namespace

std::vector<std::string> observable_tensors(const ModelProto& model) {
  ov::Core core;
  const auto tensors = tensors_by_name(*read_model(core, model));
  std::vector<std::string> observable;
  for (const std::string& name : activation_names(model.graph())) {
    const auto found = tensors.find(name);
    if (found != tensors.end() && found->second.get_element_type().is_real() &&
        !ov::is_type<ov::op::v0::Constant>(found->second.get_node()))
      observable.push_back(name);
  }
  return observable;
}

std::unique_ptr<Network> compile_network(const ModelProto& model, std::size_t lanes,
                                         const SessionOptions& options, const std::vector<NetworkTap>& taps) {
  ov::Core core;
  const RunPrecision precision = options.precision;
  if (precision == RunPrecision::kBf16 && std::ranges::count(capabilities_of(core), "BF16") == 0)
    throw Error(Kind::kUnsupported, "this processor does not compute in bf16", "use f32");
  std::shared_ptr<ov::Model> network = read_model(core, model);
  fix_input_shape(*network, options.input_dims);
  network = with_float_input(network);
  network = openvino_call(Kind::kBadInput, "observe this model's tensors",
                          [&] { return with_taps(*network, model.graph(), taps); });
  std::vector<std::string> output_names;
  for (const ValueInfoProto& output : model.graph().output()) output_names.push_back(output.name());
  return openvino_call(Kind::kUnsupported, "compile the model", [&] {
    return std::make_unique<OpenvinoNetwork>(
        core.compile_model(network, "CPU", compile_properties(precision, lanes)), std::move(output_names));
  });
}

std::vector<OperatorTime> operator_times(const ModelProto& model, std::span<const float> input,
                                         std::size_t runs) {
  ov::Core core;
  std::shared_ptr<ov::Model> network = read_model(core, model);
  fix_input_shape(*network, {});
  network = with_float_input(network);
  ov::AnyMap properties = compile_properties(RunPrecision::kF32, 1);
  properties.insert(ov::enable_profiling(true));
  ov::InferRequest request = openvino_call(Kind::kUnsupported, "compile the model", [&] {
    return core.compile_model(network, "CPU", properties).create_infer_request();
  });
  ov::Tensor tensor = request.get_input_tensor();
  if (tensor.get_size() != input.size())
    throw Error(Kind::kInternal, fmt::format("an input of {} numbers for a network that takes {}",
                                             input.size(), tensor.get_size()));
  std::ranges::copy(input, tensor.data<float>());
  return openvino_call(Kind::kInternal, "compute the network", [&] {
    request.infer();
    std::vector<OperatorTime> operators;
    std::vector<std::vector<double>> times;  // of each operator, one a run
    for (std::size_t run = 0; run < std::max<std::size_t>(runs, 1); ++run) {
      request.infer();
      std::size_t i = 0;
      for (const ov::ProfilingInfo& info : request.get_profiling_info()) {
        if (run == 0) {
          operators.push_back({info.node_type, info.node_name});
          times.emplace_back();
        }
        times.at(i++).push_back(std::chrono::duration<double, std::milli>(info.real_time).count());
      }
    }
    for (std::size_t i = 0; i < operators.size(); ++i) {
      std::ranges::sort(times[i]);
      operators[i].milliseconds = times[i][times[i].size() / 2];
    }
    return operators;
  });
}

RuntimeFacts runtime_facts() {
  return openvino_call(Kind::kEnvironment, "be used", [] {
    ov::Core core;
    RuntimeFacts facts{ov::get_openvino_version().buildNumber,
                       core.get_property("CPU", ov::device::full_name), capabilities_of(core)};
    facts.version.resize(std::min(facts.version.size(), facts.version.find('-')));  // "2026.4.1-21234-abcdef"
    while (!facts.device.empty() && facts.device.back() == ' ') facts.device.pop_back();
    return facts;
  });
}

}  // namespace etalon
