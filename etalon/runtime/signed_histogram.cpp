// How a histogram keeps up with inference.
//
// A tensor is counted in blocks of 1024 values, in two steps. (1) SIMD takes the upper halves of the floats
// (the keys) of two vectors together into one vector of 16-bit lanes, tracks the largest key of either sign,
// and stores the keys in the first-level cache. (2) A scalar loop does ++counts[key]. Equal neighbours would
// wait for each other's store, so there are some counters a key, side by side, and neighbours go to different
// ones. The next but one is prefetched.
//
// Warm and cold. Between two visits to a tensor the network has moved megabytes through the cache. A
// histogram a tensor would come back from far away line by line, in random order. So values are counted in
// counters that the thread uses for all tensors, and at a tensor's end the rows (of 128 keys: one sign, one
// exponent) that were counted in are added to the tensor's own counters: SIMD over memory in order, some 30
// rows of 512 bytes. Which rows? The largest key is known and so is the number of values: rows are emptied
// from the largest downwards until all values are found. The warm counters have 16 bits, so that two signs of
// 15 exponents fit into the first-level cache, and are emptied before one could be full.
//
// Zeros. Half of what leaves a Relu is zero, and all of them would go to one counter. Where the processor can
// compress 16-bit lanes in one instruction (Highway's AVX3_DL) and the block before had many zeros, zeros are
// dropped in step 1 and counted as the difference. Elsewhere emulating it costs more than it saves.
//
// The exact maximum: a block is read again only if its largest key could hold a new one, which is rare after
// the first blocks. The same second look finds NaNs whose payload is in the lower half only, which by their
// key are infinities.
//
// Sums of integers have no order: any split of the values over blocks, threads or images gives the same
// counts. Figures: docs/statistics.md.
#include "etalon/runtime/signed_histogram.hpp"

#include <algorithm>
#include <bit>
#include <new>
#include <utility>

#define HWY_WANT_AVX3_DL  // Ice Lake, Zen 4 and later: compresses 16-bit lanes in one instruction
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "etalon/runtime/signed_histogram.cpp"
#include <hwy/foreach_target.h>  // compiles the kernels once for each instruction set
#include <hwy/highway.h>

#ifndef ETALON_RUNTIME_SIGNED_HISTOGRAM_ONCE
#define ETALON_RUNTIME_SIGNED_HISTOGRAM_ONCE
namespace etalon {
namespace {

constexpr std::size_t kBlock = 1024;
constexpr std::size_t kAhead =
    2 * kBlock;  // how far ahead is prefetched: with one block alone, memory comes too late
constexpr std::uint32_t kSign = 0x8000;
constexpr std::uint32_t kInfinity = TensorStatistics::kBuckets;
constexpr std::size_t kKeys = std::size_t{1} << 16;
constexpr std::size_t kRow = 128;             // keys of one sign and exponent
constexpr std::size_t kMostWays = 4;          // counters a key, at most
constexpr std::uint32_t kWarmLimit = 0xffff;  // what a warm counter holds

struct BlockKeys {
  std::size_t count;       // keys stored
  std::uint32_t positive;  // largest key without a sign, 0 if there is none
  std::uint32_t negative;  // largest key with a sign, its sign taken away, 0 if there is none
  std::uint32_t magnitude() const { return std::max(positive, negative); }
};

}  // namespace
}  // namespace etalon
#endif

