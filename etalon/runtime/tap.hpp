// Where the values of one tensor go, from however many threads compute images.
#pragma once

#include <deque>
#include <mutex>
#include <span>

#include "etalon/runtime/signed_histogram.hpp"

namespace etalon {

// Whoever has values takes a histogram that is free: as many are made as ever count at once. (A thread's number will not
// do as an index: OpenVINO's numbers are unique only within one of its arenas.) Which histogram a value reaches does not
// matter, for sums of integers have no order.
class Tap {
 public:
  void add(std::span<const float> values);  // from any thread

  // As SignedHistogram::take, over all of them. Not while somebody adds.
  void take(TensorStatistics& magnitude, TensorStatistics* rectified);

 private:
  struct Slot {
    bool busy = false;  // under mutex_
    SignedHistogram histogram;
  };
  Slot& borrow();

  std::mutex mutex_;
  std::deque<Slot> slots_;  // a deque: slots never move
};

}  // namespace etalon
