// How a quantisation-aware training rounded weights: carried through the passes as ONNX's own
// quantization_annotation, which names for a tensor the constants that say how it is quantised.
//
//   annotate_weight_steps(graph, "conv1/kernel", {.step = s, .per_unit = 1 / s}, 0);
//   run_passes(model, deploy_passes());                 // folding a batch norm scales the steps along
//   take_weight_steps(model)["conv1/kernel/folded"]     // one an output channel; the model is plain again
//
// round(weight / step) is the integer that training rounded the weight to, whatever was folded into it since:
// a batch norm's factor is in both, in the step by its magnitude. A negative factor turns the integers'
// signs.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "etalon/onnx/model.hpp"

namespace etalon {

// The grid of a whole weight: integer = round(value * per_unit), -128 .. 127; rounded value = integer * step.
// Both > 0. `per_unit` is not always the float next to 1 / step, and a value between two integers goes by it.
struct WeightGrid {
  float step = 1;
  float per_unit = 1;
};

// `weight`: a float32 constant of the graph, with its output channels along `axis` and no annotation yet. The
// constants "<weight>/steps" and "<weight>/integers" must be no names of the graph.
void annotate_weight_steps(GraphProto& graph, const std::string& weight, const WeightGrid& grid, int axis);

// To be told when weight `from` is replaced by `to`, its channel c times factor[c]; `from` stays for other
// users if `keeps_from`. Does nothing for a weight without steps; an annotation of another form than ours is
// taken away, as it does not hold for `to`. Error (kBadInput): a step that is no finite number any more.
void scale_weight_steps(GraphProto& graph, const std::string& from, const std::string& to,
                        std::span<const double> factor, bool keeps_from);

// By weight. Steps are moved by a few of the smallest float differences where that makes weight / step round
// to the trained integers, divided in float32 or in double. What carried them is taken out of the graph.
std::map<std::string, std::vector<float>> take_weight_steps(ModelProto& model);

}  // namespace etalon
