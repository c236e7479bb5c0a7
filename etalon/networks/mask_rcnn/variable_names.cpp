#include "etalon/networks/mask_rcnn/variable_names.hpp"

#include <fmt/format.h>

#include <initializer_list>
#include <string_view>

namespace etalon {
namespace {

void add_batch_norm(std::vector<std::string>& names, const std::string& layer) {
  for (const std::string_view role : {"gamma", "beta", "moving_mean", "moving_variance"})
    names.push_back(fmt::format("{}/{}", layer, role));
}

void add_biased(std::vector<std::string>& names, const std::string& layer) {
  names.push_back(layer + "/kernel");
  names.push_back(layer + "/bias");
}

}  // namespace

std::vector<std::string> backbone_variables(const ResNet& net) {
  std::vector<std::string> names{"conv1/kernel"};
  add_batch_norm(names, "bn_conv1");
  for (int block = 1; block <= 4; ++block)
    for (int repeat = 0; repeat < net.repeats[static_cast<std::size_t>(block - 1)]; ++repeat) {
      const auto scope = block_scope(block, repeat);
      for (int i = 1; i <= net.convolutions(); ++i) {
        names.push_back(fmt::format("{}_conv_{}/kernel", scope, i));
        add_batch_norm(names, fmt::format("{}_bn_{}", scope, i));
      }
      if (repeat > 0) continue;
      names.push_back(scope + "_conv_shortcut/kernel");
      add_batch_norm(names, scope + "_bn_shortcut");
    }
  return names;
}

std::vector<std::string> neck_and_head_variables(const MaskRcnnFacts& facts) {
  std::vector<std::string> names;
  for (int level = facts.min_level; level <= kHighestBackboneLevel; ++level) {
    add_biased(names, fmt::format("l{}", level));
    add_biased(names, fmt::format("post_hoc_d{}", level));
  }
  // With 6 levels P6 is a pooling and has no weights.
  if (facts.max_level > 6)
    for (int level = 6; level <= facts.max_level; ++level) add_biased(names, fmt::format("p{}", level));
  for (const std::string_view layer :
       {"rpn", "rpn-class", "rpn-box", "fc6", "fc7", "class-predict", "box-predict", "mask-conv-l0",
        "mask-conv-l1", "mask-conv-l2", "mask-conv-l3", "conv5-mask", "mask_fcn_logits"})
    add_biased(names, std::string(layer));
  return names;
}

}  // namespace etalon
