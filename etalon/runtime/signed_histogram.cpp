// How a histogram keeps up with inference.
//
// A tensor is counted in blocks of 2048 values, in two steps. (1) SIMD takes the upper halves of the floats (the keys) of
// two vectors together into one vector of 16-bit lanes, tracks the largest key of either sign, and stores the keys in the
// first-level cache. (2) A scalar loop does ++counts[key]. Equal neighbours would wait for each other's store, so there
// are four sub-histograms: two pairs, interleaved, the second pair not a multiple of 4 KiB away from the first (a store
// and a load of addresses equal modulo 4 KiB are taken for the same by the processor). The next block is prefetched.
//
// Zeros. Half of what leaves a Relu is zero, and all of them would go to one counter. Where the processor can compress
// 16-bit lanes in one instruction (Highway's AVX3_DL) and the block before had many zeros, zeros are dropped in step 1
// and counted as the difference. Elsewhere emulating it costs more than it saves.
//
// The exact maximum: a block is read again only if its largest key could hold a new one, which is rare after the first
// blocks. The same second look finds NaNs whose payload is in the lower half only, which by their key are infinities.
//
// Sums of integers have no order: any split of the values over blocks, threads or images gives the same counts.
// Figures: docs/statistics.md.
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

constexpr std::size_t kBlock = 2048;
constexpr std::uint32_t kSign = 0x8000;
constexpr std::uint32_t kInfinity = TensorStatistics::kBuckets;
constexpr std::size_t kKeys = std::size_t{1} << 16;
constexpr std::size_t kTwin = 2 * kKeys + 16;  // where the second pair of sub-histograms begins

struct BlockKeys {
  std::size_t count;          // keys stored
  std::uint32_t positive;     // largest key without a sign, 0 if there is none
  std::uint32_t magnitude;    // largest key, its sign taken away
};

}  // namespace
}  // namespace etalon
#endif

