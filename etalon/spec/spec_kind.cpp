#include "etalon/spec/spec_kind.hpp"

#include <fmt/format.h>

#include "etalon/spec/spec_text.hpp"

namespace etalon {
namespace {

struct Mark {
  std::string_view inside;  // name of the block; empty: at the top
  std::string_view field;
  SpecKind kind;
  std::string_view network;
};

// Fields that no other kind of specification has (NVIDIA/tao_tensorflow1_backend, cv/*/proto). The first line
// that is met decides: multi-task classification has classification's model_config.
constexpr Mark kMarks[] = {
    {"", "inferencer_config", SpecKind::kInference, "DetectNet_v2"},
    {"", "bbox_handler_config", SpecKind::kInference, "DetectNet_v2"},
    {"", "kitti_config", SpecKind::kDatasetConvert, "DetectNet_v2"},
    {"", "coco_config", SpecKind::kDatasetConvert, "DetectNet_v2"},
    {"", "sample_modifier_config", SpecKind::kDatasetConvert, "DetectNet_v2"},
    {"", "maskrcnn_config", SpecKind::kMaskRcnn, "Mask R-CNN"},
    {"", "ssd_config", SpecKind::kForeign, "SSD"},
    {"", "dssd_config", SpecKind::kForeign, "DSSD"},
    {"", "retinanet_config", SpecKind::kForeign, "RetinaNet"},
    {"", "yolov3_config", SpecKind::kForeign, "YOLOv3"},
    {"", "yolov4_config", SpecKind::kForeign, "YOLOv4"},
    {"", "lpr_config", SpecKind::kForeign, "LPRNet"},
    {"", "train_config", SpecKind::kForeign, "classification"},
    {"dataset_config", "train_csv_path", SpecKind::kForeign, "multi-task classification"},
    {"model_config", "input_image_size", SpecKind::kForeign, "classification"},
    {"model_config", "model_name", SpecKind::kForeign, "EfficientDet"},
    {"", "inference_config", SpecKind::kForeign, "FasterRCNN"},
    {"", "enc_key", SpecKind::kForeign, "FasterRCNN"},
    {"model_config", "input_image_config", SpecKind::kForeign, "FasterRCNN"},
    {"", "data_class_config", SpecKind::kForeign, "UNet"},
    {"dataset_config", "data_class_config", SpecKind::kForeign, "UNet"},
    {"dataset_config", "train_images_path", SpecKind::kForeign, "UNet"},
    {"model_config", "model_input_width", SpecKind::kForeign, "UNet"},
    // Last: nothing else has them either, but a text that is none of the above need not have them.
    {"", "cost_function_config", SpecKind::kExperiment, "DetectNet_v2"},
    {"", "bbox_rasterizer_config", SpecKind::kExperiment, "DetectNet_v2"},
    {"", "postprocessing_config", SpecKind::kExperiment, "DetectNet_v2"},
};

}  // namespace

RecognisedSpec recognise_spec(const TextOutline& outline) {
  const auto found = [&](const Mark& mark, std::size_t block) -> const OutlineValue* {
    for (const std::size_t number : outline.values[block].inside)
      if (outline.values[number].name == mark.field) return &outline.values[number];
    return nullptr;
  };
  for (const Mark& mark : kMarks) {
    const OutlineValue* value = mark.inside.empty() ? found(mark, 0) : nullptr;
    if (!mark.inside.empty())
      for (const std::size_t number : outline.values[0].inside)
        if (value == nullptr && outline.values[number].name == mark.inside) value = found(mark, number);
    if (value != nullptr)
      return {mark.kind, std::string(mark.network), std::string(mark.field), value->line, value->column};
  }
  return {};
}

RecognisedSpec recognise_spec(std::string_view text) {
  return recognise_spec(outline_protobuf_text(checked_spec_text(text)));
}

RecognisedSpec spec_of(SpecKind kind) {
  RecognisedSpec out;
  out.kind = kind;
  if (kind == SpecKind::kMaskRcnn) out.network = "Mask R-CNN";
  return out;
}

std::string describe(const RecognisedSpec& spec) {
  switch (spec.kind) {
    case SpecKind::kExperiment:
    case SpecKind::kMaskRcnn:
      return fmt::format("the experiment specification of {}", spec.network);
    case SpecKind::kInference:
      return fmt::format("a specification of {}'s inference task", spec.network);
    case SpecKind::kDatasetConvert:
      return fmt::format("a specification of {}'s task dataset_convert", spec.network);
    case SpecKind::kForeign:
      break;
  }
  return fmt::format("a specification of {}", spec.network);
}

}  // namespace etalon
