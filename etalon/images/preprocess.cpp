#include "etalon/images/preprocess.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "etalon/base/error.hpp"
#include "etalon/images/resize.hpp"

namespace etalon {
namespace {

std::size_t channels_of(const Preprocessing& how) { return how.order == ChannelOrder::kGrey ? 1 : 3; }

// NumPy's `x -= means; x * scale` for a float32 x and float64 means: the difference is rounded to float32 once, the
// Python float becomes float32 before the product.
float prepared(int pixel, double mean, double scale) {
  return static_cast<float>(static_cast<double>(pixel) - mean) * static_cast<float>(scale);
}

// Which channel of an RGB picture is channel `c` of the network's input.
std::size_t source_channel(ChannelOrder order, std::size_t c) { return order == ChannelOrder::kBgr ? 2 - c : c; }

double extreme(const Preprocessing& how, bool largest) {
  double found = largest ? std::numeric_limits<double>::lowest() : std::numeric_limits<double>::max();
  for (std::size_t c = 0; c < channels_of(how); ++c)
    for (const int pixel : {0, 255}) {  // monotone in between, whatever the sign of the scale
      const double value = prepared(pixel, how.mean[c], how.scale);
      found = largest ? std::max(found, value) : std::min(found, value);
    }
  return found;
}

}  // namespace

double Preprocessing::lowest() const { return extreme(*this, false); }
double Preprocessing::highest() const { return extreme(*this, true); }

void prepare_calibration_image(const Image& image, int width, int height, const Preprocessing& how,
                               std::span<float> out) {
  const std::size_t channels = channels_of(how);
  if (width < 1 || height < 1 ||
      out.size() != static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * channels)
    throw Error(Kind::kInternal,
                fmt::format("{} places for {} channels of {} x {}", out.size(), channels, width, height));

  Image resized = resize_lanczos(image, width, height);
  if (how.order == ChannelOrder::kGrey) {
    if (resized.mode != PixelMode::kGrey) resized = to_grey(resized);
  } else if (resized.mode != PixelMode::kRgb) {
    resized = to_rgb(resized);
  }

  const std::size_t area = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  const std::size_t plane = how.layout == Layout::kNchw ? area : 1;     // from a channel to the next
  const std::size_t step = how.layout == Layout::kNchw ? 1 : channels;  // from a pixel to the next
  for (std::size_t c = 0; c < channels; ++c) {
    std::array<float, 256> value_of;
    for (int pixel = 0; pixel < 256; ++pixel)
      value_of[static_cast<std::size_t>(pixel)] = prepared(pixel, how.mean[c], how.scale);
    const std::uint8_t* in = resized.pixels.data() + source_channel(how.order, c);
    float* place = out.data() + c * plane;
    for (std::size_t i = 0; i < area; ++i) place[i * step] = value_of[in[i * channels]];
  }
}

}  // namespace etalon
