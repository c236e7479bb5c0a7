// Batches are read in order, in a stream, by the formats' reader; images are asked for by several threads,
// nearly in order, from the one on that begin() names. So read batches wait here until each of their rows was
// taken. Whoever asks for something that has gone by (a second pass over some images, to find one that went
// wrong) starts the stream anew.
#include "etalon/calibration/tensorfile_images.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "etalon/base/digest.hpp"
#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/formats/tensorfile/tensorfile_reader.hpp"

namespace etalon {
namespace {

namespace fs = std::filesystem;

std::string row_name(std::uint64_t batch, std::uint64_t row) {
  return fmt::format("row {} of batch {}", row, batch);
}

[[noreturn]] void throw_too_few_rows(std::uint64_t batch, std::uint64_t rows, std::uint64_t batch_size) {
  throw Error(Kind::kBadInput,
              fmt::format("batch {} has {} rows, but --batch_size asks for {}", batch, rows, batch_size),
              "give a smaller --batch_size");
}

class TensorfileRows {
 public:
  TensorfileRows(fs::path file, std::uint64_t batches, std::uint64_t batch_size, const InputSize& size,
                 Layout layout)
      : file_(std::move(file)), batches_(batches), batch_size_(batch_size), size_(size), layout_(layout) {}

  void begin(std::uint64_t first) {
    const std::lock_guard lock(mutex_);
    within([&] { return quoted(file_); }, [&] { start(first / batch_size_); });
  }

  void load(std::uint64_t index, std::span<float> out) {
    const std::uint64_t batch = index / batch_size_, row = index % batch_size_;
    within([&] { return quoted(file_); },
           [&] {
             take(batch, row, out);
             const auto wrong =
                 std::ranges::find_if_not(out, [](float value) { return std::isfinite(value); });
             if (wrong != out.end())
               throw Error(Kind::kBadInput,
                           fmt::format("{} holds a number that is {}, expected finite ones",
                                       row_name(batch, row), std::isnan(*wrong) ? "NaN" : "infinite"),
                           "write the tensorfile anew");
           });
  }

 private:
  struct Waiting {
    std::vector<float> values;
    std::uint64_t rows_left;
  };

  void start(std::uint64_t batch) {
    waiting_.clear();
    next_ = batch;
    if (batch < batches_) stream_.emplace(file_, batch, batches_ - batch);
  }

  void take(std::uint64_t batch, std::uint64_t row, std::span<float> out) {
    const std::lock_guard lock(mutex_);
    if (failure_) std::rethrow_exception(failure_);  // the stream ended there, for whoever asks
    try {
      if (!waiting_.contains(batch) && (!stream_ || batch < next_)) start(batch);
      while (!waiting_.contains(batch)) read_next();
    } catch (...) {
      failure_ = std::current_exception();
      throw;
    }
    const auto found = waiting_.find(batch);
    const std::span<const float> values =
        std::span(found->second.values).subspan(row * size_.numbers(), size_.numbers());
    if (layout_ == Layout::kNhwc)
      chw_to_hwc(values, size_.channels, out);
    else
      std::ranges::copy(values, out.begin());
    if (--found->second.rows_left == 0) waiting_.erase(found);
  }

  void read_next() {
    FloatArray read = stream_->next();
    const std::uint64_t batch = next_++;
    const std::uint64_t rows = read.shape.empty() ? 0 : static_cast<std::uint64_t>(read.shape[0]);
    if (rows < batch_size_) throw_too_few_rows(batch, rows, batch_size_);
    waiting_.try_emplace(batch, Waiting{std::move(read.values), batch_size_});
  }

  const fs::path file_;
  const std::uint64_t batches_, batch_size_;
  const InputSize size_;
  const Layout layout_;
  std::mutex mutex_;  // over all that follows
  std::optional<TensorfileReader> stream_;
  std::exception_ptr failure_;
  std::uint64_t next_ = 0;  // the batch that the stream gives next
  std::map<std::uint64_t, Waiting> waiting_;
};

// The file's content: copies on other machines are the same images.
std::string content_digest(const fs::path& file) {
  InputFile input(file);
  Digest digest;
  std::vector<std::byte> piece(1 << 20);
  while (const std::size_t count = input.read(piece)) digest.bytes(std::span(piece).first(count));
  return digest.hex();
}

}  // namespace

CalibrationImages images_from_tensorfile(const fs::path& file, std::uint64_t batches,
                                         std::uint64_t batch_size, const InputSize& size, Layout layout) {
  const TensorfileFacts facts =
      within([&] { return quoted(file); }, [&] { return read_tensorfile_facts(file); });
  within([&] { return quoted(file); },
         [&] {
           const std::vector<std::int64_t> wanted{size.channels, size.height, size.width};
           if (facts.shape.size() != 4 || !std::equal(wanted.begin(), wanted.end(), facts.shape.begin() + 1))
             throw Error(
                 Kind::kBadInput,
                 fmt::format("the tensorfile holds batches of shape {}, but the network takes {} an image",
                             fmt::join(facts.shape, "x"), fmt::join(wanted, "x")),
                 "was it made for another model?");
           if (facts.batches < batches)
             throw Error(Kind::kBadInput,
                         fmt::format("the tensorfile holds {} batches, but --batches asks for {}",
                                     facts.batches, batches),
                         "give fewer --batches, or write a larger tensorfile");
           const auto rows = static_cast<std::uint64_t>(facts.shape[0]);
           if (rows < batch_size) throw_too_few_rows(0, rows, batch_size);
         });
  CalibrationImages images;
  images.source = fmt::format("{} batches of {} images from the tensorfile {} ({} of {} rows, {})", batches,
                              batch_size, quoted(file), facts.batches, facts.shape[0], facts.element_type);
  images.other_files.push_back(file);
  images.identity = [file, batches, batch_size] {
    return Digest().text("tensorfile").text(content_digest(file)).number(batches).number(batch_size).hex();
  };
  for (std::uint64_t batch = 0; batch < batches; ++batch)
    for (std::uint64_t row = 0; row < batch_size; ++row) images.names.push_back(row_name(batch, row));
  images.ids = images.names;
  const auto rows = std::make_shared<TensorfileRows>(file, batches, batch_size, size, layout);
  images.begin = [rows](std::size_t first) { rows->begin(first); };
  images.fill = [rows](std::size_t index, const std::string&, std::span<float> out) {
    rows->load(index, out);
  };
  return images;
}

}  // namespace etalon
