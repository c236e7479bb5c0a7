// A trained Mask R-CNN and its specification, as export, inference and doctor take them.
#pragma once

#include <filesystem>
#include <string_view>

#include "etalon/base/log.hpp"
#include "etalon/networks/mask_rcnn/mask_rcnn.hpp"
#include "etalon/spec/mask_rcnn_spec.hpp"

namespace etalon {

struct MaskRcnnSpecification {
  MaskRcnnSpec spec;
  MaskRcnnFacts facts;  // with the classes' names, if the annotation file is there
};

// Warns of what is odd in it. Errors: as the stages throw them, with the file named.
MaskRcnnSpecification read_mask_rcnn_specification(const std::filesystem::path& path, Log& log);

// As deployable_from_checkpoint; errors name the model's file.
Deployable mask_rcnn_deployable(const TfCheckpoint& trained, const std::filesystem::path& model,
                                const MaskRcnnFacts& facts, const MaskRcnnOptions& options);

}  // namespace etalon
