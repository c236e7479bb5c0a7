"""What ONNX Runtime computes for small_network.hpp: written to small_network.txt, read by openvino_network_test.cpp.

usage: make_testdata.py   (numpy, onnx, onnxruntime)
Lines: name, values, exact zeros, largest |x|, sum of |x|, over the 5 images that fill_image makes.
"""
import pathlib

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

weights, nodes = [], []


def random_weights(name, shape, seed):
    values = np.zeros(int(np.prod(shape)), np.float32)
    for i in range(values.size):
        seed = (seed * 1664525 + 1013904223) % 2**32
        values[i] = (np.float32(seed >> 8) / np.float32(16777216) - np.float32(0.5)) * np.float32(0.6)
    weights.append(numpy_helper.from_array(values.reshape(shape), name))


def convolution(source, inputs, outputs, kernel, name):
    random_weights(name + "/w", (outputs, inputs, kernel, kernel), len(name) * 977 + outputs)
    random_weights(name + "/b", (outputs,), len(name) * 31 + inputs)
    nodes.append(helper.make_node("Conv", [source, name + "/w", name + "/b"], [name], pads=[kernel // 2] * 4))


def node(kind, sources, name):
    nodes.append(helper.make_node(kind, sources, [name]))


convolution("input_1", 3, 16, 3, "conv1/BiasAdd")
node("Relu", ["conv1/BiasAdd"], "activation_1/Relu")
convolution("activation_1/Relu", 16, 16, 3, "conv2/BiasAdd")
convolution("activation_1/Relu", 16, 16, 1, "shortcut/BiasAdd")
node("Add", ["conv2/BiasAdd", "shortcut/BiasAdd"], "add_1/add")
node("Relu", ["add_1/add"], "activation_2/Relu")
convolution("activation_2/Relu", 16, 3, 1, "cov/BiasAdd")
node("Sigmoid", ["cov/BiasAdd"], "cov/Sigmoid")
convolution("activation_2/Relu", 16, 12, 1, "bbox/BiasAdd")

names = [n.output[0] for n in nodes]
graph = helper.make_graph(nodes, "test", [helper.make_tensor_value_info("input_1", TensorProto.FLOAT, ["N", 3, 20, 28])],
                          [helper.make_tensor_value_info(n, TensorProto.FLOAT, list("NCHW")) for n in names], weights)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
onnx.checker.check_model(model)
options = ort.SessionOptions()
options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])

i = np.arange(3 * 20 * 28)
images = np.stack([(((i * 31 + index * 977) % 256).astype(np.float32) / np.float32(255)).reshape(3, 20, 28) for index in range(5)])
tensors = {"input_1": images, **dict(zip(names, session.run(names, {"input_1": images})))}
with open(pathlib.Path(__file__).with_name("small_network.txt"), "w") as out:
    for name, x in tensors.items():
        a = np.abs(x.astype(np.float64))
        print(name, x.size, int((x == 0).sum()), f"{a.max():.9g}", f"{a.sum():.9g}", file=out)
