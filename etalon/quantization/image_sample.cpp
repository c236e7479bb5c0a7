#include "etalon/quantization/image_sample.hpp"

#include <algorithm>

#include "etalon/base/error.hpp"

namespace etalon {

std::vector<std::size_t> image_sample(const CalibrationImages& images, std::size_t most) {
  if (most == 0) throw Error(Kind::kInternal, "a sample of no images is asked for");
  if (images.count() == 0) throw Error(Kind::kBadInput, "there are no images to measure with");
  std::vector<std::size_t> chosen(std::min(most, images.count()));
  const bool stream = static_cast<bool>(images.begin);
  for (std::size_t i = 0; i < chosen.size(); ++i) chosen[i] = stream ? i : i * images.count() / chosen.size();
  return chosen;
}

}  // namespace etalon
