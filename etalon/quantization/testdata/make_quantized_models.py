"""Makes *.onnx here, small models in explicit INT8 in the forms that tools write, and quantized_models.txt: an input and
what ONNX Runtime makes of it, node by node.

    .deps/oracle/bin/python etalon/quantization/testdata/make_quantized_models.py

quantized_models.txt has three lines a model: its name; the numbers of its input; those of its output.
"""
import pathlib

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).resolve().parent
rng = np.random.default_rng(7)


class Graph:
    def __init__(self, real=np.float32):
        self.real, self.nodes, self.constants = real, [], []

    def constant(self, name, value):
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def add(self, op, inputs, output, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [output], name=f"node of {output}", **attributes))
        return output

    def rounded(self, x, step, zero=np.int8(0)):
        """x -> QuantizeLinear -> DequantizeLinear."""
        ends = [self.constant(f"{x}/scale", self.real(step)), self.constant(f"{x}/zero", zero)]
        return self.add("DequantizeLinear", [self.add("QuantizeLinear", [x, *ends], f"{x}/quantized"), *ends], f"{x}/dequantized")

    def weights(self, name, shape, axis):
        """int8 weights behind a DequantizeLinear, one scale a channel."""
        w = rng.integers(-127, 128, shape).astype(np.int8)
        scale = rng.uniform(0.002, 0.01, shape[axis]).astype(self.real)
        inputs = [self.constant(f"{name}/int8", w), self.constant(f"{name}/scale", scale), self.constant(f"{name}/zero", np.zeros(shape[axis], np.int8))]
        return self.add("DequantizeLinear", inputs, f"{name}/dequantized", axis=axis)

    def model(self, output, rank, opset, ir=8):
        graph = helper.make_graph(self.nodes, "quantized", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2, 5, 6])],
                                  [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["N"] + [None] * (rank - 1))], self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir, producer_name="testdata")


def symmetric():
    g = Graph()
    y = g.add("Conv", [g.rounded("x", 0.02), g.weights("w", (3, 2, 3, 3), 0), g.constant("b", rng.normal(size=3).astype(np.float32))], "y", pads=[1] * 4)
    y = g.add("Relu", [y], "relu")
    y = g.add("ConvTranspose", [g.rounded(y, 0.03), g.weights("v", (3, 2, 2, 2), 1)], "z", strides=[2, 2])
    return g.model(g.add("Sigmoid", [y], "out"), 4, 13)


def asymmetric():
    """As ONNX Runtime's quantize_static: uint8 activations, a bias of int32."""
    g = Graph()
    x = g.rounded("x", 0.017, np.uint8(131))
    w = g.weights("w", (4, 2, 1, 1), 0)
    bias = g.add("DequantizeLinear", [g.constant("b/int32", rng.integers(-3000, 3000, 4).astype(np.int32)),
                                      g.constant("b/scale", rng.uniform(1e-4, 3e-4, 4).astype(np.float32)), g.constant("b/zero", np.zeros(4, np.int32))], "b", axis=0)
    g.add("Conv", [x, w, bias], "y")
    y = g.rounded("y", 0.011, np.uint8(7))
    y = g.add("GlobalAveragePool", [y], "pooled")
    return g.model(g.add("Flatten", [y], "out"), 2, 13)


def weights_as_floats():
    """As older tools: float weights behind QuantizeLinear and DequantizeLinear, constants in nodes."""
    g = Graph()
    scale = rng.uniform(0.01, 0.02, 3).astype(np.float32)
    for name, value in (("w/scale", scale), ("w/zero", np.zeros(3, np.int8))):
        g.add("Constant", [], name, value=numpy_helper.from_array(value))
    q = g.add("QuantizeLinear", [g.constant("w", rng.normal(size=(3, 2, 3, 3)).astype(np.float32)), "w/scale", "w/zero"], "w/quantized", axis=-4)
    w = g.add("DequantizeLinear", [q, "w/scale", "w/zero"], "w/dequantized", axis=-4)
    return g.model(g.add("Conv", [g.rounded("x", 0.02), w], "out"), 4, 13)


def half():
    """Scales and weights in half floats, which opset 19 allows."""
    g = Graph(np.float16)
    g.add("Cast", ["x"], "x16", to=TensorProto.FLOAT16)
    y = g.add("Conv", [g.rounded("x16", 0.02), g.weights("w", (3, 2, 3, 3), 0), g.constant("b", rng.normal(size=3).astype(np.float16))], "y")
    return g.model(g.add("Cast", [y], "out", to=TensorProto.FLOAT), 4, 19, 9)


lines = []
for make in (symmetric, asymmetric, weights_as_floats, half):
    model = make()
    onnx.checker.check_model(model)
    onnx.save(model, HERE / f"{make.__name__}.onnx")
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    x = (0.02 * rng.integers(-140, 141, (1, 2, 5, 6))).astype(np.float16).astype(np.float32)  # no rounding in half floats
    out = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
    lines += [make.__name__, " ".join(f"{v:.9g}" for v in x.ravel()), " ".join(f"{v:.9g}" for v in out.ravel())]
(HERE / "quantized_models.txt").write_text("\n".join(lines) + "\n")
