#include "etalon/networks/kernel_layout.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

namespace etalon {
namespace {

TEST(ReversedKernel, PutsTheLastAxisFirstForEverySize) {
  for (const std::int64_t spatial : {1, 9})
    for (const std::int64_t second : {1, 5})
      for (const std::int64_t first : {1, 15, 16, 17, 40}) {
        std::vector<float> values(static_cast<std::size_t>(spatial * second * first));
        std::iota(values.begin(), values.end(), 0.0F);
        const auto bytes = reversed_kernel(std::as_bytes(std::span(values)), spatial, second, first);
        std::vector<float> got(values.size());
        ASSERT_EQ(bytes.size(), got.size() * sizeof(float));
        std::memcpy(got.data(), bytes.data(), bytes.size());
        for (std::int64_t f = 0; f < first; ++f)
          for (std::int64_t s = 0; s < second; ++s)
            for (std::int64_t p = 0; p < spatial; ++p)
              ASSERT_EQ(got[static_cast<std::size_t>((f * second + s) * spatial + p)],
                        static_cast<float>((p * second + s) * first + f))
                  << spatial << ' ' << second << ' ' << first;
      }
}

}  // namespace
}  // namespace etalon
