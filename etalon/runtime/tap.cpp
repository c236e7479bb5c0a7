#include "etalon/runtime/tap.hpp"

namespace etalon {

void Tap::add(std::span<const float> values) {
  Slot& slot = borrow();
  slot.histogram.add(values);
  const std::lock_guard lock(mutex_);
  slot.busy = false;
}

Tap::Slot& Tap::borrow() {
  const std::lock_guard lock(mutex_);
  for (Slot& slot : slots_)
    if (!slot.busy) {
      slot.busy = true;
      return slot;
    }
  Slot& slot = slots_.emplace_back();
  slot.busy = true;
  return slot;
}

void Tap::take(TensorStatistics& magnitude, TensorStatistics* rectified) {
  for (Slot& slot : slots_) slot.histogram.take(magnitude, rectified);
}

}  // namespace etalon
