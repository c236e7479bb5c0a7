// The text holds each count as its difference to the count two before it (from the fourth on), in groups of 5
// bits, lowest first; bit 6 says that a group follows, and 48 is added to make it a printable character. A
// number ends where the rest is its sign.
// Source: COCO's API, common/maskApi.c, whose text pycocotools writes and reads.
#include "etalon/detections/mask.hpp"

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

void append_number(std::string& text, std::int64_t number) {
  bool more = true;
  while (more) {
    auto group = static_cast<unsigned>(number & 0x1f);
    number >>= 5;
    more = (group & 0x10) != 0 ? number != -1 : number != 0;
    if (more) group |= 0x20;
    text += static_cast<char>(group + 48);
  }
}

// Lengths of equal pixels in a row of pixels that comes in pieces.
class Runs {
 public:
  void add(bool covered, std::int64_t count) {
    if (count == 0) return;
    if (covered != covered_) {
      counts.push_back(length_);
      length_ = 0;
      covered_ = covered;
    }
    length_ += count;
  }
  std::vector<std::int64_t> finish() {
    counts.push_back(length_);
    return std::move(counts);
  }

 private:
  std::vector<std::int64_t> counts;
  bool covered_ = false;
  std::int64_t length_ = 0;
};

}  // namespace

std::string coco_counts(const PictureMask& mask, int picture_width, int picture_height) {
  if (mask.left < 0 || mask.top < 0 || mask.width < 0 || mask.height < 0 ||
      mask.width > picture_width - mask.left || mask.height > picture_height - mask.top ||
      mask.covered.size() != static_cast<std::size_t>(mask.width) * static_cast<std::size_t>(mask.height))
    throw Error(Kind::kInternal, "a mask that does not lie in its picture");
  Runs runs;
  runs.add(false, std::int64_t{mask.left} * picture_height);
  for (int x = 0; x < mask.width; ++x) {
    runs.add(false, mask.top);
    for (int y = 0; y < mask.height; ++y)
      runs.add(mask.covered[static_cast<std::size_t>(y) * static_cast<std::size_t>(mask.width) +
                            static_cast<std::size_t>(x)] != 0,
               1);
    runs.add(false, picture_height - mask.top - mask.height);
  }
  runs.add(false, std::int64_t{picture_width - mask.left - mask.width} * picture_height);
  const std::vector<std::int64_t> counts = runs.finish();
  std::string text;
  for (std::size_t i = 0; i < counts.size(); ++i)
    append_number(text, i > 2 ? counts[i] - counts[i - 2] : counts[i]);
  return text;
}

}  // namespace etalon
