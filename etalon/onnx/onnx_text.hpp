// Models for tests, written in ONNX's text form:
//
//   parse_model(R"(<ir_version: 7, opset_import: ["" : 13]> g (float[N,2] x) => (float[N,2] y) { y = Relu(x)
//   })")
#pragma once

#include <onnx/defs/parser.h>

#include <stdexcept>
#include <string>

#include "etalon/onnx/model.hpp"

namespace etalon {

inline ModelProto parse_model(const std::string& text) {
  ModelProto model;
  onnx::OnnxParser parser(text.c_str());
  if (const auto status = parser.Parse(model); !status.IsOK())
    throw std::invalid_argument(status.ErrorMessage());
  return model;
}

// Constants of the text form live in nodes only; the tests add theirs here.
inline void add_floats(ModelProto& model, const std::string& name, std::initializer_list<std::int64_t> dims,
                       std::initializer_list<float> values) {
  auto& tensor = *model.mutable_graph()->add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(TensorProto::FLOAT);
  for (const auto dim : dims) tensor.add_dims(dim);
  for (const float value : values) tensor.add_float_data(value);
}
inline void add_ints(ModelProto& model, const std::string& name, std::initializer_list<std::int64_t> values) {
  auto& tensor = *model.mutable_graph()->add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(TensorProto::INT64);
  tensor.add_dims(static_cast<std::int64_t>(values.size()));
  for (const auto value : values) tensor.add_int64_data(value);
}

}  // namespace etalon
