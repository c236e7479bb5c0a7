// The kinds of layers that Mask R-CNN has, from the checkpoint's variables to nodes of the graph.
//
//   LayerWriter layers(checkpoint, graph);
//   FeatureMap x{"Input", 3, 192, 256};
//   x = layers.conv_batch_norm("conv1", "bn_conv1", x, 7, 2);   // "bn_conv1/FusedBatchNormV3"
//   x = layers.relu("activation", x);                           // "activation/Relu"
//
// Tensors bear the names of NVIDIA's exported graph. Widths are the variables'; the errors of
// CheckpointWeights say where two of them do not meet. Padding is TensorFlow's SAME (padding_rules.hpp);
// where the network has VALID (the 1x1 kernels), both are none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "etalon/networks/mask_rcnn/checkpoint_weights.hpp"
#include "etalon/onnx/graph_builder.hpp"

namespace etalon {

// A tensor [images or RoIs, channels, height, width]; the first axis is not known here.
struct FeatureMap {
  std::string name;
  std::int64_t channels = 0, height = 0, width = 0;
};

// A tensor [RoIs, width].
struct Rows {
  std::string name;
  std::int64_t width = 0;
};

class LayerWriter {
 public:
  LayerWriter(const TfCheckpoint& checkpoint, GraphBuilder& graph) : weights_(checkpoint), graph_(graph) {}

  // "<scope>/BiasAdd", or `out`. `scope` differs from `layer` where a layer is used again.
  FeatureMap conv(const std::string& layer, const FeatureMap& x, std::int64_t kernel, std::int64_t stride = 1,
                  const std::string& scope = "", const std::string& out = "");
  // A convolution without bias and the batch norm behind it: "<batch_norm>/FusedBatchNormV3".
  FeatureMap conv_batch_norm(const std::string& layer, const std::string& batch_norm, const FeatureMap& x,
                             std::int64_t kernel, std::int64_t stride = 1);
  // 2x2, stride 2: twice the size, nothing overlaps. "<layer>/BiasAdd".
  FeatureMap conv_transpose(const std::string& layer, const FeatureMap& x);
  FeatureMap relu(const std::string& scope, const FeatureMap& x);  // "<scope>/Relu"
  Rows relu(const std::string& scope, const Rows& x);
  FeatureMap max_pool(const std::string& scope, const FeatureMap& x, std::int64_t kernel,
                      std::int64_t stride);                          // "<scope>/MaxPool"
  FeatureMap upsample(const std::string& out, const FeatureMap& x);  // nearest, twice the size
  // "<scope>/add". Error (kBadInput): the channels differ.
  FeatureMap add(const std::string& scope, const FeatureMap& a, const FeatureMap& b);
  Rows dense(const std::string& layer, const Rows& x, const std::string& out);

  const CheckpointWeights& weights() const { return weights_; }
  GraphBuilder& graph() { return graph_; }

 private:
  // Puts a constant into the graph unless it is there already, and returns its name.
  std::string kernel(const std::string& layer, std::span<const std::int64_t> onnx_dims);
  std::string vector(const std::string& name, std::int64_t size, const std::string& why);
  FeatureMap convolve(const std::string& out, const std::string& layer, const FeatureMap& x,
                      std::int64_t kernel, std::int64_t stride, bool biased);

  CheckpointWeights weights_;
  GraphBuilder& graph_;
};

}  // namespace etalon
