#include "etalon/pipeline/sample_pictures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string_view>
#include <utility>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/detections/mask_rcnn.hpp"
#include "etalon/images/padded_picture.hpp"
#include "etalon/images/preprocess.hpp"
#include "etalon/images/resize.hpp"
#include "etalon/pipeline/detectnet_v2_settings.hpp"
#include "etalon/pipeline/inference_mask_rcnn.hpp"
#include "etalon/report/annotation.hpp"
#include "etalon/report/comparison.hpp"
#include "etalon/runtime/session.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

struct Drawn {
  Image picture;
  std::map<std::string, std::size_t> found;  // by label
};

// How one network looks at a photo (kRgb), and shows what it found there.
struct Viewer {
  Decoding decoding{};
  std::function<void(const Image& photo, std::span<float> input)> prepare;
  std::function<Drawn(const Image& photo, const Outputs& outputs, std::string_view title)> draw;
};

Viewer detectnet_v2_viewer(const Deployable& net) {
  const ServedModel served = served_model_in(net.model);
  const DetectnetV2Outputs names = detectnet_v2_outputs(served, net.model);
  DetectionSettings settings = detection_settings({}, served, names.class_count);
  const int width = static_cast<int>(net.width), height = static_cast<int>(net.height);
  settings.decoding.input_width = width;
  settings.decoding.input_height = height;
  Viewer viewer;
  viewer.prepare = [=, how = net.preprocessing](const Image& photo, std::span<float> input) {
    prepare_calibration_image(photo, width, height, how, input);
  };
  viewer.draw = [=](const Image& photo, const Outputs& outputs, std::string_view title) {
    const auto boxes = detect_boxes(outputs, names, settings.decoding);
    Drawn drawn{detection_picture(photo, width, height, boxes, settings.labels, title), {}};
    for (const auto& box : boxes) ++drawn.found[settings.labels.at(box.class_index)];
    return drawn;
  };
  return viewer;
}

Viewer mask_rcnn_viewer(const Deployable& net) {
  const PaddedPreprocessing how{
      .height = static_cast<int>(net.height), .width = static_cast<int>(net.width), .stride = 1};
  std::map<OutputRole, std::string> tensors;
  for (const auto& output : net.outputs) tensors[output.role] = output.tensor;
  Viewer viewer;
  viewer.decoding = kPaddedDecoding;
  viewer.prepare = [how](const Image& photo, std::span<float> input) {
    prepare_padded_picture(photo, how, input);
  };
  viewer.draw = [how, tensors, labels = net.labels](const Image& photo, const Outputs& outputs,
                                                    std::string_view) {
    const Tensor& rows = outputs.at(tensors.at(OutputRole::kDetections));
    const Tensor& masks = outputs.at(tensors.at(OutputRole::kMasks));
    if (rows.shape.size() != 3 || masks.shape.size() != 5)
      throw Error(Kind::kBadInput, "the outputs are not those of a Mask R-CNN");
    const double back = 1.0 / static_cast<double>(scaled_picture(photo.height, photo.width, how).scale);
    const auto objects =
        decode_mask_rcnn(rows.values, masks.values, {rows.shape[1], masks.shape[2], masks.shape[3]},
                         {.picture_width = photo.width,
                          .picture_height = photo.height,
                          .picture_per_input_x = back,
                          .picture_per_input_y = back,
                          .threshold = kMaskRcnnThreshold});
    Drawn drawn{photo, {}};
    std::vector<Annotation> annotations;
    for (const auto& object : objects) {
      const std::size_t c = object.box.class_index;
      const std::string label = c < labels.size() ? labels[c] : fmt::format("class {}", c);
      annotations.push_back(
          {.box = object.box, .label = label, .colour = class_colour(c), .mask = &object.mask});
      ++drawn.found[label];
    }
    annotate(drawn.picture, annotations);
    return drawn;
  };
  return viewer;
}

std::string words_of(const std::map<std::string, std::size_t>& found) {
  std::string words;
  for (const auto& [label, count] : found)
    words += fmt::format("{}{} {}", words.empty() ? "" : ", ", count, escaped(label));
  return words.empty() ? "nothing" : words;
}

// Pixels of a picture's longer side. Six photos of a phone as they are would make a page of 200 MB.
constexpr int kLongestSide = 1280;

Bytes png_of(const Image& image) {
  const int longest = std::max(image.width, image.height);
  const auto shown = [&](int side) {
    return std::max(1, static_cast<int>(std::int64_t{side} * kLongestSide / longest));
  };
  const auto png = encode_png(
      longest > kLongestSide ? resize_lanczos(image, shown(image.width), shown(image.height)) : image);
  const ByteView bytes = as_bytes(png);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

std::vector<ReportedPicture> sample_pictures(const Deployable& deployable, const ModelProto& exact,
                                             const ModelProto& rounded, const std::vector<fs::path>& photos,
                                             int threads, Progress& progress) {
  const Viewer viewer =
      deployable.network == "mask_rcnn" ? mask_rcnn_viewer(deployable) : detectnet_v2_viewer(deployable);
  std::vector<ReportedPicture> pictures(photos.size());
  std::vector<Image> decoded(photos.size());
  for (std::size_t i = 0; i < photos.size(); ++i) {
    pictures[i].title = photos[i].filename().string();
    decoded[i] = within([&] { return quoted(photos[i]); },
                        [&] { return to_rgb(decode_image(read_file(photos[i]), viewer.decoding)); });
  }
  const auto look = [&](const ModelProto& model, std::string_view title, Bytes ReportedPicture::*png,
                        std::string ReportedPicture::*found) {
    Session session(model, {.threads = threads});
    session.run_all(
        photos.size(), [&](std::size_t i, std::span<float> input) { viewer.prepare(decoded[i], input); },
        [&](std::size_t i, const Outputs& outputs) {
          const Drawn drawn = viewer.draw(decoded[i], outputs, title);
          pictures[i].*png = png_of(drawn.picture);
          pictures[i].*found = words_of(drawn.found);
        },
        progress);
  };
  progress.begin("drawing what is found", 2 * photos.size());
  look(exact, "FP32", &ReportedPicture::fp32_png, &ReportedPicture::fp32_found);
  look(rounded, "INT8", &ReportedPicture::int8_png, &ReportedPicture::int8_found);
  progress.end();
  return pictures;
}

}  // namespace etalon
