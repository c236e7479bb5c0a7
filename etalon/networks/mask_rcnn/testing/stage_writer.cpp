// Writes one stage of Mask R-CNN, in ONNX's own operators, as a model of its own: tests compare it with what
// the plugins gave. The program itself has no use for it.
//
//   etalon_mask_rcnn_stage_writer propose roi.onnx height=192 width=256 proposals=200
//   etalon_mask_rcnn_stage_writer crop crop.onnx height=192 width=256 proposals=200 channels=8 size=7
//   etalon_mask_rcnn_stage_writer detect detections.onnx height=192 width=256 class_count=4 proposals=200
//
// The batch is dynamic. Inputs: delta_2, score_2, delta_3 ...; rois, P2, P3 ...; deltas, scores, rois.
// Output: what the stage gives, called like it.
#include <fmt/format.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "etalon/base/error.hpp"
#include "etalon/base/file.hpp"
#include "etalon/networks/mask_rcnn/stages.hpp"

namespace etalon {
namespace {

struct Sizes {
  MaskRcnnFacts facts;
  CropShape crop;
};

void set(Sizes& sizes, const std::string& key, const std::string& value) {
  auto& facts = sizes.facts;
  const std::map<std::string, std::function<void()>> keys{
      {"height", [&] { facts.height = std::stoll(value); }},
      {"width", [&] { facts.width = std::stoll(value); }},
      {"class_count", [&] { facts.class_count = std::stoll(value); }},
      {"min_level", [&] { facts.min_level = std::stoi(value); }},
      {"max_level", [&] { facts.max_level = std::stoi(value); }},
      {"anchor_scale", [&] { facts.anchor_scale = std::stod(value); }},
      {"scales_per_octave", [&] { facts.scales_per_octave = std::stoi(value); }},
      {"proposals", [&] { facts.proposals = std::stoll(value); }},
      {"proposal_iou", [&] { facts.proposal_iou = std::stod(value); }},
      {"proposal_min_size", [&] { facts.proposal_min_size = std::stod(value); }},
      {"detections", [&] { facts.detections = std::stoll(value); }},
      {"detection_iou", [&] { facts.detection_iou = std::stod(value); }},
      {"channels", [&] { sizes.crop.channels = std::stoll(value); }},
      {"size", [&] { sizes.crop.size = std::stoll(value); }},
  };
  const auto found = keys.find(key);
  if (found == keys.end()) throw Error(Kind::kWrongUsage, fmt::format("no size is called '{}'", key));
  found->second();
}

void propose(GraphBuilder& graph, const Sizes& sizes) {
  const auto& facts = sizes.facts;
  std::vector<std::string> deltas, scores;
  for (int level = facts.min_level; level <= facts.max_level; ++level) {
    const std::int64_t anchors = (facts.height >> level) * (facts.width >> level) * facts.anchors_per_cell();
    deltas.push_back(fmt::format("delta_{}", level));
    scores.push_back(fmt::format("score_{}", level));
    graph.input(deltas.back(), {std::nullopt, anchors, 4, 1});
    graph.input(scores.back(), {std::nullopt, anchors, 1, 1});
  }
  kPortableStages.propose(graph, facts, "propose", deltas, scores);
  graph.output("propose", {std::nullopt, facts.proposals, 4});
}

void crop(GraphBuilder& graph, const Sizes& sizes) {
  const auto& facts = sizes.facts;
  const CropShape shape{facts.proposals, sizes.crop.channels, sizes.crop.size};
  graph.input("rois", {std::nullopt, shape.rois, 4});
  std::vector<std::string> maps;
  for (int level = facts.min_level; level <= facts.max_level; ++level) {
    maps.push_back(fmt::format("P{}", level));
    graph.input(maps.back(), {std::nullopt, shape.channels, facts.height >> level, facts.width >> level});
  }
  kPortableStages.crop(graph, facts, "crop", "rois", maps, shape);
  graph.output("crop", {std::nullopt, shape.rois, shape.channels, shape.size, shape.size});
}

void detect(GraphBuilder& graph, const Sizes& sizes) {
  const auto& facts = sizes.facts;
  graph.input("deltas", {std::nullopt, facts.proposals, 4 * facts.class_count, 1, 1});
  graph.input("scores", {std::nullopt, facts.proposals, facts.class_count, 1, 1});
  graph.input("rois", {std::nullopt, facts.proposals, 4});
  kPortableStages.detect(graph, facts, "detect", "deltas", "scores", "rois");
  graph.output("detect", {std::nullopt, facts.detections, 6});
}

void run(const std::vector<std::string>& arguments) {
  if (arguments.size() < 2) throw Error(Kind::kWrongUsage, "STAGE and OUT.onnx are needed");
  Sizes sizes;
  for (std::size_t i = 2; i < arguments.size(); ++i) {
    const auto equals = arguments[i].find('=');
    if (equals == std::string::npos) throw Error(Kind::kWrongUsage, "sizes are given as KEY=VALUE");
    set(sizes, arguments[i].substr(0, equals), arguments[i].substr(equals + 1));
  }
  const std::map<std::string, void (*)(GraphBuilder&, const Sizes&)> stages{
      {"propose", propose}, {"crop", crop}, {"detect", detect}};
  const auto stage = stages.find(arguments[0]);
  if (stage == stages.end())
    throw Error(Kind::kWrongUsage, fmt::format("no stage is called '{}'", arguments[0]));
  GraphBuilder graph(arguments[0]);
  stage->second(graph, sizes);
  auto model = std::move(graph).model();
  check_onnx(model);
  infer_shapes(model);
  OutputFiles outputs;
  outputs.stage(arguments[1], IfExists::kReplace, 0644, [&](Sink& sink) { write_onnx(model, sink); });
  outputs.commit();
}

}  // namespace
}  // namespace etalon

int main(int argc, char** argv) {
  try {
    etalon::run({argv + 1, argv + argc});
    return 0;
  } catch (const etalon::Error& error) {
    fmt::print(stderr, "{}\n", error.line());
    return 1;
  }
}
