// How an experiment specification's post-processing reads in nvinfer's words (docs/deepstream.md):
//
//   coverage_threshold            pre-cluster-threshold
//   clustering_algorithm          cluster-mode: DBSCAN 1, NMS 2, HYBRID 3 - one for all classes
//   nms_iou_threshold             nms-iou-threshold
//   nms_confidence_threshold      post-cluster-threshold
//   dbscan_eps                    eps
//   dbscan_min_samples            minBoxes
//   dbscan_confidence_threshold   dbscan-min-score
//   minimum_bounding_box_height   detected-min-h
#include "etalon/deployment/deepstream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "etalon/base/error.hpp"
#include "etalon/deployment/key_file.hpp"

namespace etalon {
namespace {

using Algorithm = ClassClustering::Algorithm;

constexpr std::size_t kLongestPath = 4095;

// TAO's inference takes this one where a specification says nothing (0). nvinfer's own default is the same.
constexpr double kNmsIouWhenUnset = 0.3;

// What nvinfer finds masks with: a parser of its own library that knows TAO's Mask R-CNN by the names of its
// outputs (NVIDIA's sample for peopleSegNet).
constexpr std::string_view kMaskParser = "NvDsInferParseCustomMrcnnTLTV2";
constexpr std::string_view kMaskParserLibrary =
    "/opt/nvidia/deepstream/deepstream/lib/libnvds_infercustomparser.so";
constexpr std::string_view kMaskParserDetections = "generate_detections";
constexpr std::string_view kMaskParserMasks = "mask_fcn_logits/BiasAdd";
// The network gives a mask's logits: 0 is the probability 0.5.
constexpr int kMaskThreshold = 0;
constexpr double kDetectionThreshold = 0.5;
constexpr std::int64_t kLargestBatch = 1024;  // that nvinfer takes

// The box code that nvinfer's built-in parser of DetectNet_v2 has compiled in.
constexpr double kParserBoxScale = 35.0, kParserBoxOffset = 0.5;

// A group of `key=value` lines.
class Lines {
 public:
  void verbatim(std::string_view key, std::string_view value) { text_ += fmt::format("{}={}\n", key, value); }
  void integer(std::string_view key, std::int64_t value) { verbatim(key, fmt::format("{}", value)); }
  void number(std::string_view key, double value) { verbatim(key, key_file_number(key, value)); }
  void text(std::string_view key, std::string_view value) { verbatim(key, key_file_text(key, value)); }
  void path(std::string_view key, std::string_view value) {
    verbatim(key, key_file_text(key, value, kLongestPath));
  }
  const std::string& str() const { return text_; }

 private:
  std::string text_;
};

// TAO writes the mean of colours as floats and that of grey, which is an integer there, as one.
std::string offsets(const Preprocessing& how) {
  if (how.order == ChannelOrder::kGrey) return how.mean[0] == 0 ? "0" : python_number("offsets", how.mean[0]);
  return fmt::format("{};{};{}", python_number("offsets", how.mean[0]), python_number("offsets", how.mean[1]),
                     python_number("offsets", how.mean[2]));
}

int color_format(ChannelOrder order) {
  switch (order) {
    case ChannelOrder::kRgb:
      return 0;
    case ChannelOrder::kBgr:
      return 1;
    case ChannelOrder::kGrey:
      return 2;
  }
  throw Error(Kind::kInternal, "unknown channel order");
}

int cluster_mode(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kDbscan:
      return 1;
    case Algorithm::kNms:
      return 2;
    case Algorithm::kHybrid:
      return 3;
  }
  throw Error(Kind::kInternal, "unknown clustering algorithm");
}

std::string_view algorithm_name(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kDbscan:
      return "DBSCAN";
    case Algorithm::kNms:
      return "NMS";
    case Algorithm::kHybrid:
      return "HYBRID";
  }
  throw Error(Kind::kInternal, "unknown clustering algorithm");
}

// nvinfer has one algorithm for all classes: the one of most of them, of equals the first class's.
Algorithm common_algorithm(const std::vector<ClassClustering>& clustering) {
  const auto count = [&](Algorithm algorithm) {
    return std::count_if(clustering.begin(), clustering.end(),
                         [&](const auto& one) { return one.algorithm == algorithm; });
  };
  return std::max_element(
             clustering.begin(), clustering.end(),
             [&](const auto& a, const auto& b) { return count(a.algorithm) < count(b.algorithm); })
      ->algorithm;
}

