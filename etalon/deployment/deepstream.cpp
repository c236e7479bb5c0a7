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

#include "etalon/base/error.hpp"
#include "etalon/deployment/key_file.hpp"

namespace etalon {
namespace {

using Algorithm = ClassClustering::Algorithm;

constexpr std::size_t kLongestPath = 4095;

// TAO's inference takes this one where a specification says nothing (0). nvinfer's own default is the same.
constexpr double kNmsIouWhenUnset = 0.3;

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

// The lines that TAO's --gen_ds_config writes, in its order (base_ds_config.py).
void write_tao_lines(Lines& lines, const Deployable& deployable, const DeepStreamModel& model) {
  lines.verbatim("net-scale-factor", python_number("net-scale-factor", deployable.preprocessing.scale));
  lines.verbatim("offsets", offsets(deployable.preprocessing));
  lines.verbatim("infer-dims",
                 fmt::format("{};{};{}", deployable.channels, deployable.height, deployable.width));
  lines.text("tlt-model-key", model.key);
  lines.integer("network-type", 0);
  // Without a specification TAO leaves this line out, and nvinfer then finds nothing: the network knows the
  // number.
  const auto classes = deployable.labels.empty() ? deployable.class_count
                                                 : static_cast<std::int64_t>(deployable.labels.size());
  if (classes > 0) lines.integer("num-detected-classes", classes);
  lines.integer("model-color-format", color_format(deployable.preprocessing.order));
  lines.integer("maintain-aspect-ratio", 0);
  lines.integer("output-tensor-meta", 0);
}

std::vector<std::string> output_names(const Deployable& deployable) {
  std::vector<std::string> names;
  for (const auto role : {OutputRole::kCoverage, OutputRole::kBoxes})
    for (const auto& output : deployable.outputs)
      if (output.role == role) names.push_back(output.tensor);
  return names;
}

void write_loading_lines(Lines& lines, const Deployable& deployable, const DeepStreamModel& model) {
  lines.path(model.encrypted ? "tlt-encoded-model" : "onnx-file", model.model_file);
  if (!deployable.labels.empty()) lines.path("labelfile-path", model.labels_file);
  if (model.mode == NetworkMode::kInt8 && model.calibration_cache)
    lines.path("int8-calib-file", *model.calibration_cache);
  lines.integer("network-mode", static_cast<int>(model.mode));
  lines.integer("batch-size", 1);
  lines.integer("gie-unique-id", 1);
  lines.integer("process-mode", 1);
  lines.verbatim("output-blob-names", key_file_list("output-blob-names", output_names(deployable)));
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
  if (model.mode == NetworkMode::kInt8 && !model.calibration_cache)
    warnings.push_back(
        "without a calibration cache nvinfer runs the network in FP16 although INT8 is asked for");
  for (const auto& one : deployable.clustering)
    if (one.algorithm != mode)
      warnings.push_back(fmt::format(
          "nvinfer clusters all classes alike, here by {}; class '{}' was set to {}: look at its thresholds",
          algorithm_name(mode), escaped(one.class_name), algorithm_name(one.algorithm)));
  return warnings;
}

}  // namespace

NvinferConfig nvinfer_config(const Deployable& deployable, const DeepStreamModel& model) {
  auto clustering = deployable.clustering;
  // NMS, IoU 0.5, threshold 0.2: the defaults of ClassClustering are those of NVIDIA's samples.
  if (clustering.empty()) clustering.emplace_back();
  const Algorithm mode = common_algorithm(clustering);
  Lines lines;
  write_tao_lines(lines, deployable, model);
  write_loading_lines(lines, deployable, model);
  lines.integer("cluster-mode", cluster_mode(mode));
  return {"[property]\n" + lines.str() + class_groups(clustering, mode),
          warnings_about(deployable, model, mode)};
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
