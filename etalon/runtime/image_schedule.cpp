#include "etalon/runtime/image_schedule.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace etalon {
namespace {

constexpr std::chrono::milliseconds kLookAtUser{100};  // how long a wish to stop may wait
constexpr std::size_t kAhead = 4;                      // images a worker that may wait for delivery

class Schedule {
 public:
  Schedule(std::size_t count, std::size_t workers, const ComputeImage& compute, const DeliverImage& deliver)
      : count_(count), workers_(workers), compute_(compute), deliver_(deliver) {}

  void run(Progress& progress) {
    std::vector<std::jthread> threads;  // joined on every way out, after stop_
    try {
      for (std::size_t worker = 0; worker < workers_; ++worker) threads.emplace_back([this, worker] { work(worker); });
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
      if (fresh > 0) progress.advance(fresh);
      else progress.check();
      reported += fresh;
      if (over) return;
      lock.lock();
    }
  }

  void work(std::size_t worker) {
    while (const auto index = begin_next()) {
      try {
        finish(*index, compute_(worker, *index));
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
    if (deliver_) room_.wait(lock, [&] { return stopped_ || next_ < delivered_ + kAhead * workers_; });
    if (stopped_ || next_ == count_) return std::nullopt;
    return next_++;
  }

  void finish(std::size_t index, Outputs outputs) {
    std::unique_lock lock(mutex_);
    ++finished_;
    news_.notify_all();
    if (!deliver_) return;
    waiting_.emplace(index, std::move(outputs));
    if (delivering_) return;  // whoever delivers now will find it
    delivering_ = true;
    for (auto first = waiting_.find(delivered_); first != waiting_.end(); first = waiting_.find(delivered_)) {
      const auto node = waiting_.extract(first);
      lock.unlock();
      try {
        deliver_(node.key(), node.mapped());
      } catch (...) {
        fail(node.key(), std::current_exception());  // delivering_ stays: nothing is delivered after a failure
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
  const ComputeImage& compute_;
  const DeliverImage& deliver_;

  std::mutex mutex_;  // over all that follows
  std::condition_variable news_, room_;
  std::size_t next_ = 0, finished_ = 0, delivered_ = 0, left_ = 0;
  bool stopped_ = false, delivering_ = false;
  std::map<std::size_t, Outputs> waiting_;
  std::exception_ptr failure_;
  std::size_t failed_ = 0;
};

}  // namespace

void run_images(std::size_t count, std::size_t workers, const ComputeImage& compute, const DeliverImage& deliver, Progress& progress) {
  if (count == 0) return;
  Schedule(count, std::min(workers, count), compute, deliver).run(progress);
}

}  // namespace etalon
