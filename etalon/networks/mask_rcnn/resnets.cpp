#include "etalon/networks/mask_rcnn/resnets.hpp"

#include <fmt/format.h>

namespace etalon {
namespace {

constexpr std::array kResNets{
    ResNet{10, false, {1, 1, 1, 1}, {0, 0, 0, 0}},  ResNet{18, false, {2, 2, 2, 2}, {1, 1, 1, 1}},
    ResNet{34, false, {3, 4, 6, 3}, {2, 3, 5, 2}},  ResNet{50, true, {3, 4, 6, 3}, {2, 3, 5, 2}},
    ResNet{101, true, {3, 4, 23, 3}, {2, 3, 5, 2}},
};

}  // namespace

std::span<const ResNet> resnets() { return kResNets; }

const ResNet* find_resnet(int layers) {
  for (const auto& net : kResNets)
    if (net.layers == layers) return &net;
  return nullptr;
}

std::string block_scope(int block, int repeat) {
  return fmt::format("block_{}{}", block, static_cast<char>('a' + repeat));  // at most 23: 'w'
}

}  // namespace etalon
