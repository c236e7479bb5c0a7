// Which network's and which task's specification a text is, told by the fields that only one kind has.
//
//   recognise_spec("seed: 7\nmaskrcnn_config { }")  ->  {kMaskRcnn, "Mask R-CNN", "maskrcnn_config", 2, 1}
#pragma once

#include <string>
#include <string_view>

#include "etalon/spec/text_outline.hpp"

namespace etalon {

enum class SpecKind {
  kExperiment,      // DetectNet_v2's experiment: training, export, calibration_tensorfile
  kInference,       // of DetectNet_v2's task inference
  kDatasetConvert,  // of DetectNet_v2's task dataset_convert
  kMaskRcnn,        // Mask R-CNN's experiment
  kForeign,         // of another network
};

struct RecognisedSpec {
  SpecKind kind = SpecKind::kExperiment;
  std::string network = "DetectNet_v2";
  std::string field;         // what told it; empty where nothing did: kExperiment is what is left
  int line = 0, column = 0;  // of that field
};

RecognisedSpec recognise_spec(const TextOutline& outline);
// Errors (kBadInput): too large, binary.
RecognisedSpec recognise_spec(std::string_view text);

// What a specification of this kind is, without a text. Not for kForeign.
RecognisedSpec spec_of(SpecKind kind);

// "the experiment specification of DetectNet_v2", "a specification of SSD", ...
std::string describe(const RecognisedSpec& spec);

}  // namespace etalon
