#include "etalon/images/bilinear_axis.hpp"

#include <algorithm>
#include <cmath>

namespace etalon {

BilinearAxis tf1_bilinear_axis(int out, int in) {
  BilinearAxis axis;
  const float scale = static_cast<float>(in) / static_cast<float>(out);
  for (int i = 0; i < out; ++i) {
    const float at = static_cast<float>(i) * scale;
    const auto last = static_cast<float>(in - 1);
    axis.first.push_back(static_cast<std::uint32_t>(std::min(std::floor(at), last)));
    axis.second.push_back(static_cast<std::uint32_t>(std::min(std::ceil(at), last)));
    axis.second_weight.push_back(at - std::floor(at));
    axis.is_copy = axis.is_copy && at == std::floor(at);
  }
  return axis;
}

}  // namespace etalon
