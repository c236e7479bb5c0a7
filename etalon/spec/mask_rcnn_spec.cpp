#include "etalon/spec/mask_rcnn_spec.hpp"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <string>
#include <utility>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/spec/placed_message.hpp"
#include "etalon/spec/python_literal.hpp"
#include "etalon/spec/spec_text.hpp"

namespace etalon {
namespace {

using google::protobuf::FieldDescriptor;

struct BuiltIn {
  std::string_view field;  // of maskrcnn_config
  double number = 0;
  std::string_view text{};
};

// TAO's hyper-parameters for what shapes the network (NVIDIA/tao_tensorflow1_backend,
// cv/mask_rcnn/hyperparameters). `include_mask` is not here: a training without it had no masks.
constexpr BuiltIn kBuiltIns[] = {
    {.field = "arch", .text = "resnet"},
    {.field = "mrcnn_resolution", .number = 28},
    {.field = "fast_rcnn_mlp_head_dim", .number = 1024},
    {.field = "min_level", .number = 2},
    {.field = "max_level", .number = 6},
    {.field = "num_scales", .number = 1},
    {.field = "anchor_scale", .number = 8},
    {.field = "aspect_ratios", .text = "[(1.0, 1.0), (1.4, 0.7), (0.7, 1.4)]"},
    {.field = "bbox_reg_weights", .text = "(10., 10., 5., 5.)"},
    {.field = "test_rpn_post_nms_topn", .number = 1000},
    {.field = "test_rpn_nms_thresh", .number = 0.7},
    {.field = "test_detections_per_image", .number = 100},
    {.field = "test_nms", .number = 0.5},
};

void set(google::protobuf::Message& message, const BuiltIn& value) {
  const auto* field = message.GetDescriptor()->FindFieldByName(std::string(value.field));
  if (field == nullptr)
    throw Error(Kind::kInternal, fmt::format("{} is no field of maskrcnn_config", value.field));
  const auto* reflection = message.GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_UINT32:
      return reflection->SetUInt32(&message, field, static_cast<std::uint32_t>(value.number));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return reflection->SetFloat(&message, field, static_cast<float>(value.number));
    case FieldDescriptor::CPPTYPE_STRING:
      return reflection->SetString(&message, field, std::string(value.text));
    default:
      throw Error(Kind::kInternal, fmt::format("no built-in value can be of the type of {}", value.field));
  }
}

void fill_in(MaskRcnnSpec& spec) {
  spec.experiment.mutable_data_config();  // there for the validation, that it says which fields are missing
  auto* message = spec.experiment.mutable_maskrcnn_config();
  const PlacedMessage config = PlacedMessage(spec.experiment, spec.outline).child("maskrcnn_config");
  for (const BuiltIn& value : kBuiltIns) {
    if (config.given(value.field)) continue;
    set(*message, value);
    const std::string shown =
        value.text.empty() ? fmt::format("{}", value.number) : fmt::format("\"{}\"", value.text);
    add_finding(spec.findings,
                config.finding(
                    Finding::Severity::kWarning, value.field,
                    fmt::format("{} is missing: {} is taken, TAO's built-in value (TAO itself would read {})",
                                value.field, shown, value.text.empty() ? "0" : "an empty text")));
  }
}

PythonLiteral sequence(std::string_view text, std::string_view expected) {
  if (text.empty()) throw Error(Kind::kBadInput, fmt::format("it is empty, expected {}", expected));
  PythonLiteral read = parse_python_literal(text);
  if (!read.is_sequence)
    throw Error(Kind::kBadInput, fmt::format("it is '{}', expected {}", escaped(text, 60), expected));
  return read;
}

constexpr double kSmallestFactor = 1e-3, kLargestFactor = 1e3;

bool is_factor(const PythonLiteral& value) {
  return !value.is_sequence && kSmallestFactor <= value.number && value.number <= kLargestFactor;
}

}  // namespace

MaskRcnnSpec parse_mask_rcnn_spec(std::string_view text) {
  MaskRcnnSpec spec;
  SpecText read = parse_spec_text(text, SpecKind::kMaskRcnn, spec.experiment);
  spec.findings = std::move(read.findings);
  spec.outline = std::move(read.outline);
  fill_in(spec);
  return spec;
}

MaskRcnnSpec read_mask_rcnn_spec(const std::filesystem::path& path) {
  const Bytes bytes = read_file(path, kLargestSpecBytes);
  return within([&] { return fmt::format("'{}'", escaped(path.string())); },
                [&] { return parse_mask_rcnn_spec(as_text(bytes)); });
}

ImageSize parse_image_size(std::string_view text) {
  constexpr std::string_view kExpected = "height and width such as \"(832, 1344)\"";
  const PythonLiteral read = sequence(text, kExpected);
  const auto is_side = [](const PythonLiteral& v) {
    return !v.is_sequence && v.is_integer && v.number >= 1 &&
           v.number <= static_cast<double>(kLargestImageSide);
  };
  if (read.items.size() != 2 || !is_side(read.items[0]) || !is_side(read.items[1]))
    throw Error(Kind::kBadInput, fmt::format("it is '{}', expected {}, each a whole number from 1 to {}",
                                             escaped(text, 60), kExpected, kLargestImageSide));
  return {static_cast<std::int64_t>(read.items[0].number), static_cast<std::int64_t>(read.items[1].number)};
}

std::vector<std::array<double, 2>> parse_aspect_ratios(std::string_view text) {
  constexpr std::string_view kExpected = "pairs of width and height such as \"[(1.0, 1.0), (1.4, 0.7)]\"";
  const PythonLiteral read = sequence(text, kExpected);
  if (read.items.empty() || read.items.size() > kMostAspectRatios)
    throw Error(Kind::kBadInput,
                fmt::format("it has {} entries, expected 1 to {}", read.items.size(), kMostAspectRatios));
  std::vector<std::array<double, 2>> out;
  for (const PythonLiteral& pair : read.items) {
    if (pair.items.size() != 2 || !is_factor(pair.items[0]) || !is_factor(pair.items[1]))
      throw Error(Kind::kBadInput,
                  fmt::format("entry {} of '{}' is wrong, expected {}, each from {} to {}", out.size() + 1,
                              escaped(text, 60), kExpected, kSmallestFactor, kLargestFactor));
    out.push_back({pair.items[0].number, pair.items[1].number});
  }
  return out;
}

std::array<double, 4> parse_box_weights(std::string_view text) {
  constexpr std::string_view kExpected = "four numbers such as \"(10., 10., 5., 5.)\"";
  const PythonLiteral read = sequence(text, kExpected);
  if (read.items.size() != 4)
    throw Error(Kind::kBadInput, fmt::format("it has {} entries, expected {}", read.items.size(), kExpected));
  std::array<double, 4> out{};
  for (std::size_t i = 0; i < 4; ++i) {
    if (!is_factor(read.items[i]))
      throw Error(Kind::kBadInput,
                  fmt::format("entry {} of '{}' is wrong, expected {}, each from {} to {}", i + 1,
                              escaped(text, 60), kExpected, kSmallestFactor, kLargestFactor));
    out[i] = read.items[i].number;
  }
  return out;
}

}  // namespace etalon