HWY_BEFORE_NAMESPACE();
namespace etalon {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// The keys of up to a block of values, in any order. `out` has room for a block and one vector more.
BlockKeys keys_of(const float* HWY_RESTRICT data, std::size_t n, [[maybe_unused]] bool drop_zeros,
                  std::uint16_t* HWY_RESTRICT out) {
  std::size_t i = 0, count = 0;
  std::uint32_t top_positive = 0, top = 0;  // as unsigned numbers, keys with a sign are above all others
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<std::uint32_t> d;
  const hn::RepartitionToNarrow<decltype(d)> dk;
  const hn::RebindToSigned<decltype(dk)> ds;
  const std::size_t lanes = hn::Lanes(d);
  const auto* bits = reinterpret_cast<const std::uint32_t*>(data);
  auto positive = hn::Zero(ds);  // as signed numbers, keys with a sign are below zero
  auto unsigned_top = hn::Zero(dk);
  const auto keys_at = [&](std::size_t at) {
    const auto a = hn::LoadU(d, bits + at), b = hn::LoadU(d, bits + at + lanes);
    // order is of no interest: the upper halves of a go to the even lanes, those of b are in the odd ones
    // already
    const auto key = hn::OddEven(hn::BitCast(dk, b), hn::BitCast(dk, hn::ShiftRight<16>(a)));
    positive = hn::Max(positive, hn::BitCast(ds, key));
    unsigned_top = hn::Max(unsigned_top, key);
    return key;
  };
#if HWY_TARGET <= HWY_AVX3_DL
  if (drop_zeros) {
    for (; i + 2 * lanes <= n; i += 2 * lanes) {
      const auto key = keys_at(i);
      const auto keep = hn::Ne(hn::Add(key, key), hn::Zero(dk));  // neither +0 nor -0
      hn::StoreU(hn::Compress(key, keep), dk, out + count);
      count += hn::CountTrue(dk, keep);
    }
  } else
#endif
  {
    for (; i + 2 * lanes <= n; i += 2 * lanes) hn::StoreU(keys_at(i), dk, out + i);
    count = i;
  }
  top_positive = static_cast<std::uint32_t>(hn::GetLane(hn::MaxOfLanes(ds, positive)));
  top = hn::GetLane(hn::MaxOfLanes(dk, unsigned_top));
#endif
  for (; i < n; ++i) {
    const std::uint32_t key = std::bit_cast<std::uint32_t>(data[i]) >> 16;
    out[count++] = static_cast<std::uint16_t>(key);
    if (key < kSign) top_positive = std::max(top_positive, key);
    top = std::max(top, key);
  }
  return {count, top_positive, top < kSign ? 0 : top & ~kSign};
}

// Raises `magnitude` and `positive` to the bits of the largest finite |x| and x.
void raise_maxima(const float* HWY_RESTRICT data, std::size_t n, std::uint32_t& magnitude,
                  std::uint32_t& positive) {
  const hn::ScalableTag<std::int32_t> d;
  const auto* bits = reinterpret_cast<const std::int32_t*>(data);
  auto largest = hn::Set(d, static_cast<std::int32_t>(magnitude));
  auto largest_positive = hn::Set(d, static_cast<std::int32_t>(positive));
  const auto no_sign = hn::Set(d, 0x7fffffff),
             infinity = hn::Set(d, static_cast<std::int32_t>(kInfinity << 16));
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    const auto x = hn::LoadU(d, bits + i), m = hn::And(x, no_sign);
    largest = hn::Max(largest, hn::IfThenElseZero(hn::Lt(m, infinity), m));
    largest_positive = hn::Max(largest_positive, hn::IfThenElseZero(hn::Lt(x, infinity), x));
  }
  magnitude = static_cast<std::uint32_t>(hn::GetLane(hn::MaxOfLanes(d, largest)));
  positive = static_cast<std::uint32_t>(hn::GetLane(hn::MaxOfLanes(d, largest_positive)));
  for (; i < n; ++i) {
    const auto x = std::bit_cast<std::uint32_t>(data[i]), m = x & 0x7fffffff;
    if (m < kInfinity << 16) magnitude = std::max(magnitude, m);
    if (x < kInfinity << 16) positive = std::max(positive, x);
  }
}

// Counters a key. Where zeros are dropped, equal neighbours are rare; elsewhere half of all keys may be that
// of zero.
constexpr std::size_t kWays = HWY_TARGET <= HWY_AVX3_DL ? 2 : 4;
static_assert(kWays <= kMostWays);

// Counts keys; meanwhile what lies at `next` travels into the cache.
void count_keys(const std::uint16_t* HWY_RESTRICT keys, std::size_t n, const char* next,
                std::uint16_t* HWY_RESTRICT warm) {
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16, next += 16 * sizeof(float)) {
    __builtin_prefetch(next);
    for (std::size_t j = i; j < i + 16; j += 4) {
      ++warm[keys[j] * kWays];
      ++warm[keys[j + 1] * kWays + 1];
      ++warm[keys[j + 2] * kWays + 2 % kWays];
      ++warm[keys[j + 3] * kWays + 3 % kWays];
    }
  }
  for (; i < n; ++i) ++warm[keys[i] * kWays + i % kWays];
}

