#include "etalon/networks/mask_rcnn/spec_facts.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/spec/decimal.hpp"
#include "etalon/spec/mask_rcnn_validation.hpp"

namespace etalon {
namespace {

using Facts = MaskRcnnFacts;

// The plugins' limits: TensorRT OSS 11.1, plugin/common/kernels/maskRCNNKernels.cu.
constexpr std::int64_t kMostProposals = 1024;  // 256 threads x 4; one more kills the process
// Level 2's sort takes 20 bytes an anchor of 8 MiB, which nothing checks: 419430 anchors, 3 to a cell of 4
// x 4.
constexpr std::int64_t kMostPixels = (8 << 20) / 20 / 3 * 16;
constexpr std::int64_t kMostClasses = 253;  // arrays of 255, with the background and one end

// The plugins' constants: TensorRT OSS 11.1, plugin/multilevelProposeROI/tlt_mrcnn_config.h.
struct PluginFacts {
  int min_level = 2, max_level = 6;
  int scales_per_octave = 1;
  double anchor_scale = 8;
  std::vector<std::array<double, 2>> aspect_ratios{{1.0, 1.0}, {1.4, 0.7}, {0.7, 1.4}};
  std::array<double, 4> box_weights{10, 10, 5, 5};
};
const PluginFacts kPluginFacts;

std::string ratios_text(const std::vector<std::array<double, 2>>& ratios) {
  std::string text;
  for (const auto& [width, height] : ratios)
    text += fmt::format("{}({}, {})", text.empty() ? "" : ", ", width, height);
  return fmt::format("[{}]", text);
}

std::string weights_text(const std::array<double, 4>& weights) {
  return fmt::format("({})", fmt::join(weights, ", "));
}

struct PluginLimit {
  std::string_view field;
  bool (*holds)(const Facts&);
  std::string (*value)(const Facts&);
  std::string (*plugins)();  // what they have or can do
};

std::string number(double value) { return fmt::format("{}", value); }

const PluginLimit kPluginLimits[] = {
    {"data_config.image_size", [](const Facts& f) { return f.height * f.width <= kMostPixels; },
     [](const Facts& f) { return fmt::format("({}, {})", f.height, f.width); },
     [] { return fmt::format("give wrong proposals above {} pixels", kMostPixels); }},
    {"data_config.num_classes", [](const Facts& f) { return f.class_count <= kMostClasses; },
     [](const Facts& f) { return fmt::format("{}", f.class_count); },
     [] { return fmt::format("have room for at most {}", kMostClasses); }},
    {"maskrcnn_config.min_level", [](const Facts& f) { return f.min_level == kPluginFacts.min_level; },
     [](const Facts& f) { return fmt::format("{}", f.min_level); },
     [] { return fmt::format("have {} built in", kPluginFacts.min_level); }},
    {"maskrcnn_config.max_level", [](const Facts& f) { return f.max_level == kPluginFacts.max_level; },
     [](const Facts& f) { return fmt::format("{}", f.max_level); },
     [] { return fmt::format("have {} built in", kPluginFacts.max_level); }},
    {"maskrcnn_config.num_scales",
     [](const Facts& f) { return f.scales_per_octave == kPluginFacts.scales_per_octave; },
     [](const Facts& f) { return fmt::format("{}", f.scales_per_octave); },
     [] { return fmt::format("have {} built in", kPluginFacts.scales_per_octave); }},
    {"maskrcnn_config.anchor_scale",
     [](const Facts& f) { return f.anchor_scale == kPluginFacts.anchor_scale; },
     [](const Facts& f) { return number(f.anchor_scale); },
     [] { return fmt::format("have {} built in", kPluginFacts.anchor_scale); }},
    {"maskrcnn_config.aspect_ratios",
     [](const Facts& f) { return f.aspect_ratios == kPluginFacts.aspect_ratios; },
     [](const Facts& f) { return ratios_text(f.aspect_ratios); },
     [] { return fmt::format("have {} built in", ratios_text(kPluginFacts.aspect_ratios)); }},
    {"maskrcnn_config.bbox_reg_weights",
     [](const Facts& f) { return f.box_weights == kPluginFacts.box_weights; },
     [](const Facts& f) { return weights_text(f.box_weights); },
     [] { return fmt::format("have {} built in", weights_text(kPluginFacts.box_weights)); }},
    {"maskrcnn_config.rpn_min_size", [](const Facts& f) { return f.proposal_min_size == 0; },
     [](const Facts& f) { return number(f.proposal_min_size); },
     [] { return std::string("sort no small proposals out"); }},
    {"maskrcnn_config.test_rpn_post_nms_topn", [](const Facts& f) { return f.proposals <= kMostProposals; },
     [](const Facts& f) { return fmt::format("{}", f.proposals); },
     [] { return fmt::format("crash above {}", kMostProposals); }},
    {"maskrcnn_config.test_nms", [](const Facts& f) { return f.detection_iou > 0; },
     [](const Facts& f) { return number(f.detection_iou); }, [] { return std::string("want more than 0"); }},
};

}  // namespace

MaskRcnnFacts facts_of(const MaskRcnnSpec& spec) {
  for (const Finding& finding : validate_mask_rcnn_spec(spec)) {
    if (finding.severity != Finding::Severity::kError) continue;
    Error error(Kind::kBadInput, fmt::format("{}: {}", finding.field, finding.text));
    if (finding.line > 0) error.add_place(fmt::format("line {}, column {}", finding.line, finding.column));
    throw error;
  }
  const auto& data = spec.experiment.data_config();
  const auto& config = spec.experiment.maskrcnn_config();
  const ImageSize size = parse_image_size(data.image_size());
  MaskRcnnFacts facts;
  facts.height = size.height;
  facts.width = size.width;
  facts.class_count = data.num_classes();
  facts.layers = static_cast<int>(config.nlayers());
  facts.mask_size = config.mrcnn_resolution();
  facts.head_width = config.fast_rcnn_mlp_head_dim();
  facts.min_level = static_cast<int>(config.min_level());
  facts.max_level = static_cast<int>(config.max_level());
  facts.anchor_scale = config.anchor_scale();
  facts.scales_per_octave = static_cast<int>(config.num_scales());
  facts.aspect_ratios = parse_aspect_ratios(config.aspect_ratios());
  facts.box_weights = parse_box_weights(config.bbox_reg_weights());
  facts.proposals = config.test_rpn_post_nms_topn();
  facts.proposal_iou = decimal_of(config.test_rpn_nms_thresh());
  facts.proposal_min_size = decimal_of(config.rpn_min_size());
  facts.detections = config.test_detections_per_image();
  facts.detection_iou = decimal_of(config.test_nms());
  return facts;
}

std::vector<std::string> plugins_cannot(const MaskRcnnFacts& facts) {
  std::vector<std::string> texts;
  for (const PluginLimit& limit : kPluginLimits)
    if (!limit.holds(facts))
      texts.push_back(
          fmt::format("{} is {}, TensorRT's plugins {}", limit.field, limit.value(facts), limit.plugins()));
  return texts;
}

void check_plugins_can(const MaskRcnnFacts& facts) {
  const auto texts = plugins_cannot(facts);
  if (!texts.empty())
    throw Error(Kind::kUnsupported, texts.front(), "export with --plugins none, without the plugins");
}

}  // namespace etalon
