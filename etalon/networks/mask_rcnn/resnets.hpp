// The ResNets that TAO puts under Mask R-CNN, as one table.
//
//   const ResNet* net = find_resnet(50);
//   block_scope(3, 5) == "block_3f"
//
// Source: TAO's templates (core/templates/resnet_tf.py); docs/networks/mask_rcnn.md, "Backbone".
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

namespace etalon {

struct ResNet {
  int layers = 0;
  bool bottleneck = false;       // 1x1, 3x3, 1x1 with four times the width; else 3x3, 3x3
  std::array<int, 4> repeats{};  // of blocks 1 to 4
  // The repeat, counted from 0, whose output is C2 .. C5. The last one, but in ResNet-101, where TAO took the
  // letters of ResNet-50: its C4 is `block_3f`, the sixth of 23, and C5 goes through all of them.
  std::array<int, 4> taps{};

  int convolutions() const { return bottleneck ? 3 : 2; }  // of a repeat, without the shortcut's
  // Channels that convolution `index` (from 1) of block 1 .. 4 makes when nothing was pruned.
  std::int64_t full_width(int block, int index) const {
    return (std::int64_t{64} << (block - 1)) * (index == 3 ? 4 : 1);
  }
};

std::span<const ResNet> resnets();
const ResNet* find_resnet(int layers);  // nullptr: there is none

std::string block_scope(int block, int repeat);  // block from 1, repeat from 0

}  // namespace etalon