HWY_BEFORE_NAMESPACE();
namespace etalon {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR
BlockKeys keys_of(const float* data, bool, std::uint16_t* out) {
  BlockKeys keys{kBlock, 0, 0};
  for (std::size_t i = 0; i < kBlock; ++i) {
    const std::uint32_t key = std::bit_cast<std::uint32_t>(data[i]) >> 16;
    out[i] = static_cast<std::uint16_t>(key);
    if (key < kSign) keys.positive = std::max(keys.positive, key);
    keys.magnitude = std::max(keys.magnitude, key & ~kSign);
  }
  return keys;
}
#else
// The keys of a block in any order. `out` has room for a block and one vector more.
BlockKeys keys_of(const float* HWY_RESTRICT data, [[maybe_unused]] bool drop_zeros, std::uint16_t* HWY_RESTRICT out) {
  const hn::ScalableTag<std::uint32_t> d;
  const hn::RepartitionToNarrow<decltype(d)> dk;
  const hn::RebindToSigned<decltype(dk)> ds;
  const std::size_t lanes = hn::Lanes(d);
  const auto* bits = reinterpret_cast<const std::uint32_t*>(data);
  auto positive = hn::Zero(ds);       // as signed numbers, keys with a sign are below zero
  auto unsigned_top = hn::Zero(dk);   // as unsigned ones, they are above all others
  const auto keys_at = [&](std::size_t i) {
    const auto a = hn::LoadU(d, bits + i), b = hn::LoadU(d, bits + i + lanes);
    // order is of no interest: the upper halves of a go to the even lanes, those of b are in the odd ones already
    const auto key = hn::OddEven(hn::BitCast(dk, b), hn::BitCast(dk, hn::ShiftRight<16>(a)));
    positive = hn::Max(positive, hn::BitCast(ds, key));
    unsigned_top = hn::Max(unsigned_top, key);
    return key;
  };
  std::size_t count = kBlock;
#if HWY_TARGET <= HWY_AVX3_DL
  if (drop_zeros) {
    count = 0;
    for (std::size_t i = 0; i < kBlock; i += 2 * lanes) {
      const auto key = keys_at(i);
      const auto keep = hn::Ne(hn::Add(key, key), hn::Zero(dk));  // neither +0 nor -0
      hn::StoreU(hn::Compress(key, keep), dk, out + count);
      count += hn::CountTrue(dk, keep);
    }
  } else
#endif
    for (std::size_t i = 0; i < kBlock; i += 2 * lanes) hn::StoreU(keys_at(i), dk, out + i);
  const auto top_positive = static_cast<std::uint32_t>(hn::GetLane(hn::MaxOfLanes(ds, positive)));
  const std::uint32_t top = hn::GetLane(hn::MaxOfLanes(dk, unsigned_top));
  return {count, top_positive, top < kSign ? top : std::max(top_positive, top & ~kSign)};
}
#endif

// Raises `magnitude` and `positive` to the bits of the largest finite |x| and x.
void raise_maxima(const float* HWY_RESTRICT data, std::size_t n, std::uint32_t& magnitude, std::uint32_t& positive) {
  const hn::ScalableTag<std::int32_t> d;
  const auto* bits = reinterpret_cast<const std::int32_t*>(data);
  auto largest = hn::Set(d, static_cast<std::int32_t>(magnitude));
  auto largest_positive = hn::Set(d, static_cast<std::int32_t>(positive));
  const auto no_sign = hn::Set(d, 0x7fffffff), infinity = hn::Set(d, static_cast<std::int32_t>(kInfinity << 16));
  for (std::size_t i = 0; i < n; i += hn::Lanes(d)) {
    const auto x = hn::LoadU(d, bits + i), m = hn::And(x, no_sign);
    largest = hn::Max(largest, hn::IfThenElseZero(hn::Lt(m, infinity), m));
    largest_positive = hn::Max(largest_positive, hn::IfThenElseZero(hn::Lt(x, infinity), x));
  }
  magnitude = static_cast<std::uint32_t>(hn::GetLane(hn::MaxOfLanes(d, largest)));
  positive = static_cast<std::uint32_t>(hn::GetLane(hn::MaxOfLanes(d, largest_positive)));
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace etalon
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace etalon {

HWY_EXPORT(keys_of);
HWY_EXPORT(raise_maxima);

SignedHistogram::SignedHistogram(std::uint64_t spill_after)
    : spill_after_(std::clamp(spill_after, std::uint64_t{1}, std::uint64_t{1} << 31)),
      counts_(static_cast<std::uint32_t*>(std::calloc(kTwin + 2 * kKeys, sizeof(std::uint32_t)))) {
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
  std::uint32_t* const h = counts_.get();
  std::uint32_t* const g = h + kTwin;
  values_ += n;
  unspilled_ += n;
  for (; n >= kBlock; data += kBlock, n -= kBlock) {
    const BlockKeys block = keys_of_block(data, drop_zeros_, keys);
    if (block.magnitude >= max_bits_ >> 16 || block.positive >= max_positive_bits_ >> 16) look_closely(data, kBlock, block.magnitude);
    const std::uint32_t zeros_before = h[0];
    h[0] += static_cast<std::uint32_t>(kBlock - block.count);
    const char* next = reinterpret_cast<const char*>(data + (n >= 2 * kBlock ? kBlock : 0));
    std::size_t i = 0;
    for (; i + 16 <= block.count; i += 16, next += 16 * sizeof(float)) {  // the next block travels while this one is counted
      __builtin_prefetch(next);
      for (std::size_t j = i; j < i + 16; j += 4) {
        ++h[keys[j] * 2];
        ++h[keys[j + 1] * 2 + 1];
        ++g[keys[j + 2] * 2];
        ++g[keys[j + 3] * 2 + 1];
      }
    }
    for (; i < block.count; ++i) ++h[keys[i] * 2];
    // One of four zeros went to h[0], or, when they are dropped, all of them.
    drop_zeros_ = h[0] - zeros_before > kBlock / 32;
  }
  for (std::size_t i = 0; i < n; ++i) count_one(data[i]);
}

void SignedHistogram::count_one(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  ++counts_[(bits >> 16) * 2];
  look_closely(&value, 1, bits >> 16 & ~kSign);
}

// Finds new maxima, and NaNs that look like infinities. SIMD for whole blocks: data that hardly vary come here each time.
void SignedHistogram::look_closely(const float* block, std::size_t n, std::uint32_t largest_key) {
  if (n == kBlock) {
    HWY_DYNAMIC_DISPATCH(raise_maxima)(block, n, max_bits_, max_positive_bits_);
    if (largest_key < kInfinity) return;
  }
  for (std::size_t i = 0; i < n; ++i) {
    const auto bits = std::bit_cast<std::uint32_t>(block[i]), magnitude = bits & 0x7fffffff;
    if (magnitude < kInfinity << 16) {
      max_bits_ = std::max(max_bits_, magnitude);
      if (bits == magnitude) max_positive_bits_ = std::max(max_positive_bits_, bits);
    } else if (magnitude >> 16 == kInfinity && magnitude != kInfinity << 16) {
      ++disguised_nans_[bits >> 31];
    }
  }
}

// Only counters that were used are written: the others' pages keep taking no memory.
std::uint64_t SignedHistogram::take_unspilled(std::uint32_t key) {
  std::uint32_t* const h = counts_.get() + 2 * key;
  std::uint32_t* const g = h + kTwin;
  std::uint64_t sum = 0;
  for (std::uint32_t* counter : {h, h + 1, g, g + 1})
    if (*counter != 0) sum += std::exchange(*counter, 0);
  return sum;
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
    const std::uint64_t disguised = unsigned_key == kInfinity ? std::exchange(disguised_nans_[negative], 0) : 0;
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
