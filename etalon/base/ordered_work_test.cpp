#include "etalon/base/ordered_work.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <numeric>
#include <set>
#include <thread>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

// What the work on item `index` gives.
std::size_t output_of(std::size_t index) { return 3 * index + 1; }

// Images take times that differ, so that they finish out of order.
void take_a_while(std::size_t index) {
  std::this_thread::sleep_for(std::chrono::microseconds(index * 7919 % 13 * 100));
}

class CountingProgress final : public Progress {
 public:
  void begin(std::string_view, std::uint64_t) override { ADD_FAILURE() << "begin is the caller's"; }
  void advance(std::uint64_t count) override {
    EXPECT_EQ(std::this_thread::get_id(), thread);
    done += count;
    if (done >= stop_at) throw Error(Kind::kInterrupted, "stopped");
  }
  void end() override { ADD_FAILURE() << "end is the caller's"; }
  void check() override {}

  std::thread::id thread = std::this_thread::get_id();
  std::uint64_t done = 0;
  std::uint64_t stop_at = ~std::uint64_t{0};
};

TEST(OrderedWork, DeliversEveryItemOnceInOrder) {
  for (const std::size_t workers : {1, 2, 3, 8}) {
    std::vector<std::size_t> delivered;
    CountingProgress progress;
    map_in_order<std::size_t>(
        50, workers,
        [&](std::size_t worker, std::size_t index) {
          EXPECT_LT(worker, workers);
          take_a_while(index);
          return output_of(index);
        },
        [&](std::size_t index, std::size_t output) {
          EXPECT_EQ(output, output_of(index));
          delivered.push_back(index);
        },
        progress);
    std::vector<std::size_t> expected(50);
    std::iota(expected.begin(), expected.end(), 0U);
    EXPECT_EQ(delivered, expected);
    EXPECT_EQ(progress.done, 50U);
  }
}

TEST(OrderedWork, GivesAWorkerOneItemAtATime) {
  std::array<std::atomic<int>, 3> busy{};
  SilentProgress progress;
  std::mutex mutex;
  std::multiset<std::size_t> seen;
  map_in_order<std::size_t>(
      60, 3,
      [&](std::size_t worker, std::size_t index) {
        EXPECT_EQ(busy.at(worker).fetch_add(1), 0);
        take_a_while(index);
        busy.at(worker).fetch_sub(1);
        const std::lock_guard lock(mutex);
        seen.insert(index);
        return std::size_t{0};
      },
      [](std::size_t, std::size_t) {}, progress);
  EXPECT_EQ(seen.size(), 60U);
  EXPECT_EQ(std::set<std::size_t>(seen.begin(), seen.end()).size(), 60U);
}

TEST(OrderedWork, ReportsTheFailureOfTheLowestItemWhateverFinishesFirst) {
  for (const std::size_t workers : {1, 2, 3, 8})
    for (int turn = 0; turn < 20; ++turn) {
      std::vector<std::size_t> delivered;
      SilentProgress progress;
      try {
        map_in_order<std::size_t>(
            40, workers,
            [&](std::size_t, std::size_t index) -> std::size_t {
              if (index == 11) std::this_thread::sleep_for(std::chrono::milliseconds(2));
              if (index >= 11) throw Error(Kind::kBadInput, "image " + std::to_string(index));
              return output_of(index);
            },
            [&](std::size_t index, std::size_t) { delivered.push_back(index); }, progress);
        ADD_FAILURE() << "no failure came out";
      } catch (const Error& error) {
        EXPECT_EQ(error.problem(), "image 11");
      }
      EXPECT_EQ(delivered.size(), 11U) << workers;
    }
}

TEST(OrderedWork, StopsWhenADeliveryFails) {
  std::atomic<std::size_t> computed = 0;
  SilentProgress progress;
  std::size_t delivered = 0;
  const auto run = [&] {
    map_in_order<std::size_t>(
        1000, 3,
        [&](std::size_t, std::size_t index) {
          ++computed;
          return output_of(index);
        },
        [&](std::size_t index, std::size_t) {
          if (index == 5) throw Error(Kind::kBadInput, "enough");
          ++delivered;
        },
        progress);
  };
  EXPECT_THROW(run(), Error);
  EXPECT_EQ(delivered, 5U);
  EXPECT_LE(computed, 5U + 4U * 3U) << "workers ran ahead of the delivery";
}

TEST(OrderedWork, StopsWhenTheUserAsksTo) {
  for (const std::size_t workers : {1, 3}) {
    CountingProgress progress;
    progress.stop_at = 4;
    std::atomic<std::size_t> computed = 0;
    const auto run = [&] {
      map_in_order<std::size_t>(
          10'000, workers,
          [&](std::size_t, std::size_t) {
            ++computed;
            std::this_thread::sleep_for(std::chrono::microseconds(300));
            return std::size_t{0};
          },
          [](std::size_t, std::size_t) {}, progress);
    };
    try {
      run();
      ADD_FAILURE() << "the run was not stopped";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), Kind::kInterrupted);
    }
    EXPECT_LT(computed, 10'000U);
  }
}

TEST(OrderedWork, DoesNothingForNoItems) {
  SilentProgress progress;
  map_in_order<std::size_t>(
      0, 4, [](std::size_t, std::size_t) -> std::size_t { throw Error(Kind::kInternal, "called"); },
      [](std::size_t, std::size_t) {}, progress);
}

}  // namespace
}  // namespace etalon
