// Images over threads: computed in any order, delivered in theirs. Knows nothing of what computes them.
#pragma once

#include <cstddef>
#include <functional>

#include "etalon/base/log.hpp"
#include "etalon/runtime/tensor.hpp"

namespace etalon {

using ComputeImage = std::function<Outputs(std::size_t worker, std::size_t index)>;
using DeliverImage = std::function<void(std::size_t index, const Outputs& outputs)>;

// Calls `compute` once for each image 0 .. count-1, on `workers` threads, one image a worker at a time; images are begun
// in order. `deliver` (may be empty) gets the results in order, one call at a time, from the workers' threads; a worker
// that is far ahead waits, so that few results are held. `progress` advances on the calling thread.
//
// The first throw stops the run; images begun are finished. What comes out is the failure of the image with the lowest
// index among those that fail, whatever the number of workers (a lower one has always been begun before), and every
// image before it has been delivered. A throw of `progress` comes out before all others.
void run_images(std::size_t count, std::size_t workers, const ComputeImage& compute, const DeliverImage& deliver, Progress& progress);

}  // namespace etalon
