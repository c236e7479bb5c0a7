#include "etalon/pipeline/inference_mask_rcnn.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "etalon/base/error.hpp"
#include "etalon/images/padded_picture.hpp"
#include "etalon/networks/metadata.hpp"
#include "etalon/pipeline/exported_model.hpp"
#include "etalon/pipeline/inference.hpp"
#include "etalon/pipeline/trained_mask_rcnn.hpp"
#include "etalon/pipeline/trained_model.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

// An ONNX says itself how large its input is and how many classes it has: the specification must agree.
void check_specification(const MaskRcnnFacts& facts, const ImageInput& size) {
  if (facts.height != size.height || facts.width != size.width)
    throw Error(Kind::kBadInput,
                fmt::format("image_size is {} x {}, the model's input is {} x {} (height x width)",
                            facts.height, facts.width, size.height, size.width));
}

// An ONNX as it is; of a trained model the graph that export would write without plugins.
ModelProto read_model(const InferenceOptions& options,
                      const std::optional<MaskRcnnSpecification>& specification) {
  if (is_exported(inference_model_kind(
          options.model, "give the ONNX of --plugins none, or the trained model with -e SPEC"))) {
    ModelProto model = read_runnable_model(options.model, options.key);
    within([&] { return quoted(options.model); }, [&] { check_can_run(model); });
    return model;
  }
  const TfCheckpoint trained = read_trained_checkpoint(options.model, options.key);
  if (!specification)
    throw Error(
        Kind::kWrongUsage,
        fmt::format("{} is a trained model: the network's size and thresholds stand in its specification",
                    quoted(options.model)),
        "add -e SPEC, or export it with --plugins none");
  return mask_rcnn_deployable(trained, options.model, specification->facts,
                              {.plugins = Plugins::kNone,
                               .static_batch_size = std::nullopt,
                               .tensor_names = TensorNames::kPlain})
      .model;
}

struct MaskRcnnOutputs {
  std::string detections, masks;  // tensors
};

MaskRcnnOutputs outputs_of(const ServedModel& served) {
  const auto detections = served.tensor_of(OutputRole::kDetections),
             masks = served.tensor_of(OutputRole::kMasks);
  if (!detections || !masks)
    throw Error(Kind::kBadInput,
                "no outputs 'generate_detections' and 'mask_fcn_logits/BiasAdd': this is no Mask R-CNN");
  return {*detections, *masks};
}

// D, C and R, from what came out: [1, D, 6] and [1, D, C, R, R].
MaskRcnnShape shape_of_outputs(const Tensor& detections, const Tensor& masks) {
  const auto& d = detections.shape;
  const auto& m = masks.shape;
  if (d.size() != 3 || d[0] != 1 || d[2] != 6 || m.size() != 5 || m[0] != 1 || m[1] != d[1] || m[3] != m[4])
    throw Error(Kind::kBadInput,
                fmt::format("the detections have the shape [{}], the masks [{}], expected [1, D, 6] and "
                            "[1, D, C, R, R]",
                            fmt::join(d, ", "), fmt::join(m, ", ")));
  return {d[1], m[2], m[3]};
}

std::vector<std::string> labels_in(const fs::path& class_map) {
  std::vector<std::string> labels = read_label_lines(class_map);
  if (labels.front() != "BG") labels.insert(labels.begin(), "BG");
  return labels;
}

// C of [N, D, C, R, R]; nothing where the file leaves it open.
std::optional<std::size_t> class_count_in(const ModelProto& model, const std::string& masks) {
  for (const auto& output : model.graph().output()) {
    if (output.name() != masks) continue;
    const auto shape = shape_of(output);
    if (shape && shape->size() == 5 && (*shape)[2] && *(*shape)[2] > 0)
      return static_cast<std::size_t>(*(*shape)[2]);
  }
  return std::nullopt;
}

}  // namespace

DetectorResult infer_mask_rcnn(const InferenceOptions& options, Log& log, Progress& progress) {
  DetectorPaths paths = detector_paths(options);
  paths.kitti = false;
  const DetectorFiles files = plan_detector_files(paths);

  std::optional<MaskRcnnSpecification> specification;
  if (options.spec) specification = read_mask_rcnn_specification(*options.spec, log);
  const auto in_model = [&] { return quoted(options.model); };
  Detector detector{.network = "mask_rcnn",
                    .model = read_model(options, specification),
                    .decoding = kPaddedDecoding,
                    .has_masks = true};
  const ServedModel served = within(in_model, [&] { return served_model_in(detector.model); });
  within(in_model, [&] { check_network(served, detector.network); });
  const MaskRcnnOutputs outputs = within(in_model, [&] { return outputs_of(served); });
  const ImageInput size = within(in_model, [&] { return image_input_of(detector.model); });
  if (size.channels != 3)
    throw Error(Kind::kBadInput, fmt::format("the input of {} has {} channels, expected 3",
                                             quoted(options.model), size.channels));
  detector.labels = served.labels;
  if (specification && !specification->facts.labels.empty()) detector.labels = specification->facts.labels;
  if (options.class_map) detector.labels = labels_in(*options.class_map);
  // Before the run if the file says how many classes there are, else of what comes out.
  const auto check_classes = [&](std::size_t model_has) {
    if (options.class_map)
      check_class_count(fmt::format("{} (with BG)", quoted(*options.class_map)), detector.labels.size(),
                        model_has);
    if (specification)
      check_class_count(fmt::format("num_classes in {}", quoted(*options.spec)),
                        static_cast<std::size_t>(specification->facts.class_count), model_has);
  };
  const auto class_count = class_count_in(detector.model, outputs.masks);
  if (class_count) within(in_model, [&] { check_classes(*class_count); });
  if (specification)
    within(in_model, [&] {
      within([&] { return quoted(*options.spec); }, [&] { check_specification(specification->facts, size); });
    });
  const std::vector<std::size_t> wanted = classes_named(
      options.classes, {.labels = detector.labels, .shown = {}, .count = class_count}, Kind::kWrongUsage);

  // As training prepares pictures, and not stretched as DeepStream does it: the network has learnt shapes.
  const PaddedPreprocessing how{.height = size.height, .width = size.width, .stride = 1};
  detector.prepare = [how](const Image& photo, std::span<float> input) {
    prepare_padded_picture(photo, how, input);
  };
  detector.find = [&, how](const Outputs& found, int width, int height) {
    const Tensor& rows = found.at(outputs.detections);
    const Tensor& logits = found.at(outputs.masks);
    const double back = 1.0 / static_cast<double>(scaled_picture(height, width, how).scale);
    const MaskRcnnShape shape = shape_of_outputs(rows, logits);
    if (!class_count) check_classes(static_cast<std::size_t>(shape.classes));
    auto objects = decode_mask_rcnn(rows.values, logits.values, shape,
                                    {.picture_width = width,
                                     .picture_height = height,
                                     .picture_per_input_x = back,
                                     .picture_per_input_y = back,
                                     .threshold = options.threshold.value_or(kMaskRcnnThreshold)});
    if (!wanted.empty())
      std::erase_if(objects, [&](const MaskedDetection& one) {
        return std::ranges::find(wanted, one.box.class_index) == wanted.end();
      });
    return objects;
  };
  return run_detector(detector, files, options.threads, log, progress);
}

}  // namespace etalon
