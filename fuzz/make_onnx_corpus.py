"""Writes fuzz/corpus/quantize_onnx: small models with what explicit precision looks at. Needs the tests' Python."""
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FOLDER = pathlib.Path(__file__).parent / "corpus/quantize_onnx"


def model(nodes, weights, outputs, opset=13, producer=""):
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2, 6, 6])],
                              [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in outputs],
                              [numpy_helper.from_array(np.asarray(v, np.float32), n) for n, v in weights.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=7, producer_name=producer)


def node(op, inputs, output, **attributes):
    return helper.make_node(op, inputs.split(), [output], name=output, **attributes)


K = np.arange(-4, 4).reshape(2, 2, 1, 2) / 8
MODELS = {
    "residual": model([node("Conv", "x k b", "a"), node("Conv", "x k", "s"), node("Add", "a s", "t"), node("Relu", "t", "r"),
                       node("MaxPool", "r", "p", kernel_shape=[2, 2]), node("Conv", "p k", "y")], {"k": K, "b": [1, 2]}, ["y"]),
    "concat": model([node("Conv", "x k", "a"), node("Concat", "a a", "c", axis=1), node("ConvTranspose", "c w", "y"), node("Sigmoid", "y", "z")],
                    {"k": K, "w": np.ones((4, 2, 1, 1))}, ["z"]),
    "dense": model([node("GlobalAveragePool", "x", "p"), node("Flatten", "p", "f"), node("Gemm", "f w b", "g", transB=1),
                    node("MatMul", "g m", "h"), node("Softmax", "h", "y")], {"w": np.ones((3, 2)), "b": [1, 2, 3], "m": np.ones((3, 2))}, ["y"]),
    "old": model([node("Conv", "x k", "convolution_output1", kernel_shape=[1, 2], strides=[2, 2], pads=[0, 0, 0, 1]),
                  node("Sigmoid", "convolution_output1", "output_cov"), node("Relu", "convolution_output1", "output_bbox")], {"k": K},
                 ["output_cov", "output_bbox"], opset=9, producer="keras2onnx"),
}

if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, value in MODELS.items():
        onnx.save(value, FOLDER / f"{name}.onnx")
