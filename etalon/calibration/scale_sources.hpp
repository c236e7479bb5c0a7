// Which tensors of a graph share one scale, as TensorRT makes them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "etalon/onnx/model.hpp"

namespace etalon {

// For each activation of the graph the tensor whose statistics decide its scale: pooling by maximum,
// reshapes, transposes and nearest resize have their input's; the inputs of a concat have the concat's.
std::map<std::string, std::string> scale_sources(const ModelProto& model);

// The tensors that decide for some tensor, in graph order.
std::vector<std::string> deciding_tensors(const ModelProto& model);

}  // namespace etalon
