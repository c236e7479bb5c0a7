// The facts of a Deployable, written into its ONNX: an exported file itself says what goes in and comes out.
#pragma once

#include <optional>

#include "etalon/networks/deployable.hpp"

namespace etalon {

// etalon.network (text), etalon.preprocessing, etalon.box_code and, when they are known, etalon.labels and
// etalon.clustering (JSON, keys sorted).
void write_metadata(Deployable& deployable);

// What write_metadata says of the preprocessing; nothing where a model has no such entry. Error (kBadInput):
// an entry that is damaged.
std::optional<Preprocessing> preprocessing_in(const ModelProto& model);

}  // namespace etalon
