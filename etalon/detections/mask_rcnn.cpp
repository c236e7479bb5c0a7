// The network gives each object R x R logits that stand for its box. To lay them on the picture they get a
// border of one cell in which nothing is covered, and the box grows by the same share, (R + 2) / R about its
// centre; without that border the outermost half cell would have nothing to be interpolated with. The grown
// box's corners are cut off to whole pixels (right and bottom are the last pixels inside), and the R + 2
// cells are stretched over it bilinearly, centres of pixels on centres of cells. What is above 0.5 is
// covered.
//
// Source: NVIDIA/tao_tensorflow1_backend, cv/mask_rcnn/utils/coco_metric.py (from Detectron), whose sampling
// is OpenCV's INTER_LINEAR. TAO's script for TensorRT engines leaves out the sigmoid, cuts negative logits
// off and still compares with 0.5; its evaluation has the sigmoid, and so has this.
#include "etalon/detections/mask_rcnn.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

constexpr std::int64_t kNumbersPerRow = 6;
constexpr std::int64_t kLargestCount = 1
                                       << 20;  // of detections, classes, cells a side: far beyond any network

void check_sizes(std::size_t rows, std::size_t logits, const MaskRcnnShape& shape,
                 const MaskRcnnDecoding& how) {
  const auto fits = [](std::int64_t count) { return count > 0 && count <= kLargestCount; };
  if (how.picture_width <= 0 || how.picture_height <= 0 || !(how.picture_per_input_x > 0) ||
      !(how.picture_per_input_y > 0) || !std::isfinite(how.picture_per_input_x) ||
      !std::isfinite(how.picture_per_input_y))
    throw Error(Kind::kInternal, "a picture of no size");
  if (!fits(shape.detections) || !fits(shape.classes) || !fits(shape.mask_size))
    throw Error(Kind::kBadInput, fmt::format("{} detections of {} classes with masks of {} cells a side",
                                             shape.detections, shape.classes, shape.mask_size));
  if (rows != static_cast<std::size_t>(shape.detections * kNumbersPerRow))
    throw Error(Kind::kBadInput,
                fmt::format("the detections have {} numbers, expected {} x 6", rows, shape.detections));
  // D * C <= 2^40, R * R <= 2^40: the product may not fit, so it is divided instead.
  const auto cells = static_cast<std::size_t>(shape.mask_size * shape.mask_size);
  const auto masks = static_cast<std::size_t>(shape.detections * shape.classes);
  if (logits % cells != 0 || logits / cells != masks)
    throw Error(Kind::kBadInput,
                fmt::format("the masks have {} numbers, expected {} x {} x {} x {}", logits, shape.detections,
                            shape.classes, shape.mask_size, shape.mask_size));
}

// The span of pixels that a stretch of cells is laid over, and where each of them looks.
struct Axis {
  int first = 0;  // pixel of the picture
  struct Look {
    int cell = 0;       // of the bordered cells, 0 .. R + 1
    double second = 0;  // weight of the cell after it
  };
  std::vector<Look> looks;  // one a pixel
};

// `begin` and `end` are the box's, picture pixels.
Axis axis_of(double begin, double end, std::int64_t mask_size, int picture_size) {
  const double cells = static_cast<double>(mask_size) + 2;
  const double half = (end - begin) / 2 * cells / static_cast<double>(mask_size);
  const double centre = (begin + end) / 2;
  const double first = std::trunc(centre - half), last = std::trunc(centre + half);
  const double cells_per_pixel = cells / (last - first + 1);
  Axis axis;
  axis.first = static_cast<int>(std::clamp<double>(first, 0, picture_size));
  const int end_pixel = static_cast<int>(std::clamp<double>(last + 1, 0, picture_size));
  for (int pixel = axis.first; pixel < end_pixel; ++pixel) {
    const double at = std::clamp((pixel - first + 0.5) * cells_per_pixel - 0.5, 0.0, cells - 1);
    const double cell = std::min(std::floor(at), cells - 2);
    axis.looks.push_back({static_cast<int>(cell), at - cell});
  }
  return axis;
}

