// The functions of the table in layer_table.cpp, by file.
#pragma once

#include "etalon/networks/keras_layers/layer_call.hpp"

namespace etalon {

// convolutions.cpp
LoweredTensor lower_conv2d(LayerCall& call);
LoweredTensor lower_conv2d_transpose(LayerCall& call);
// depthwise_convolutions.cpp
LoweredTensor lower_depthwise_conv2d(LayerCall& call);
LoweredTensor lower_separable_conv2d(LayerCall& call);
// quantized_layers.cpp
LoweredTensor lower_qdq(LayerCall& call);
LoweredTensor lower_quantized_conv2d(LayerCall& call);
LoweredTensor lower_quantized_conv2d_transpose(LayerCall& call);
LoweredTensor lower_quantized_depthwise_conv2d(LayerCall& call);
// dense.cpp
LoweredTensor lower_dense(LayerCall& call);
// normalization.cpp
LoweredTensor lower_batch_normalization(LayerCall& call);
// activations.cpp
LoweredTensor lower_activation(LayerCall& call);
LoweredTensor lower_relu(LayerCall& call);
LoweredTensor lower_leaky_relu(LayerCall& call);
LoweredTensor lower_elu(LayerCall& call);
LoweredTensor lower_prelu(LayerCall& call);
LoweredTensor lower_softmax(LayerCall& call);
// pooling.cpp
LoweredTensor lower_max_pooling2d(LayerCall& call);
LoweredTensor lower_average_pooling2d(LayerCall& call);
LoweredTensor lower_global_average_pooling2d(LayerCall& call);
LoweredTensor lower_global_max_pooling2d(LayerCall& call);
// merges.cpp
LoweredTensor lower_add(LayerCall& call);
LoweredTensor lower_subtract(LayerCall& call);
LoweredTensor lower_multiply(LayerCall& call);
LoweredTensor lower_average(LayerCall& call);
LoweredTensor lower_maximum(LayerCall& call);
LoweredTensor lower_minimum(LayerCall& call);
LoweredTensor lower_concatenate(LayerCall& call);
// shapes.cpp
LoweredTensor lower_training_only(LayerCall& call);  // Dropout and its kin: nothing at inference
LoweredTensor lower_flatten(LayerCall& call);
LoweredTensor lower_reshape(LayerCall& call);
LoweredTensor lower_permute(LayerCall& call);
LoweredTensor lower_repeat_vector(LayerCall& call);
LoweredTensor lower_zero_padding2d(LayerCall& call);
LoweredTensor lower_up_sampling2d(LayerCall& call);

}  // namespace etalon
