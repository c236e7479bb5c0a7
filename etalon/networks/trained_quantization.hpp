// From a lowered quantisation-aware model to its TrainedQuantization.
//
//   const SameValues same_values(model.graph());    // of the raw graph
//   run_passes(model, deploy_passes());
//   deployable.trained = take_trained_quantization(lowered.ranges, same_values, model);
#pragma once

#include <map>
#include <string>
#include <vector>

#include "etalon/networks/deployable.hpp"
#include "etalon/networks/keras_layers/lower_keras_graph.hpp"

namespace etalon {

// Which tensors have another one's values in another shape, or with zeros around them. Rounding to a
// symmetric grid may be done before or after such a step.
class SameValues {
 public:
  explicit SameValues(const GraphProto& graph);
  // The tensor whose values `tensor` has, or "".
  std::string source_of(const std::string& tensor) const;

 private:
  std::map<std::string, std::string> source_;
};

// Takes the kernels' steps out of the model that the passes made of the raw graph.
TrainedQuantization take_trained_quantization(const std::vector<LoweredRange>& ranges,
                                              const SameValues& same_values, ModelProto& model);

// By tensor of the graph, the ranges it is rounded with, in the order in which training applied them. More
// than one where a copy, zeros or a reshape stood between two QDQ layers: the exact thing is to round with
// each in turn; who rounds once takes the smallest.
std::map<std::string, std::vector<float>> placed_ranges(const TrainedQuantization& trained);

}  // namespace etalon
