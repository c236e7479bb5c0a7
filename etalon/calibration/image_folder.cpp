#include "etalon/calibration/image_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/images/image.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxImageBytes = std::uint64_t{1} << 30;

// TAO: `name.split('.')[-1] in ['jpg', 'jpeg', 'png']`, so case matters and a file named "png" counts.
bool named_as_image(const std::string& name) {
  const auto dot = name.rfind('.');
  const std::string ending = dot == std::string::npos ? name : name.substr(dot + 1);
  return ending == "jpg" || ending == "jpeg" || ending == "png";
}

// SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators"; constants of Vigna's
// public-domain splitmix64.c): every seed is a good one, and the whole state is one number.
class SplitMix64 {
 public:
  explicit SplitMix64(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }

  // 0 .. bound-1, all equally likely: of the 2^64 numbers, the first 2^64 mod bound are thrown away.
  std::uint64_t below(std::uint64_t bound) {
    const std::uint64_t surplus = (0 - bound) % bound;
    while (true)
      if (const std::uint64_t drawn = next(); drawn >= surplus) return drawn % bound;
  }

 private:
  std::uint64_t state_;
};

}  // namespace

std::vector<fs::path> list_calibration_images(const fs::path& folder) {
  const auto where = [&] { return "'" + escaped(folder.string()) + "'"; };
  std::error_code error;
  const fs::file_status status = fs::status(folder, error);
  if (!fs::exists(status)) throw Error(Kind::kBadInput, fmt::format("{} does not exist, expected a folder of images", where()));
  if (!fs::is_directory(status)) throw Error(Kind::kBadInput, fmt::format("{} is no folder, expected a folder of images", where()));
  std::vector<fs::path> images;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::error_code unreadable;  // a link to nowhere is no file
    if (named_as_image(entry->path().filename().string()) && entry->is_regular_file(unreadable)) images.push_back(entry->path());
  }
  if (error) throw Error(Kind::kBadInput, fmt::format("{} cannot be listed: {}", where(), error.message()));
  std::ranges::sort(images, {}, [](const fs::path& path) { return path.filename().string(); });
  return images;
}

// The beginning of a Fisher-Yates shuffle: place i gets one of those not drawn yet.
std::vector<std::size_t> draw_without_replacement(std::size_t available, std::size_t count, std::uint64_t seed) {
  if (count > available) throw Error(Kind::kInternal, fmt::format("{} of {} cannot be drawn without replacement", count, available));
  std::vector<std::size_t> numbers(available);
  std::iota(numbers.begin(), numbers.end(), std::size_t{0});
  SplitMix64 random(seed);
  for (std::size_t i = 0; i < count; ++i) std::swap(numbers[i], numbers[i + random.below(available - i)]);
  numbers.resize(count);
  return numbers;
}

void load_calibration_image(const fs::path& path, int width, int height, const Preprocessing& how, std::span<float> out) {
  within([&] { return "'" + escaped(path.string()) + "'"; }, [&] {
    check_is_data_file(path);
    prepare_calibration_image(decode_image(read_file(path, kMaxImageBytes)), width, height, how, out);
  });
}

}  // namespace etalon
