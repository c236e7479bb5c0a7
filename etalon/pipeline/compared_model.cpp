#include "etalon/pipeline/compared_model.hpp"

#include <fmt/format.h>

#include <utility>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/calibration/image_folder.hpp"
#include "etalon/images/padded_picture.hpp"
#include "etalon/images/preprocess.hpp"
#include "etalon/images/resize.hpp"
#include "etalon/networks/detectnet_v2/detectnet_v2.hpp"
#include "etalon/networks/metadata.hpp"
#include "etalon/pipeline/detector_run.hpp"
#include "etalon/pipeline/exported_model.hpp"
#include "etalon/pipeline/trained_mask_rcnn.hpp"
#include "etalon/spec/spec_kind.hpp"
#include "etalon/spec/spec_text.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

bool is_mask_rcnn_spec(const fs::path& path) {
  return within([&] { return quoted(path); },
                [&] {
                  const Bytes bytes = read_file(path, kLargestSpecBytes);
                  return recognise_spec(as_text(bytes)).kind == SpecKind::kMaskRcnn;
                });
}

ModelProto onnx_of_checkpoint(const fs::path& path, const ComparedModelOptions& options, Log& log) {
  if (!options.spec)
    throw Error(Kind::kWrongUsage,
                fmt::format("{} is a Mask R-CNN checkpoint: the network's size stands in its specification",
                            quoted(path)),
                "add -e SPEC");
  const auto specification = read_mask_rcnn_specification(*options.spec, log);
  return mask_rcnn_deployable(read_trained_checkpoint(path, options.key), path, specification.facts,
                              {.plugins = Plugins::kNone,
                               .static_batch_size = std::nullopt,
                               .tensor_names = TensorNames::kPlain})
      .model;
}

ModelProto onnx_of_keras(const fs::path& path, const ComparedModelOptions& options) {
  KerasModel trained = read_trained_model(path, options.key);
  return within([&] { return quoted(path); },
                [&] { return deployable_from_keras(std::move(trained), nullptr, {}).model; });
}

bool is_mask_rcnn(const ModelProto& model) {
  const auto served = served_model_in(model);
  return served.network == "mask_rcnn" || served.tensor_of(OutputRole::kMasks);
}

}  // namespace

bool is_comparable_model(FileKind kind) {
  switch (kind) {
    case FileKind::kOnnx:
    case FileKind::kEtlt:
    case FileKind::kKerasHdf5:
    case FileKind::kCheckpointZip:
    case FileKind::kBareCheckpoint:
    case FileKind::kEncryptedOrUnknown:
      return true;
    default:
      return false;
  }
}

ComparedModel read_compared_model(const fs::path& path, const ComparedModelOptions& options, Log& log) {
  const FileKind kind = kind_of_file(path);
  if (is_exported(kind)) return {path, read_runnable_model(path, options.key)};
  const bool checkpoint =
      kind == FileKind::kCheckpointZip || kind == FileKind::kBareCheckpoint ||
      (kind == FileKind::kEncryptedOrUnknown && options.spec && is_mask_rcnn_spec(*options.spec));
  return {path, checkpoint ? onnx_of_checkpoint(path, options, log) : onnx_of_keras(path, options)};
}

CommonInput common_input(const ComparedModel& first, const ComparedModel& second, const fs::path& image) {
  const auto input_of = [](const ComparedModel& one) {
    return within([&] { return quoted(one.path); },
                  [&] {
                    check_can_run(one.model);
                    return image_input_of(one.model);
                  });
  };
  const ImageInput size = input_of(first), other = input_of(second);
  if (size.channels != other.channels || size.height != other.height || size.width != other.width)
    throw Error(Kind::kBadInput,
                fmt::format("the input of {} is {}x{}x{}, that of {} {}x{}x{}: no image fits both",
                            quoted(first.path), size.channels, size.height, size.width, quoted(second.path),
                            other.channels, other.height, other.width),
                "leave out --image to compare their structure");
  if (size.channels != 1 && size.channels != 3)
    throw Error(Kind::kBadInput,
                fmt::format("the models' input has {} channels, expected 1 or 3", size.channels));

  CommonInput common{
      .channels = size.channels, .height = size.height, .width = size.width, .prepared = {}, .fill = {}};
  for (const auto* one : {&first, &second})
    if (size.channels == 3 &&
        within([&] { return quoted(one->path); }, [&] { return is_mask_rcnn(one->model); })) {
      common.prepared = "Mask R-CNN's: shape kept, padded";
      common.fill = [image, size](std::span<float> input) {
        within([&] { return quoted(image); },
               [&] {
                 prepare_padded_picture(to_rgb(decode_image(read_file(image), kPaddedDecoding)),
                                        {.height = size.height, .width = size.width, .stride = 1}, input);
               });
      };
      return common;
    }
  Preprocessing how;  // DetectNet_v2's: RGB, mean 0, 1/255
  if (size.channels == 1) how.order = ChannelOrder::kGrey;
  common.prepared = "DetectNet_v2's, for neither model says its own";
  for (const auto* one : {&second, &first})
    if (const auto own =
            within([&] { return quoted(one->path); }, [&] { return preprocessing_in(one->model); })) {
      how = *own;
      common.prepared = fmt::format("by the metadata of {}", quoted(one->path));
    }
  if ((how.order == ChannelOrder::kGrey) != (size.channels == 1) || how.layout != Layout::kNchw)
    throw Error(Kind::kBadInput,
                fmt::format("the preprocessing {} does not fit the models' input", common.prepared),
                "export the model again");
  common.fill = [image, size, how](std::span<float> input) {
    load_calibration_image(image, size.width, size.height, how, input);
  };
  return common;
}

}  // namespace etalon
