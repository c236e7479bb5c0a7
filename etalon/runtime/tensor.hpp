// A tensor of numbers that left the network.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace etalon {

struct Tensor {
  std::vector<std::int64_t> shape;
  std::vector<float> values;  // row-major
};

using Outputs = std::map<std::string, Tensor>;  // by ONNX tensor name

}  // namespace etalon
