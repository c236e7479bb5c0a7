#include "etalon/networks/padding_rules.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

AxisPlan plan_with(const AxisWindow& window, std::int64_t begin, std::int64_t end) {
  const std::int64_t room = window.size + begin + end - window.effective_kernel();
  if (room < 0)
    throw Error(Kind::kBadInput, fmt::format("its window of {} is larger than its padded input of {}",
                                             window.effective_kernel(), window.size + begin + end));
  return {begin, end, room / window.stride + 1, 0};
}

}  // namespace

AxisPlan plan_valid(const AxisWindow& window) { return plan_with(window, 0, 0); }

AxisPlan plan_conv_same(const AxisWindow& window) {
  const std::int64_t each = window.effective_kernel() / 2;
  return plan_with(window, each, each);
}

AxisPlan plan_pool_same(const AxisWindow& window) {
  const std::int64_t each = (window.kernel - 1) / 2;
  return plan_with(window, each, each);
}

AxisPlan plan_tensorflow_same(const AxisWindow& window) {
  const std::int64_t output = (window.size + window.stride - 1) / window.stride;
  const std::int64_t total =
      std::max<std::int64_t>((output - 1) * window.stride + window.effective_kernel() - window.size, 0);
  return {total / 2, total - total / 2, output, 0};
}

AxisPlan plan_transposed(const AxisWindow& window, std::int64_t output, bool same) {
  const AxisWindow forward{output, window.kernel, window.stride, 1};
  const std::int64_t made = same                     ? (output + window.stride - 1) / window.stride
                            : output < window.kernel ? 0
                                                     : plan_valid(forward).output;
  if (made != window.size)
    throw Error(Kind::kBadInput,
                fmt::format("an output of {} does not belong to an input of {} with kernel {}, stride {}",
                            output, window.size, window.kernel, window.stride));
  const std::int64_t total =
      same ? std::max<std::int64_t>((window.size - 1) * window.stride + window.kernel - output, 0) : 0;
  AxisPlan plan{total / 2, 0, output, 0};
  const std::int64_t surplus = (window.size - 1) * window.stride + window.kernel - plan.begin - output;
  plan.end = std::max<std::int64_t>(surplus, 0);
  plan.output_padding = std::max<std::int64_t>(-surplus, 0);
  return plan;
}

}  // namespace etalon