// Moves `n` keys' warm counters, from `first` on, to `counts` and leaves zeros; returns how many values that
// were.
std::uint32_t drain_keys(std::uint16_t* HWY_RESTRICT warm, std::uint32_t first, std::size_t n,
                         std::uint32_t* HWY_RESTRICT counts) {
  warm += first * kWays;
  counts += first;
  std::uint32_t moved = 0;
  std::size_t i = 0;
#if HWY_TARGET <= HWY_AVX3_DL
  const hn::ScalableTag<std::uint32_t> d;
  const hn::Repartition<std::uint16_t, decltype(d)> d_warm;
  auto sums = hn::Zero(d);
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    const auto pair = hn::BitCast(d, hn::LoadU(d_warm, warm + 2 * i));
    hn::StoreU(hn::Zero(d_warm), d_warm, warm + 2 * i);
    const auto sum = hn::Add(hn::ShiftRight<16>(pair), hn::And(pair, hn::Set(d, 0xffffU)));
    hn::StoreU(hn::Add(hn::LoadU(d, counts + i), sum), d, counts + i);
    sums = hn::Add(sums, sum);
  }
  moved = hn::GetLane(hn::SumOfLanes(d, sums));
#elif HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<std::uint64_t> d;
  const hn::Repartition<std::uint16_t, decltype(d)> d_warm;
  const hn::Rebind<std::uint32_t, decltype(d)> d_counts;
  const auto low = hn::Set(d, 0x0000ffff0000ffffU), lowest = hn::Set(d, 0xffffffffU);
  auto sums = hn::Zero(d);
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    const auto four = hn::BitCast(d, hn::LoadU(d_warm, warm + 4 * i));
    hn::StoreU(hn::Zero(d_warm), d_warm, warm + 4 * i);
    const auto two = hn::Add(hn::And(hn::ShiftRight<16>(four), low), hn::And(four, low));
    const auto sum = hn::Add(hn::ShiftRight<32>(two), hn::And(two, lowest));
    hn::StoreU(hn::Add(hn::LoadU(d_counts, counts + i), hn::TruncateTo(d_counts, sum)), d_counts, counts + i);
    sums = hn::Add(sums, sum);
  }
  moved = static_cast<std::uint32_t>(hn::GetLane(hn::SumOfLanes(d, sums)));
