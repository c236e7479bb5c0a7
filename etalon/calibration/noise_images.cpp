#include "etalon/calibration/noise_images.hpp"

#include <fmt/format.h>

#include "etalon/base/digest.hpp"
#include "etalon/calibration/image_folder.hpp"
#include "etalon/calibration/random_draw.hpp"

namespace etalon {

CalibrationImages noise_images(std::uint64_t count, std::uint64_t seed, const InputSize& size,
                               const Preprocessing& how) {
  CalibrationImages images;
  images.source = fmt::format("{} images of random noise, seed {}", count, seed);
  images.identity = [=] {
    Digest digest;
    digest.text("noise").number(count).number(seed);
    digest_preprocessing(digest, size, how);
    return digest.hex();
  };
  for (std::uint64_t i = 0; i < count; ++i) images.names.push_back(fmt::format("noise {}", i));
  images.ids = images.names;
  images.fill = [seed, low = how.lowest(), span = how.highest() - how.lowest()](
                    std::size_t index, const std::string&, std::span<float> out) {
    SplitMix64 random(SplitMix64(seed + index).next());
    for (float& value : out)
      value = static_cast<float>(low + span * static_cast<double>(random.next() >> 40) /
                                           static_cast<double>(1 << 24));
  };
  return images;
}

}  // namespace etalon
