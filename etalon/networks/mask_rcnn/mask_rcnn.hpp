// TAO's Mask R-CNN: from the trained checkpoint and the facts of its spec to what is deployed.
//
//   const TfCheckpoint trained = read_tf_checkpoint("model.epoch-10.tlt");
//   Deployable net = deployable_from_checkpoint(trained, facts, {.plugins = Plugins::kTensorrt});
//
// docs/networks/mask_rcnn.md has the facts.
#pragma once

#include <cstdint>
#include <optional>

#include "etalon/formats/tf_checkpoint/tf_checkpoint.hpp"
#include "etalon/networks/deployable.hpp"
#include "etalon/networks/mask_rcnn/facts.hpp"
#include "etalon/networks/plugins.hpp"
#include "etalon/networks/tensor_names.hpp"

namespace etalon {

// Of the images of every Mask R-CNN of TAO's (docs/networks/mask_rcnn.md).
Preprocessing mask_rcnn_preprocessing();

struct MaskRcnnOptions {
  Plugins plugins = Plugins::kTensorrt;
  // Else 1 with plugins, and open ("N") without.
  std::optional<std::int64_t> static_batch_size = std::nullopt;
  TensorNames tensor_names = TensorNames::kPlain;
};

// Input "Input" [N, 3, H, W]; outputs, in this order, "generate_detections" [N, D, 6] (y1, x1, y2, x2 in
// pixels of the input, class, score; best first, the rest 0, 0, 0, 0, -1, 0) and "mask_fcn_logits/BiasAdd"
// [N, D, C, M, M], logits of all classes. Widths are the checkpoint's. Whether the plugins can do what the
// facts say is not looked at here.
//
// Errors: kBadInput: no Mask R-CNN, variables that are not there, not float32, or do not fit each other or
// the facts (each is named); kUnsupported: a depth, levels or names of variables that are not known.
Deployable deployable_from_checkpoint(const TfCheckpoint& checkpoint, const MaskRcnnFacts& facts,
                                      const MaskRcnnOptions& options);

}  // namespace etalon
