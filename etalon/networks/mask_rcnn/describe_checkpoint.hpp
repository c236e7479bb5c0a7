// What the variables of a checkpoint say of the Mask R-CNN they belong to, without a spec: for people who ask
// what a file is, and for refusing a spec of another network.
//
//   const auto seen = describe_mask_rcnn(checkpoint);
//   if (seen && seen->layers != facts.layers) ...
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "etalon/formats/tf_checkpoint/tf_checkpoint.hpp"

namespace etalon {

// A width is 0 where its variable is not there.
struct MaskRcnnDescription {
  int layers = 0;         // of the ResNet whose convolutions these are; 0: of none
  bool complete = false;  // exactly that ResNet's convolutions
  // Some layer is narrower than in TAO's network of that depth. fc6 and fc7 do not count: their width is a
  // field of the spec.
  bool pruned = false;
  std::array<std::int64_t, 4> backbone_widths{};  // channels of C2 .. C5
  std::int64_t pyramid_width = 0;                 // channels of P2 .. P6
  std::int64_t head_width = 0;                    // of fc7
  std::int64_t class_count = 0;                   // background included
  int anchors_per_cell = 0;
  std::uint64_t parameter_count = 0;  // numbers of the network's variables, moving statistics included
  std::uint64_t optimizer_slots = 0;  // variables of the optimizer
  std::optional<std::int64_t> step;   // global_step, when it is there
};

// nullopt: this is no Mask R-CNN (none of rpn, fc6 and mask_fcn_logits is there). Errors: those of
// TfCheckpoint::bytes for global_step.
std::optional<MaskRcnnDescription> describe_mask_rcnn(const TfCheckpoint& checkpoint);

}  // namespace etalon
