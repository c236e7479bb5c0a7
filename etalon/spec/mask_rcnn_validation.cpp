#include "etalon/spec/mask_rcnn_validation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "etalon/base/error.hpp"
#include "etalon/spec/field_rules.hpp"
#include "etalon/spec/python_literal.hpp"

namespace etalon {
namespace {

using Severity = Finding::Severity;
constexpr auto kError = Severity::kError;
constexpr auto kWarning = Severity::kWarning;

bool from_to(double value, double low, double high) { return low <= value && value <= high; }

constexpr Condition kClasses{.expected = "2 to 4096, the background counted",
                             .number = [](double v) { return from_to(v, 2, 4096); }};
constexpr Condition kLayers{.expected = "one of 10, 18, 34, 50, 101", .number = [](double v) {
                              return v == 10 || v == 18 || v == 34 || v == 50 || v == 101;
                            }};
constexpr Condition kArchitecture{.expected = "\"resnet\"",
                                  .text = [](std::string_view v) { return v == "resnet"; }};
constexpr Condition kResolution{.expected = "a multiple of 4 from 4 to 448", .number = [](double v) {
                                  return from_to(v, 4, 448) && std::fmod(v, 4) == 0;
                                }};
constexpr Condition kWidth{.expected = "1 to 65536", .number = [](double v) { return from_to(v, 1, 65536); }};
constexpr Condition kMinLevel{.expected = "2 to 5, the levels of the backbone",
                              .number = [](double v) { return from_to(v, 2, 5); }};
constexpr std::uint32_t kLowestMaxLevel = 5, kHighestMaxLevel = 7;
constexpr Condition kMaxLevel{
    .expected = "5 to 7", .number = [](double v) { return from_to(v, kLowestMaxLevel, kHighestMaxLevel); }};
constexpr Condition kScales{.expected = "1 to 16", .number = [](double v) { return from_to(v, 1, 16); }};
constexpr Condition kAnchorScale{.expected = "1 to 1024",
                                 .number = [](double v) { return from_to(v, 1, 1024); }};
constexpr Condition kCount{.expected = "1 to 10000", .number = [](double v) { return from_to(v, 1, 10000); }};
constexpr Condition kFraction{.expected = "0 to 1", .number = [](double v) { return from_to(v, 0, 1); }};
constexpr Condition kPixels{.expected = "0 to 16384 pixels",
                            .number = [](double v) { return from_to(v, 0, 16384); }};

// A NaN keeps none of them. An absent field of maskrcnn_config has its built-in value here, which does.
constexpr FieldRule kRules[] = {
    {"num_classes", "DataConfig", kClasses, kError},
    {"nlayers", "MaskRCNNConfig", kLayers, kError},
    {"arch", "MaskRCNNConfig", kArchitecture, kError},
    {"mrcnn_resolution", "MaskRCNNConfig", kResolution, kError},
    {"fast_rcnn_mlp_head_dim", "MaskRCNNConfig", kWidth, kError},
    {"min_level", "MaskRCNNConfig", kMinLevel, kError},
    {"max_level", "MaskRCNNConfig", kMaxLevel, kError},
    {"num_scales", "MaskRCNNConfig", kScales, kError},
    {"anchor_scale", "MaskRCNNConfig", kAnchorScale, kError},
    {"rpn_min_size", "MaskRCNNConfig", kPixels, kError},
    {"test_rpn_post_nms_topn", "MaskRCNNConfig", kCount, kError},
    {"test_rpn_nms_thresh", "MaskRCNNConfig", kFraction, kError},
    {"test_detections_per_image", "MaskRCNNConfig", kCount, kError},
    {"test_nms", "MaskRCNNConfig", kFraction, kError},
};
// What `check` throws becomes a finding on the field.
template <class Check>
void check_text(const PlacedMessage& at, std::string_view field, std::vector<Finding>& findings,
                const Check& check, Finding::Severity severity = kError) {
  try {
    check();
  } catch (const Error& error) {
    add_finding(findings, at.finding(severity, field, error.problem()));
  }
}

// "192 x 256" for "200 x 250" and 64: each side the nearest multiple, the smaller of two, at least one.
std::string nearest_size(const ImageSize& size, std::int64_t stride) {
  const auto nearest = [&](std::int64_t side) {
    return std::max<std::int64_t>(1, (side + stride / 2 - 1) / stride) * stride;
  };
  return fmt::format("({}, {})", nearest(size.height), nearest(size.width));
}

void check_image_size(const PlacedMessage& data, const mask_rcnn::Experiment& experiment,
                      std::vector<Finding>& findings) {
  const std::string& text = experiment.data_config().image_size();
  if (!data.given("image_size"))
    return add_finding(findings,
                       data.finding(kError, "image_size",
                                    "it is missing, expected height and width such as \"(832, 1344)\""));
  check_text(data, "image_size", findings, [&] {
    const ImageSize size = parse_image_size(text);
    const std::uint32_t level = experiment.maskrcnn_config().max_level();
    if (level < kLowestMaxLevel || level > kHighestMaxLevel) return;  // the rules have it
    const std::int64_t stride = std::int64_t{1} << level;
    if (size.height % stride == 0 && size.width % stride == 0) return;
    throw Error(Kind::kBadInput,
                fmt::format("it is '{}', expected sides that are multiples of {} (2 to the power "
                            "of max_level); the nearest is {}",
                            escaped(text, 60), stride, nearest_size(size, stride)));
  });
}

}  // namespace

std::vector<Finding> validate_mask_rcnn_spec(const MaskRcnnSpec& spec) {
  std::vector<Finding> findings;
  const PlacedMessage root(spec.experiment, spec.outline);
  check_fields(root, kRules, {}, findings);
  const PlacedMessage data = root.child("data_config"), config = root.child("maskrcnn_config");
  const auto& values = spec.experiment.maskrcnn_config();
  check_image_size(data, spec.experiment, findings);
  check_text(config, "aspect_ratios", findings, [&] { parse_aspect_ratios(values.aspect_ratios()); });
  check_text(config, "bbox_reg_weights", findings, [&] { parse_box_weights(values.bbox_reg_weights()); });
  // Texts that training alone evaluates.
  const auto training = [&](const PlacedMessage& at, std::string_view field, const std::string& text) {
    if (!text.empty())
      check_text(
          at, field, findings, [&] { parse_python_literal(text); }, kWarning);
  };
  training(config, "freeze_blocks", values.freeze_blocks());
  training(root, "learning_rate_steps", spec.experiment.learning_rate_steps());
  training(root, "learning_rate_decay_levels", spec.experiment.learning_rate_decay_levels());
  if (!values.include_mask())
    add_finding(
        findings,
        config.finding(kError, "include_mask",
                       config.given("include_mask")
                           ? "it is false, expected true: a network without masks cannot be exported"
                           : "it is missing, which is false, expected true: a network without masks cannot "
                             "be exported"));
  if (config.given("test_rpn_nms_thresh") && values.test_rpn_nms_thresh() == 0)
    add_finding(findings, config.finding(kWarning, "test_rpn_nms_thresh",
                                         "it is 0: TAO suppresses no proposal then, TensorRT's plugin and "
                                         "etalon each that overlaps a better one"));
  std::ranges::stable_sort(findings, {}, [](const Finding& f) { return std::pair(f.line, f.column); });
  return findings;
}

}  // namespace etalon
