// Work over threads: done in any order, delivered in its own. Knows nothing of what is done.
//
//   map_in_order<Picture>(paths.size(), worker_count(0),
//                         [&](std::size_t worker, std::size_t i) { return decode(paths[i]); },
//                         [&](std::size_t i, const Picture& picture) { write(picture); }, progress);
#pragma once

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "etalon/base/log.hpp"

namespace etalon {

// How many threads `--threads N` means: 0 is one a core that this process may use; never more than those, for
// more would gain nothing. Error (kWrongUsage): below 0.
std::size_t worker_count(int threads);

// How many items may be done and not yet delivered: as many slots a caller needs for its results.
std::size_t work_slots(std::size_t workers);

using DoItem = std::function<void(std::size_t worker, std::size_t index)>;
using DeliverItem = std::function<void(std::size_t index)>;

// Calls `work` once for each item 0 .. count-1, on `workers` threads, one item a worker at a time; items are
// begun in order. `deliver` (may be empty) is called in the order of the items, one call at a time, from the
// workers' threads; a worker that is far ahead waits: of all items begun and not delivered, index %
// work_slots(workers) is different. `progress` advances on the calling thread.
//
// The first throw stops the run; items begun are finished. What comes out is the failure of the item with the
// lowest index among those that fail, whatever the number of workers (a lower one has always been begun
// before), and every item before it has been delivered. A throw of `progress` comes out before all others.
void run_in_order(std::size_t count, std::size_t workers, const DoItem& work, const DeliverItem& deliver,
                  Progress& progress);

// run_in_order for work that has a result: `deliver(index, result)`.
template <class Result, class Work, class Deliver>
void map_in_order(std::size_t count, std::size_t workers, const Work& work, const Deliver& deliver,
                  Progress& progress) {
  std::vector<Result> slots(work_slots(workers));
  run_in_order(
      count, workers,
      [&](std::size_t worker, std::size_t index) { slots[index % slots.size()] = work(worker, index); },
      [&](std::size_t index) { deliver(index, std::exchange(slots[index % slots.size()], {})); }, progress);
}

}  // namespace etalon
