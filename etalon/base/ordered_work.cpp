#include "etalon/base/ordered_work.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "etalon/base/error.hpp"

namespace etalon {
namespace {

constexpr std::chrono::milliseconds kLookAtUser{100};  // how long a wish to stop may wait
constexpr std::size_t kAhead = 4;                      // items a worker that may wait for delivery

class Schedule {
 public:
  Schedule(std::size_t count, std::size_t workers, const DoItem& work, const DeliverItem& deliver)
      : count_(count), workers_(workers), work_(work), deliver_(deliver) {}

  void run(Progress& progress) {
    std::vector<std::jthread> threads;  // joined on every way out, after stop_
    try {
      for (std::size_t worker = 0; worker < workers_; ++worker)
        threads.emplace_back([this, worker] { take_part(worker); });
      report(progress);
    } catch (...) {  // progress asks to stop, or there are no more threads to be had
      stop();
      throw;
    }
    threads.clear();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  void report(Progress& progress) {
    std::size_t reported = 0;
    std::unique_lock lock(mutex_);
    while (true) {
      news_.wait_for(lock, kLookAtUser, [&] { return finished_ > reported || left_ == workers_; });
      const std::size_t fresh = finished_ - reported;
      const bool over = left_ == workers_;
      lock.unlock();
      if (fresh > 0)
        progress.advance(fresh);
      else
        progress.check();
      reported += fresh;
      if (over) return;
      lock.lock();
    }
  }

  void take_part(std::size_t worker) {
    while (const auto index = begin_next()) {
      try {
        work_(worker, *index);
        finish(*index);
      } catch (...) {
        fail(*index, std::current_exception());
      }
    }
    const std::lock_guard lock(mutex_);
    ++left_;
    news_.notify_all();
  }

  std::optional<std::size_t> begin_next() {
    std::unique_lock lock(mutex_);
    if (deliver_) room_.wait(lock, [&] { return stopped_ || next_ < delivered_ + work_slots(workers_); });
    if (stopped_ || next_ == count_) return std::nullopt;
    return next_++;
  }

  void finish(std::size_t index) {
    std::unique_lock lock(mutex_);
    ++finished_;
    news_.notify_all();
    if (!deliver_) return;
    waiting_.insert(index);
    if (delivering_) return;  // whoever delivers now will find it
    delivering_ = true;
    while (waiting_.erase(delivered_) > 0) {
      const std::size_t next = delivered_;
      lock.unlock();
      try {
        deliver_(next);
      } catch (...) {
        fail(next, std::current_exception());  // delivering_ stays: nothing is delivered after a failure
        return;
      }
      lock.lock();
      ++delivered_;
      room_.notify_all();
    }
    delivering_ = false;
  }

  void fail(std::size_t index, std::exception_ptr failure) {
    const std::lock_guard lock(mutex_);
    if (!failure_ || index < failed_) {
      failure_ = std::move(failure);
      failed_ = index;
    }
    stopped_ = true;
    room_.notify_all();
  }

  void stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    room_.notify_all();
  }

  const std::size_t count_, workers_;
  const DoItem& work_;
  const DeliverItem& deliver_;

  std::mutex mutex_;  // over all that follows
  std::condition_variable news_, room_;
  std::size_t next_ = 0, finished_ = 0, delivered_ = 0, left_ = 0;
  bool stopped_ = false, delivering_ = false;
  std::set<std::size_t> waiting_;  // done, not delivered
  std::exception_ptr failure_;
  std::size_t failed_ = 0;
};

}  // namespace

std::size_t worker_count(int threads) {
  const std::size_t cores =
      std::max(1U, std::thread::hardware_concurrency());  // those that this process may use
  if (threads < 0)
    throw Error(Kind::kWrongUsage, fmt::format("{} threads, expected 0 (one a core) or more", threads));
  return threads == 0 ? cores : std::min(cores, static_cast<std::size_t>(threads));
}

std::size_t work_slots(std::size_t workers) { return kAhead * std::max<std::size_t>(1, workers); }

void run_in_order(std::size_t count, std::size_t workers, const DoItem& work, const DeliverItem& deliver,
                  Progress& progress) {
  if (count == 0) return;
  Schedule(count, std::clamp<std::size_t>(workers, 1, count), work, deliver).run(progress);
}

}  // namespace etalon
