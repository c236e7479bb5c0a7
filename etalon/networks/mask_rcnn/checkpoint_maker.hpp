// Small Mask R-CNN checkpoints for tests, made in memory:
//
//   CheckpointMaker maker({.layers = 50});
//   maker.set("l3/bias", {7});              // another shape
//   TfCheckpoint checkpoint = maker.take();
//
// Numbers count up in steps of 1/64 from 1/64 in each variable, so that every number is exact and no two of
// one are equal (as long as it has fewer than 2^24). Variances are positive so.
#pragma once

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "etalon/base/crc32c.hpp"
#include "etalon/formats/tf_checkpoint/tf_checkpoint.hpp"
#include "etalon/networks/mask_rcnn/facts.hpp"
#include "etalon/networks/mask_rcnn/resnets.hpp"

namespace etalon {

// Every width is another one, so that no two can be taken for each other.
struct NarrowNetwork {
  int layers = 10;
  int min_level = 2, max_level = 6;
  std::int64_t classes = 3, anchors = 3, mask_size = 8;
  std::int64_t stem = 2;
  std::array<std::int64_t, 4> inside{3, 4, 5, 6};   // convolutions of a repeat but the last
  std::array<std::int64_t, 4> blocks{7, 8, 9, 10};  // outputs
  std::int64_t lateral = 11, pyramid = 12, rpn = 13, fc6 = 14, fc7 = 15, mask = 16, upsampled = 17;
};

class CheckpointMaker {
 public:
  struct Variable {
    std::vector<std::int64_t> shape;
    CheckpointType type = CheckpointType::kFloat32;
  };

  explicit CheckpointMaker(const NarrowNetwork& net = {}) {
    set("conv1/kernel", {7, 7, 3, net.stem});
    batch_norm("bn_conv1", net.stem);
    const auto& resnet = *find_resnet(net.layers);
    std::int64_t in = net.stem;
    for (std::size_t b = 0; b < 4; ++b)
      for (int repeat = 0; repeat < resnet.repeats[b]; ++repeat) {
        const auto scope = block_scope(static_cast<int>(b) + 1, repeat);
        const auto first = in;
        for (int i = 1; i <= resnet.convolutions(); ++i) {
          const std::int64_t size = resnet.bottleneck && i != 2 ? 1 : 3;
          const auto out = i == resnet.convolutions() ? net.blocks[b] : net.inside[b];
          set(fmt::format("{}_conv_{}/kernel", scope, i), {size, size, in, out});
          batch_norm(fmt::format("{}_bn_{}", scope, i), out);
          in = out;
        }
        if (repeat > 0) continue;
        set(scope + "_conv_shortcut/kernel", {1, 1, first, net.blocks[b]});
        batch_norm(scope + "_bn_shortcut", net.blocks[b]);
      }
    for (int level = net.min_level; level <= 5; ++level) {
      biased(fmt::format("l{}", level), {1, 1, net.blocks[static_cast<std::size_t>(level - 2)], net.lateral});
      biased(fmt::format("post_hoc_d{}", level), {3, 3, net.lateral, net.pyramid});
    }
    if (net.max_level == 7)
      for (const std::string layer : {"p6", "p7"}) biased(layer, {3, 3, net.pyramid, net.pyramid});
    biased("rpn", {3, 3, net.pyramid, net.rpn});
    biased("rpn-class", {1, 1, net.rpn, net.anchors});
    biased("rpn-box", {1, 1, net.rpn, 4 * net.anchors});
    biased("fc6", {net.pyramid * (net.mask_size / 4) * (net.mask_size / 4), net.fc6});
    biased("fc7", {net.fc6, net.fc7});
    biased("class-predict", {net.fc7, net.classes});
    biased("box-predict", {net.fc7, 4 * net.classes});
    for (int i = 0; i < 4; ++i)
      biased(fmt::format("mask-conv-l{}", i), {3, 3, i == 0 ? net.pyramid : net.mask, net.mask});
    set("conv5-mask/kernel", {2, 2, net.upsampled, net.mask});
    set("conv5-mask/bias", {net.upsampled});
    biased("mask_fcn_logits", {1, 1, net.upsampled, net.classes});
    set("global_step", {}, CheckpointType::kInt64);
  }

  void set(const std::string& name, std::vector<std::int64_t> shape,
           CheckpointType type = CheckpointType::kFloat32) {
    variables_[name] = {std::move(shape), type};
  }
  void remove(const std::string& name) { variables_.erase(name); }
  void rename(const std::string& from, const std::string& to) {
    auto node = variables_.extract(from);
    node.key() = to;
    variables_.insert(std::move(node));
  }
  const std::map<std::string, Variable>& variables() const { return variables_; }

  // int64 scalars are 5; variables of other types than float32 have no bytes.
  TfCheckpoint take() const {
    TfCheckpoint checkpoint;
    checkpoint.stem = "model.ckpt-5";
    auto storage = std::make_shared<Bytes>();
    for (const auto& [name, variable] : variables_) {
      CheckpointVariable entry;
      entry.name = name;
      entry.type = variable.type;
      entry.shape = variable.shape;
      entry.offset = storage->size();
      if (variable.type == CheckpointType::kInt64) {
        append(*storage, std::int64_t{5});
      } else if (variable.type == CheckpointType::kFloat32) {
        std::int64_t count = 1;
        for (const auto axis : variable.shape) count *= axis;
        for (std::int64_t i = 0; i < count; ++i) append(*storage, static_cast<float>(i + 1) / 64.0F);
      }
      entry.size_bytes = storage->size() - entry.offset;
      entry.masked_crc = masked_crc(crc32c(ByteView(*storage).subspan(entry.offset)));
      checkpoint.variables.push_back(std::move(entry));
    }
    checkpoint.shards.emplace_back(*storage);
    checkpoint.storage = std::move(storage);
    return checkpoint;
  }

 private:
  template <class Number>
  static void append(Bytes& bytes, Number number) {
    bytes.resize(bytes.size() + sizeof(Number));
    std::memcpy(bytes.data() + bytes.size() - sizeof(Number), &number, sizeof(Number));
  }
  void batch_norm(const std::string& layer, std::int64_t channels) {
    for (const std::string role : {"gamma", "beta", "moving_mean", "moving_variance"})
      set(layer + "/" + role, {channels});
  }
  void biased(const std::string& layer, std::vector<std::int64_t> kernel) {
    set(layer + "/bias", {kernel.back()});
    set(layer + "/kernel", std::move(kernel));
  }

  std::map<std::string, Variable> variables_;
};

// What the spec of such a network says.
inline MaskRcnnFacts facts_of(const NarrowNetwork& net = {}) {
  MaskRcnnFacts facts;
  facts.height = 128;
  facts.width = 256;
  facts.class_count = net.classes;
  facts.layers = net.layers;
  facts.mask_size = net.mask_size;
  facts.min_level = net.min_level;
  facts.max_level = net.max_level;
  facts.proposals = 20;
  facts.detections = 5;
  return facts;
}

}  // namespace etalon
