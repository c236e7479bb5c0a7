// Statistics are taken inside the graph, so those of an image that is computed to the half cannot be told
// from the rest. A run that shall be resumable therefore goes in blocks of some seconds: after each one the
// counters are emptied into `counted`. A block ends when its last image does, and threads wait for each other
// there; at some seconds a block that is below a hundredth of the time.
#include "etalon/calibration/collect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "etalon/base/error.hpp"
#include "etalon/base/ordered_work.hpp"

namespace etalon {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kBlockSeconds = 5;
constexpr double kKeepSeconds = 10;
constexpr std::uint64_t kFirstBlock = 8;  // images a thread: enough to learn how fast it goes

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

const std::string* first_not_finite(const std::vector<std::string>& tensors,
                                    const std::map<std::string, TensorStatistics>& statistics) {
  for (const std::string& name : tensors) {
    const TensorStatistics& s = statistics.at(name);
    if (s.nans + s.infinities > 0) return &name;
  }
  return nullptr;
}

// The images of a block again, one by one, to tell which was the first to go wrong.
[[noreturn]] void throw_not_finite(Session& session, const std::vector<std::string>& tensors,
                                   const CalibrationImages& images, Part block, Progress& progress) {
  std::vector<float> input(session.input_size());
  for (std::uint64_t i = block.first; i < block.first + block.count; ++i) {
    progress.check();
    images.load(i, input);
    session.run(input);
    const auto statistics = session.take_statistics();
    const std::string* tensor = first_not_finite(tensors, statistics);
    if (!tensor) continue;
    const TensorStatistics& s = statistics.at(*tensor);
    throw Error(Kind::kBadInput,
                fmt::format("tensor '{}' has {} NaN and {} infinite values of {} on image '{}'",
                            escaped(*tensor), s.nans, s.infinities, s.values, escaped(images.names[i])),
                "the network overflows on this image: check the model's weights and the preprocessing");
  }
  throw Error(Kind::kInternal, "NaN or infinite values were counted, but no image gives them again");
}

void add(const std::map<std::string, TensorStatistics>& block, CountedStatistics& counted) {
  for (const auto& [name, statistics] : block) counted.tensors[name].merge(statistics);
}

}  // namespace

void collect_statistics(const ModelProto& model, const CalibrationImages& images, Part part,
                        const CollectOptions& options, CountedStatistics& counted,
                        const std::function<void()>& keep, Progress& progress) {
  for (const std::string& name : options.tensors) counted.tensors.try_emplace(name);
  if (counted.images_done >= part.count) return;
  if (images.begin) images.begin(part.first + counted.images_done);
  Session session(model, {.threads = options.threads,
                          .precision = options.precision,
                          .observe = options.tensors,
                          .input_dims = options.input_dims});
  const std::uint64_t workers = worker_count(options.threads);
  const auto started = Clock::now();
  auto kept = started;
  progress.begin("calibrating", part.count - counted.images_done);
  std::uint64_t done_here = 0, kept_done = counted.images_done;
  try {
    while (counted.images_done < part.count) {
      const std::uint64_t left = part.count - counted.images_done;
      const double rate = static_cast<double>(done_here) / std::max(1e-6, seconds_since(started));
      const std::uint64_t wanted = std::max<std::uint64_t>(
          workers * kFirstBlock, static_cast<std::uint64_t>(std::min(1e9, rate * kBlockSeconds)));
      const Part block{part.first + counted.images_done, keep ? std::min(left, wanted) : left};
      session.run_all(
          block.count, [&](std::size_t i, std::span<float> input) { images.load(block.first + i, input); },
          {}, progress);
      const auto statistics = session.take_statistics();
      if (first_not_finite(options.tensors, statistics))
        throw_not_finite(session, options.tensors, images, block, progress);
      add(statistics, counted);
      counted.images_done += block.count;
      done_here += block.count;
      if (keep && seconds_since(kept) > kKeepSeconds && counted.images_done < part.count) {
        keep();
        kept = Clock::now();
        kept_done = counted.images_done;
      }
    }
  } catch (const Error& error) {
    if (keep && error.kind() == Kind::kInterrupted && counted.images_done > kept_done) keep();
    throw;
  }
  progress.end();
}

}  // namespace etalon
