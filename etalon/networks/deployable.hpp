// What a network's room hands on: the ONNX model and everything that deployment must know of it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "etalon/images/preprocess.hpp"
#include "etalon/onnx/model.hpp"

namespace etalon {

enum class OutputRole { kCoverage, kBoxes, kDetections, kMasks, kProbabilities };

struct DeployedOutput {
  std::string tensor;  // the ONNX tensor's name
  OutputRole role;
};

// Clustering of one class, as nvinfer and our own post-processing need it (the spec's clustering_config).
struct ClassClustering {
  enum class Algorithm { kDbscan, kNms, kHybrid };
  std::string class_name;
  Algorithm algorithm = Algorithm::kNms;
  double coverage_threshold = 0.2;
  double nms_iou_threshold = 0.5;
  double nms_confidence_threshold = 0.0;
  double dbscan_eps = 0.0;
  double dbscan_min_samples = 0.0;
  double dbscan_confidence_threshold = 0.0;
  int minimum_box_height = 0;  // input pixels
};

// DetectNet_v2's box code, in input pixels: corner = cell +- scale * value, cell = offset + index * stride.
struct BoxCode {
  double scale = 35.0;
  double offset = 0.5;
};

// What quantisation-aware training fixed. Names are those of the exported model's tensors.
struct TrainedQuantization {
  struct Range {
    std::string tensor;  // may be gone from the graph: folded into its neighbour
    float range;         // largest |x| that is told apart: 127 steps
    // The graph's tensor that has these values, give or take zeros around them: `tensor` itself, or what it
    // was copied, padded or reshaped from. "": the graph computes them nowhere.
    std::string placed_on = {};
  };
  std::vector<Range> ranges;  // in the order of the trained model's layers
  // By weight initializer of the model: one step an output channel, carried through folded batch norms.
  std::map<std::string, std::vector<float>> weight_steps;
};

struct Deployable {
  ModelProto model;
  std::string network;          // "detectnet_v2"
  Preprocessing preprocessing;  // of the images a user has to what the input tensor expects
  std::string input;            // tensor name
  std::int64_t channels = 3, height = 0, width = 0;
  std::vector<DeployedOutput> outputs;      // in graph order
  std::vector<std::string> labels;          // class order of the outputs; empty: unknown (no spec)
  std::int64_t class_count = 0;             // by the outputs' channels
  std::vector<ClassClustering> clustering;  // empty: unknown; else one a label, in label order
  BoxCode box_code;
  // The tensors that get no range for INT8: boxes, scores and indices of a network's post-processing, which
  // rounded to 256 steps would be of no use. An entry that ends in '/' is all whose names begin with it.
  std::vector<std::string> unranged;
  std::optional<TrainedQuantization> trained;  // of a quantisation-aware model
  std::uint64_t parameter_count = 0;           // of the trained model, as Keras counts
};

}  // namespace etalon
