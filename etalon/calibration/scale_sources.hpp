// Which tensors of a graph share one scale, as TensorRT makes them.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "etalon/onnx/model.hpp"

namespace etalon {

// For each activation of the graph the tensor whose statistics decide its scale: pooling by maximum,
// reshapes, transposes and nearest resize have their input's; the inputs of a concat have the concat's.
std::map<std::string, std::string> scale_sources(const ModelProto& model);

// The tensors that decide for some tensor that may have a range, in graph order. `unranged`: is_unranged.
std::vector<std::string> deciding_tensors(const ModelProto& model,
                                          const std::vector<std::string>& unranged = {});

// Whether a tensor is among those that get no range: it is named in `unranged`, or begins with an entry that
// ends in '/'.
bool is_unranged(std::string_view tensor, const std::vector<std::string>& unranged);

}  // namespace etalon