// What kind of network it is, told by the roles of its outputs, and how its configuration differs by that.
struct NetworkKind {
  int network_type;                 // nvinfer's number
  std::vector<OutputRole> outputs;  // in the order of output-blob-names
  bool names_outputs_early;         // where TAO has them, in place of behind its lines
  bool keeps_aspect_ratio;
};

NetworkKind kind_of(const Deployable& deployable) {
  const auto has = [&](OutputRole role) {
    return std::ranges::any_of(deployable.outputs, [&](const auto& output) { return output.role == role; });
  };
  // Mask R-CNN is trained on pictures that keep their shape, filled up at the right and below.
  if (has(OutputRole::kDetections) && has(OutputRole::kMasks))
    return {3, {OutputRole::kDetections, OutputRole::kMasks}, true, true};
  return {0, {OutputRole::kCoverage, OutputRole::kBoxes}, false, false};
}

std::vector<std::string> output_names(const Deployable& deployable, const NetworkKind& kind) {
  std::vector<std::string> names;
  for (const auto role : kind.outputs)
    for (const auto& output : deployable.outputs)
      if (output.role == role) names.push_back(output.tensor);
  return names;
}

void write_output_names(Lines& lines, const Deployable& deployable, const NetworkKind& kind) {
  lines.verbatim("output-blob-names", key_file_list("output-blob-names", output_names(deployable, kind)));
}

// The lines that TAO's --gen_ds_config writes, in its order (base_ds_config.py). Two that it has for UFF, of
// the input's name and layout, are not here: nvinfer does not look at them for ONNX.
void write_tao_lines(Lines& lines, const Deployable& deployable, const NetworkKind& kind,
                     const DeepStreamModel& model) {
  lines.verbatim("net-scale-factor", python_number("net-scale-factor", deployable.preprocessing.scale));
  lines.verbatim("offsets", offsets(deployable.preprocessing));
  lines.verbatim("infer-dims",
                 fmt::format("{};{};{}", deployable.channels, deployable.height, deployable.width));
  lines.text("tlt-model-key", model.key);
  lines.integer("network-type", kind.network_type);
  // Without a specification TAO leaves this line out, and nvinfer then finds nothing: the network knows the
  // number.
  const auto classes = deployable.labels.empty() ? deployable.class_count
                                                 : static_cast<std::int64_t>(deployable.labels.size());
  if (classes > 0) lines.integer("num-detected-classes", classes);
  if (kind.names_outputs_early) write_output_names(lines, deployable, kind);
  lines.integer("model-color-format", color_format(deployable.preprocessing.order));
  lines.integer("maintain-aspect-ratio", kind.keeps_aspect_ratio ? 1 : 0);
  lines.integer("output-tensor-meta", 0);
}

// Of a model that takes one size of batch only; none: any.
std::optional<std::int64_t> fixed_batch(const Deployable& deployable) {
  for (const auto* input : data_inputs(deployable.model.graph())) {
    const auto shape = shape_of(*input);
    if (input->name() == deployable.input && shape && !shape->empty()) return shape->front();
  }
  return std::nullopt;
}

bool has_plugins(const ModelProto& model) {
  return std::ranges::any_of(model.graph().node(), is_plugin_node);
}

void write_loading_lines(Lines& lines, const Deployable& deployable, const NetworkKind& kind,
                         const DeepStreamModel& model) {
  lines.path(model.encrypted ? "tlt-encoded-model" : "onnx-file", model.model_file);
  if (has_plugins(deployable.model)) lines.path("model-engine-file", model.model_file + ".engine");
  if (!deployable.labels.empty()) lines.path("labelfile-path", model.labels_file);
  if (model.mode == NetworkMode::kInt8 && model.calibration_cache)
    lines.path("int8-calib-file", *model.calibration_cache);
  lines.integer("network-mode", static_cast<int>(model.mode));
  const std::int64_t batch = fixed_batch(deployable).value_or(1);
  if (batch < 1 || batch > kLargestBatch)
    throw Error(Kind::kBadInput,
                fmt::format("the model's batch is {}, nvinfer takes 1 to {}", batch, kLargestBatch));
  lines.integer("batch-size", batch);
  lines.integer("gie-unique-id", 1);
  lines.integer("process-mode", 1);
  if (!kind.names_outputs_early) write_output_names(lines, deployable, kind);
}