#endif
  for (; i < n; ++i)
    for (std::size_t way = 0; way < kWays; ++way) {
      const std::uint32_t count = std::exchange(warm[i * kWays + way], std::uint16_t{0});
      counts[i] += count;
      moved += count;
    }
  return moved;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace etalon
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace etalon {

HWY_EXPORT(keys_of);
HWY_EXPORT(raise_maxima);
HWY_EXPORT(count_keys);
HWY_EXPORT(drain_keys);

namespace {

// What this thread counts in, all zero between two tensors.
std::uint16_t* warm_counters() {
  struct Free {
    void operator()(std::uint16_t* memory) const { std::free(memory); }
  };
  thread_local const std::unique_ptr<std::uint16_t[], Free> warm(
      static_cast<std::uint16_t*>(std::calloc(kMostWays * kKeys, sizeof(std::uint16_t))));
  if (!warm) throw std::bad_alloc();
  return warm.get();
}

}  // namespace

SignedHistogram::SignedHistogram(std::uint64_t spill_after)
    : spill_after_(std::clamp(spill_after, std::uint64_t{1}, std::uint64_t{1} << 31)),
      counts_(static_cast<std::uint32_t*>(std::calloc(kKeys, sizeof(std::uint32_t)))) {
  if (!counts_) throw std::bad_alloc();
}

void SignedHistogram::add(std::span<const float> values) {
  while (!values.empty()) {
    if (unspilled_ >= spill_after_) spill();
    const auto now = values.first(std::min<std::uint64_t>(values.size(), spill_after_ - unspilled_));
    add_unspilled(now.data(), now.size());
    values = values.subspan(now.size());
  }
}

void SignedHistogram::add_unspilled(const float* data, std::size_t n) {
  alignas(64) std::uint16_t keys[kBlock + 64];
  const auto keys_of_block = HWY_DYNAMIC_DISPATCH(keys_of);
  const auto count = HWY_DYNAMIC_DISPATCH(count_keys);
  Warm warm{warm_counters()};
  values_ += n;
  unspilled_ += n;
  for (std::size_t size; n > 0; data += size, n -= size) {
    size = std::min(n, kBlock);
    const BlockKeys block = keys_of_block(data, size, drop_zeros_, keys);
    if (block.magnitude() >= max_bits_ >> 16 || block.positive >= max_positive_bits_ >> 16)
      look_closely(data, size, block.magnitude());
    warm.top_positive = std::max(warm.top_positive, block.positive);
    warm.top_negative = std::max(warm.top_negative, block.negative);
    warm.values += block.count;
    warm.largest += static_cast<std::uint32_t>(block.count + 1) / 2;
    const std::uint32_t zeros_before = warm.counters[0];
    count(keys, block.count, reinterpret_cast<const char*>(data + (n >= kAhead + kBlock ? kAhead : 0)),
          warm.counters);
    const auto dropped = static_cast<std::uint32_t>(size - block.count);
    counts_[0] += dropped;
    // One of two zeros went to the first counter, or, when they are dropped, none.
    drop_zeros_ = dropped + (warm.counters[0] - zeros_before) > size / 16;
    if (warm.largest > kWarmLimit - kBlock / 2) warm = cool_down(warm);
  }
  cool_down(warm);
}

// Zeros first, which lie far below the other values; then rows from the largest downwards, until all are
// found.
SignedHistogram::Warm SignedHistogram::cool_down(Warm warm) {
  const auto drain_keys_of = HWY_DYNAMIC_DISPATCH(drain_keys);
  const auto drain = [&](std::size_t first, std::size_t n) {
    warm.values -= drain_keys_of(warm.counters, static_cast<std::uint32_t>(first), n, counts_.get());
  };
  drain(0, 1);
  drain(kSign, 1);
  for (std::size_t row = std::max(warm.top_positive, warm.top_negative) / kRow + 1;
       row-- > 0 && warm.values > 0;) {
    if (row <= warm.top_positive / kRow) drain(row * kRow, kRow);
    if (row <= warm.top_negative / kRow) drain(kSign + row * kRow, kRow);
  }
  return Warm{warm.counters};
}

// Finds new maxima, and NaNs that look like infinities. SIMD: data that hardly vary come here each time.
void SignedHistogram::look_closely(const float* block, std::size_t n, std::uint32_t largest_key) {
  HWY_DYNAMIC_DISPATCH(raise_maxima)(block, n, max_bits_, max_positive_bits_);
  if (largest_key < kInfinity) return;
  for (std::size_t i = 0; i < n; ++i) {
    const auto bits = std::bit_cast<std::uint32_t>(block[i]), magnitude = bits & 0x7fffffff;
    if (magnitude >> 16 == kInfinity && magnitude != kInfinity << 16) ++disguised_nans_[bits >> 31];
  }
}

// Only counters that were used are written: the others' pages keep taking no memory.
std::uint64_t SignedHistogram::take_unspilled(std::uint32_t key) {
  return counts_[key] != 0 ? std::exchange(counts_[key], 0) : 0;
}

void SignedHistogram::spill() {
  spilled_.resize(kKeys);
  for (std::uint32_t key = 0; key < kKeys; ++key) spilled_[key] += take_unspilled(key);
  unspilled_ = 0;
}

void SignedHistogram::take(TensorStatistics& magnitude, TensorStatistics* rectified) {
  magnitude.values += values_;
  magnitude.max_bits = std::max(magnitude.max_bits, max_bits_);
  if (rectified) {
    rectified->values += values_;
    rectified->max_bits = std::max(rectified->max_bits, max_positive_bits_);
  }
  for (std::uint32_t key = 0; key < kKeys; ++key) {
    const std::uint64_t count = take_unspilled(key) + (spilled_.empty() ? 0 : spilled_[key]);
    if (count == 0) continue;
    const std::uint32_t unsigned_key = key & ~kSign;
    const bool negative = key != unsigned_key;
    const std::uint64_t disguised =
        unsigned_key == kInfinity ? std::exchange(disguised_nans_[negative], 0) : 0;
    if (unsigned_key > kInfinity) {
      magnitude.nans += count;
      if (rectified) rectified->nans += count;
    } else if (unsigned_key == kInfinity) {
      magnitude.nans += disguised;
      magnitude.infinities += count - disguised;
      if (rectified) {
        rectified->nans += disguised;
        (negative ? rectified->buckets[0] : rectified->infinities) += count - disguised;
      }
    } else {
      magnitude.buckets[unsigned_key] += count;
      if (rectified) rectified->buckets[negative ? 0 : key] += count;
    }
  }
  spilled_.clear();
  values_ = unspilled_ = 0;
  max_bits_ = max_positive_bits_ = 0;
}

}  // namespace etalon
#endif