// R + 2 cells a side, the outermost 0.
std::vector<double> bordered_probabilities(std::span<const float> logits, std::size_t size) {
  std::vector<double> cells((size + 2) * (size + 2), 0.0);
  for (std::size_t y = 0; y < size; ++y)
    for (std::size_t x = 0; x < size; ++x)
      cells[(y + 1) * (size + 2) + x + 1] =
          1.0 / (1.0 + std::exp(-static_cast<double>(logits[y * size + x])));
  return cells;
}

PictureMask mask_on_picture(std::span<const float> logits, std::int64_t mask_size, const Detection& box,
                            const MaskRcnnDecoding& how) {
  const Axis across = axis_of(box.left, box.right, mask_size, how.picture_width);
  const Axis down = axis_of(box.top, box.bottom, mask_size, how.picture_height);
  const auto size = static_cast<std::size_t>(mask_size), row = size + 2;
  const std::vector<double> cells = bordered_probabilities(logits, size);
  PictureMask mask{.left = across.first,
                   .top = down.first,
                   .width = static_cast<int>(across.looks.size()),
                   .height = static_cast<int>(down.looks.size())};
  mask.covered.reserve(across.looks.size() * down.looks.size());
  for (const auto& y : down.looks) {
    const double* upper = cells.data() + static_cast<std::size_t>(y.cell) * row;
    const double* lower = upper + row;
    for (const auto& x : across.looks) {
      const auto between = [&](const double* line) {
        return line[x.cell] * (1 - x.second) + line[x.cell + 1] * x.second;
      };
      mask.covered.push_back(between(upper) * (1 - y.second) + between(lower) * y.second > 0.5 ? 1 : 0);
    }
  }
  return mask;
}

}  // namespace

std::vector<MaskedDetection> decode_mask_rcnn(std::span<const float> rows, std::span<const float> logits,
                                              const MaskRcnnShape& shape, const MaskRcnnDecoding& how) {
  check_sizes(rows.size(), logits.size(), shape, how);
  // As float32, like the network's own numbers: a score of 0.6F is not less than a threshold of 0.6.
  const auto threshold = static_cast<float>(how.threshold);
  const auto cells = static_cast<std::size_t>(shape.mask_size * shape.mask_size);
  std::vector<MaskedDetection> found;
  for (std::size_t i = 0; i < static_cast<std::size_t>(shape.detections); ++i) {
    const auto row = rows.subspan(i * kNumbersPerRow, kNumbersPerRow);
    for (const float number : row)
      if (!std::isfinite(number))
        throw Error(Kind::kBadInput,
                    fmt::format("detection {} holds {}, expected finite numbers", i, number));
    const float class_number = row[4], score = row[5];
    if (class_number != std::floor(class_number) || class_number < -1 ||
        class_number >= static_cast<float>(shape.classes))
      throw Error(Kind::kBadInput, fmt::format("detection {} is of class {}, expected -1 to {}", i,
                                               class_number, shape.classes - 1));
    if (class_number <= 0 || !(score > 0) || score < threshold) continue;

    // A mask stands for the whole box, also for what lies outside of the picture, where the network saw
    // padding.
    Detection whole;
    whole.left = row[1] * how.picture_per_input_x;
    whole.top = row[0] * how.picture_per_input_y;
    whole.right = std::max(row[3] * how.picture_per_input_x, whole.left);
    whole.bottom = std::max(row[2] * how.picture_per_input_y, whole.top);
    MaskedDetection one;
    one.box.class_index = static_cast<std::size_t>(class_number);
    one.box.confidence = score;
    one.box.left = std::clamp<double>(whole.left, 0, how.picture_width);
    one.box.top = std::clamp<double>(whole.top, 0, how.picture_height);
    one.box.right = std::clamp<double>(whole.right, 0, how.picture_width);
    one.box.bottom = std::clamp<double>(whole.bottom, 0, how.picture_height);
    if (one.box.right <= one.box.left || one.box.bottom <= one.box.top) continue;  // beside the picture
    const auto mask =
        logits.subspan((i * static_cast<std::size_t>(shape.classes) + one.box.class_index) * cells, cells);
    if (!std::ranges::all_of(mask, [](float value) { return std::isfinite(value); }))
      throw Error(Kind::kBadInput,
                  fmt::format("the mask of detection {} holds numbers that are not finite", i));
    one.mask = mask_on_picture(mask, shape.mask_size, whole, how);
    found.push_back(std::move(one));
  }
  return found;
}

}  // namespace etalon