// One class's numbers for the clustering that runs. A per-class group starts from the values of `all`, so
// that every group names all of them.
std::string class_lines(const ClassClustering& one, Algorithm mode) {
  Lines lines;
  lines.number("pre-cluster-threshold", one.coverage_threshold);
  if (mode != Algorithm::kDbscan) {
    const double iou = one.nms_iou_threshold == 0 ? kNmsIouWhenUnset : one.nms_iou_threshold;
    if (!(iou > 0 && iou <= 1))
      throw Error(Kind::kBadInput, fmt::format("nms_iou_threshold is {}, expected 0 to 1", iou));
    lines.number("post-cluster-threshold", one.nms_confidence_threshold);
    lines.number("nms-iou-threshold", iou);
  }
  if (mode != Algorithm::kNms) {
    constexpr double kMostBoxes = 1e6;  // more than any grid has cells
    if (!(one.dbscan_min_samples >= 0 && one.dbscan_min_samples <= kMostBoxes))
      throw Error(Kind::kBadInput, fmt::format("dbscan_min_samples is {}, expected 0 to {}",
                                               one.dbscan_min_samples, kMostBoxes));
    lines.number("eps", one.dbscan_eps);
    // TAO clusters with at least one; fractions are of its older, weighted count.
    lines.integer("minBoxes", std::max<std::int64_t>(1, static_cast<std::int64_t>(one.dbscan_min_samples)));
    lines.number("dbscan-min-score", one.dbscan_confidence_threshold);
  }
  if (one.minimum_box_height < 0)
    throw Error(Kind::kBadInput,
                fmt::format("minimum_bounding_box_height is {}, expected 0 or more", one.minimum_box_height));
  lines.integer("detected-min-h", one.minimum_box_height);
  return lines.str();
}

std::string class_groups(const std::vector<ClassClustering>& clustering, Algorithm mode) {
  std::string text, all;
  for (std::size_t c = 0; c < clustering.size(); ++c) {
    const std::string own =
        within([&] { return fmt::format("class '{}'", escaped(clustering[c].class_name)); },
               [&] { return class_lines(clustering[c], mode); });
    if (c == 0) {
      all = own;
      text += "\n[class-attrs-all]\n" + own;
    } else if (own != all) {
      text += fmt::format("\n[class-attrs-{}]\n", c) + own;
    }
  }
  return text;
}

void warn_of_int8(const DeepStreamModel& model, std::vector<std::string>& warnings) {
  if (model.mode == NetworkMode::kInt8 && !model.calibration_cache)
    warnings.push_back(
        "without a calibration cache nvinfer runs the network in FP16 although INT8 is asked for");
}

std::vector<std::string> warnings_about(const Deployable& deployable, const DeepStreamModel& model,
                                        Algorithm mode) {
  std::vector<std::string> warnings;
  const auto& code = deployable.box_code;
  if (code.scale != kParserBoxScale || code.offset != kParserBoxOffset)
    warnings.push_back(fmt::format(
        "the boxes were trained with scale {} and offset {}; nvinfer's built-in parser assumes {} and {} and "
        "will place them wrongly: give it a parser of your own (parse-bbox-func-name)",
        code.scale, code.offset, kParserBoxScale, kParserBoxOffset));
  for (const auto& output : deployable.outputs) {
    const std::string_view word = output.role == OutputRole::kCoverage ? "cov" : "bbox";
    if (output.tensor.find(word) == std::string::npos)
      warnings.push_back(fmt::format(
          "nvinfer's built-in parser looks for an output with '{}' in its name and will not find '{}'", word,
          escaped(output.tensor)));
  }
  warn_of_int8(model, warnings);
  for (const auto& one : deployable.clustering)
    if (one.algorithm != mode)
      warnings.push_back(fmt::format(
          "nvinfer clusters all classes alike, here by {}; class '{}' was set to {}: look at its thresholds",
          algorithm_name(mode), escaped(one.class_name), algorithm_name(one.algorithm)));
  return warnings;
}

