// ONNX is etalon's one representation of a network. This header names its types, reads and writes it.
//
// A tensor's name is its identity: calibration caches, DeepStream and Triton key on it. Passes may drop a
// value but never rename one that stays.
#pragma once

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "etalon/base/bytes.hpp"
#include "etalon/base/file.hpp"

namespace etalon {

using onnx::AttributeProto;
using onnx::GraphProto;
using onnx::ModelProto;
using onnx::NodeProto;
using onnx::TensorProto;
using onnx::ValueInfoProto;

// What etalon writes: opset 13 knows per-channel Q/DQ, and TensorRT 8 to 10 parse it; IR 7 goes with it.
inline constexpr int kOpset = 13;
inline constexpr int kIrVersion = 7;

// nullopt in place of a number: that dimension is dynamic. No shape at all: the rank is unknown.
using Dimension = std::optional<std::int64_t>;
using Shape = std::vector<Dimension>;
std::optional<Shape> shape_of(const ValueInfoProto& value);

// Graph inputs that are not initializers.
std::vector<const ValueInfoProto*> data_inputs(const GraphProto& graph);

// The version of the operator set `domain` ("" is ONNX's own); 0 when the model does not import it.
std::int64_t opset_of(const ModelProto& model, std::string_view domain = "");

// A model with this graph and etalon's own header: IR, opset, producer "etalon" and this project's version.
ModelProto model_of(GraphProto graph);

// A node of TensorRT's convention for plugins: an operator that stands in no operator set, in ONNX's own
// domain, with the attribute `plugin_version`. TensorRT's parser looks such operators up among its plugins.
// ONNX's rules say nothing about them, and onnx's checker refuses them; check_onnx and infer_shapes here take
// them as they are, with whatever attributes, inputs and outputs.
inline constexpr std::string_view kPluginVersion = "plugin_version";
bool is_plugin_node(const NodeProto& node);

// Names of all activations: data inputs, then every node's outputs in order, those of Constant, Shape and
// Size nodes and of constant-only subexpressions left out.
std::vector<std::string> activation_names(const GraphProto& graph);

// Errors (kBadInput): not a ModelProto, no graph; kUnsupported: weights in other files (external data).
// `check_onnx` is separate. The caller adds the file's name.
ModelProto read_onnx(ByteView bytes);
ModelProto read_onnx(const std::filesystem::path& path);

// Deterministic protobuf bytes, streamed: the model is not copied. Error (kUnsupported): larger than
// protobuf's 2 GB.
void write_onnx(const ModelProto& model, Sink& sink);
std::string onnx_bytes(const ModelProto& model);

// The newest operator set that libonnx 1.12 knows, and so the newest that infer_shapes takes.
inline constexpr int kNewestOpset = 17;
// The newest that check_onnx takes. Of the operators that opset 18 to 21 brought or gave other inputs or
// attributes it checks only that they exist (the list in check.cpp); the others as in opset 17.
inline constexpr int kNewestCheckedOpset = 21;

// onnx's checker, names unique and defined before use (SSA), every initializer's size equal to its shape.
// Plugin nodes of the outermost graph are accepted.
// Errors: kBadInput with the node or tensor named; kUnsupported: an opset newer than kNewestCheckedOpset.
void check_onnx(const ModelProto& model);

// Shapes of all values by onnx's inference, written into value_info and the outputs. What a plugin node makes
// has the shape that value_info notes. Errors: kBadInput as check_onnx; kUnsupported: newer than
// kNewestOpset; kBadInput for a declared shape that the inference contradicts. For graphs that this program
// built: libonnx 1.12 reads past the end of shapes that a damaged file makes too short (a ConvTranspose's
// weight of one axis).
void infer_shapes(ModelProto& model);

// An initializer's numbers as float32 (float, float16, double accepted); Error(kBadInput) for other types.
std::vector<float> float_values(const TensorProto& tensor);
std::uint64_t element_count(const TensorProto& tensor);

// Whether the bytes start like a ModelProto: ir_version, then another of its fields.
bool looks_like_onnx(ByteView head);

}  // namespace etalon
