// What is wrong in a DetectNet_v2 specification that parses: the checks that TAO makes before each task, and
// those that it leaves out.
//
//   for (const Finding& finding : validate_detectnet_v2_spec(parse_detectnet_v2_spec(text))) ...
//
// An error is what would make our own export or data loader wrong or impossible; what only the data loader
// needs and is not there at all is a warning, as export from a folder of images can do without. A warning
// "TAO refuses this: ..." is what only TAO's validator stops at; other warnings and notes are about names
// that do not belong together. docs/specs.md has the list.
#pragma once

#include <vector>

#include "etalon/spec/detectnet_v2_spec.hpp"

namespace etalon {

// The schema train_val of TAO, and class names across the sections. In the order of the text.
std::vector<Finding> validate_detectnet_v2_spec(const DetectnetV2Spec& spec);

// The schema inference. Nothing here is an error: what our own inference cannot do without it says itself.
std::vector<Finding> validate_detectnet_v2_inference_spec(const DetectnetV2InferenceSpec& spec);

// No schema of TAO's: only what dataset_convert cannot do without. Warnings, for the same reason.
std::vector<Finding> validate_detectnet_v2_convert_spec(const DetectnetV2ConvertSpec& spec);

}  // namespace etalon