// A word for a shell.
std::string shell_word(const std::string& word) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/=+:,@%";
  if (word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return escaped(quoted + "'", kLongestPath);
}

// Up to TensorRT 10, which takes caches and precisions as flags.
std::string trtexec_line(const DeepStreamModel& model) {
  std::string line = "trtexec " + shell_word("--onnx=" + model.model_file) + " " +
                     shell_word("--saveEngine=" + model.model_file + ".engine");
  if (model.mode == NetworkMode::kFp16) line += " --fp16";
  if (model.mode == NetworkMode::kInt8) line += " --int8";
  if (model.mode == NetworkMode::kInt8 && model.calibration_cache)
    line += " " + shell_word("--calib=" + *model.calibration_cache);
  return line;
}

// Detections and masks come out of the network: nothing to cluster, one threshold for all classes.
NvinferConfig masks_config(const Deployable& deployable, std::string lines, const DeepStreamModel& model) {
  Lines rest;
  rest.integer("cluster-mode", 4);
  rest.integer("symmetric-padding", 0);
  rest.integer("output-instance-mask", 1);
  rest.integer("segmentation-threshold", kMaskThreshold);
  rest.text("parse-bbox-instance-mask-func-name", kMaskParser);
  rest.path("custom-lib-path", kMaskParserLibrary);
  Lines attributes;
  attributes.number("pre-cluster-threshold", kDetectionThreshold);

  std::vector<std::string> warnings;
  for (const auto& output : deployable.outputs) {
    const std::string_view name =
        output.role == OutputRole::kDetections ? kMaskParserDetections : kMaskParserMasks;
    if (output.tensor != name)
      warnings.push_back(
          fmt::format("nvinfer's parser of masks looks for an output '{}' and will not find '{}'", name,
                      escaped(output.tensor)));
  }
  if (has_plugins(deployable.model))
    warnings.push_back(
        "nvinfer makes the batch dynamic when it builds an engine, which TensorRT's plugins of this network "
        "cannot have: " +
        (model.encrypted ? "export it as .onnx and build the engine from that before"
                         : "build the engine before, in the model's folder: " + trtexec_line(model)));
  else
    warnings.push_back(
        "without plugins the proposals are a TopK of 4096, and TensorRT takes at most 3840: for DeepStream "
        "export the model with --plugins tensorrt");
  warn_of_int8(model, warnings);
  return {std::move(lines) + rest.str() + "\n[class-attrs-all]\n" + attributes.str(), std::move(warnings)};
}

NvinferConfig detector_config(const Deployable& deployable, std::string lines, const DeepStreamModel& model) {
  auto clustering = deployable.clustering;
  // NMS, IoU 0.5, threshold 0.2: the defaults of ClassClustering are those of NVIDIA's samples.
  if (clustering.empty()) clustering.emplace_back();
  const Algorithm mode = common_algorithm(clustering);
  lines += fmt::format("cluster-mode={}\n", cluster_mode(mode));
  return {std::move(lines) + class_groups(clustering, mode), warnings_about(deployable, model, mode)};
}

}  // namespace

NvinferConfig nvinfer_config(const Deployable& deployable, const DeepStreamModel& model) {
  const NetworkKind kind = kind_of(deployable);
  Lines lines;
  write_tao_lines(lines, deployable, kind, model);
  write_loading_lines(lines, deployable, kind, model);
  return (kind.network_type == 3 ? masks_config : detector_config)(deployable, "[property]\n" + lines.str(),
                                                                   model);
}

std::string labels_txt(const std::vector<std::string>& labels) {
  std::string text;
  for (const auto& label : labels) {
    if (label.empty())
      throw Error(Kind::kBadInput, "a class has no name: DeepStream passes over empty lines of labels.txt");
    if (label.find_first_of(std::string_view("\n\r;\0", 4)) != std::string::npos)
      throw Error(Kind::kBadInput, fmt::format("class name '{}' has a line break or ';': DeepStream reads "
                                               "one name a line, up to the first ';'",
                                               escaped(label)));
    text += label + '\n';
  }
  return text;
}

}  // namespace etalon
