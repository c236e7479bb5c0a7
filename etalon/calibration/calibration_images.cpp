#include "etalon/calibration/calibration_images.hpp"

namespace etalon {

void chw_to_hwc(std::span<const float> chw, int channels, std::span<float> hwc) {
  const auto count = static_cast<std::size_t>(channels);
  const std::size_t area = chw.size() / count;
  for (std::size_t c = 0; c < count; ++c)
    for (std::size_t i = 0; i < area; ++i) hwc[i * count + c] = chw[c * area + i];
}

void hwc_to_chw(std::span<const float> hwc, int channels, std::span<float> chw) {
  const auto count = static_cast<std::size_t>(channels);
  const std::size_t area = hwc.size() / count;
  for (std::size_t c = 0; c < count; ++c)
    for (std::size_t i = 0; i < area; ++i) chw[c * area + i] = hwc[i * count + c];
}

}  // namespace etalon
