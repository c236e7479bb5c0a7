#include "etalon/networks/exported_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "etalon/base/error.hpp"
#include "etalon/networks/detectnet_v2/detectnet_v2.hpp"
#include "etalon/networks/mask_rcnn/mask_rcnn.hpp"
#include "etalon/networks/metadata.hpp"

namespace etalon {
namespace {

constexpr std::int64_t kLargestSide = 1 << 16;

// By network the outputs that it cannot be without, and its preprocessing where the file says none.
struct KnownNetwork {
  std::string_view name;
  std::array<OutputRole, 2> outputs;
  std::string_view outputs_in_words;
  Preprocessing preprocessing;
};

const KnownNetwork& known_network(std::string_view name) {
  static const KnownNetwork kNetworks[] = {
      {"detectnet_v2", {OutputRole::kCoverage, OutputRole::kBoxes}, "output_cov and output_bbox", {}},
      {"mask_rcnn",
       {OutputRole::kDetections, OutputRole::kMasks},
       "generate_detections and mask_fcn_logits",
       mask_rcnn_preprocessing()},
  };
  for (const auto& network : kNetworks)
    if (network.name == name) return network;
  throw Error(Kind::kInternal, fmt::format("no network '{}'", name));
}

void take_input(Deployable& net) {
  const auto inputs = data_inputs(net.model.graph());
  if (inputs.size() != 1)
    throw Error(Kind::kBadInput, fmt::format("the model has {} inputs, expected one image", inputs.size()));
  const auto shape = shape_of(*inputs.front());
  net.input = inputs.front()->name();
  const auto refuse = [&](const std::string& what) {
    throw Error(Kind::kBadInput, fmt::format("the model's input '{}' {}, expected [N, 3 or 1, height, width]",
                                             escaped(net.input), what));
  };
  if (!shape || shape->size() != 4) refuse("has not four axes");
  for (std::size_t axis = 1; axis < 4; ++axis) {
    if (!(*shape)[axis]) refuse("leaves its size open");
    if (*(*shape)[axis] < 1 || *(*shape)[axis] > kLargestSide)
      refuse(fmt::format("has a side of {}", *(*shape)[axis]));
  }
  net.channels = *(*shape)[1];
  net.height = *(*shape)[2];
  net.width = *(*shape)[3];
  if (net.channels != 1 && net.channels != 3) refuse(fmt::format("has {} channels", net.channels));
}

// Of the coverage output, where the file notes its shape; else by the labels.
std::int64_t class_count_of(const Deployable& net) {
  for (const auto& output : net.model.graph().output())
    for (const auto& deployed : net.outputs)
      if (deployed.role == OutputRole::kCoverage && output.name() == deployed.tensor)
        if (const auto shape = shape_of(output); shape && shape->size() == 4 && (*shape)[1])
          return std::max<std::int64_t>(0, *(*shape)[1]);
  return static_cast<std::int64_t>(net.labels.size());
}

}  // namespace

Deployable deployable_from_exported(ModelProto&& model, std::string_view network) {
  const KnownNetwork& known = known_network(network);
  ServedModel served = served_model_in(model);
  if (served.network && *served.network != network)
    throw Error(Kind::kBadInput, fmt::format("the model's metadata says that it is a '{}', expected '{}'",
                                             escaped(*served.network), network));
  Deployable net;
  net.network = network;
  net.unranged = unranged_in(model);
  for (const auto role : known.outputs)
    if (!served.tensor_of(role))
      throw Error(Kind::kBadInput, fmt::format("this is not a {} model: it has not the outputs {}", network,
                                               known.outputs_in_words));
  net.model = std::move(model);
  take_input(net);
  net.outputs = std::move(served.outputs);
  net.labels = std::move(served.labels);
  net.clustering = std::move(served.clustering);
  if (served.box_code) net.box_code = *served.box_code;
  net.preprocessing = served.preprocessing.value_or(known.preprocessing);
  if (net.channels == 1) net.preprocessing.order = ChannelOrder::kGrey;
  net.class_count = class_count_of(net);
  if (!served.network) write_metadata(net);  // another tool's file
  for (const auto& tensor : net.model.graph().initializer()) net.parameter_count += element_count(tensor);
  return net;
}

void take_specification(Deployable& net, const DetectnetV2Spec& spec) {
  take_spec_facts(net, spec.experiment);
  auto& entries = *net.model.mutable_metadata_props();
  for (int i = entries.size() - 1; i >= 0; --i)
    if (entries[i].key().starts_with("etalon.")) entries.DeleteSubrange(i, 1);
  write_metadata(net);
}

}  // namespace etalon
