"""Makes exact.onnx and rounded.onnx here, a small network and its explicit INT8, and corrections.txt: what NumPy alone
computes of them on images that are a formula.

    .deps/oracle/bin/python etalon/quantization/testdata/make_corrections.py

Lines of corrections.txt: "shifts <images> <layer> <number a channel ...>", corrections of the biases layer by layer, every
layer after its predecessors are corrected on all images; "passed ...", the same where each image passes on what it asks for
itself (bias_correction.hpp); "error <layer> <own dB> <total dB>" and "output <name> <dB>" on three images.
"""
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).resolve().parent
rng = np.random.default_rng(11)
WEIGHTS = {"a": rng.normal(0, 0.5, (3, 2, 3, 3)), "b": rng.normal(0, 0.5, (3, 3, 1, 1)), "c": rng.normal(0, 0.5, (3, 2, 2, 2)), "d": rng.normal(0, 0.5, (2, 4))}  # c: [in, out, h, w]; d: [in, out]
WEIGHTS = {name: w.astype(np.float32) for name, w in WEIGHTS.items()}
SHARED = rng.normal(0, 0.3, 3).astype(np.float32)  # the bias of both a and b; c has none
LAST = rng.normal(0, 0.3, 4).astype(np.float32)
CHANNEL_AXIS = {"a": 0, "b": 0, "c": 1, "d": 1}
STEPS = {"x": 0.11, "a_relu": 0.13, "b_relu": 0.17, "pooled": 0.011}  # coarse, so that there is something to correct
SOURCE = {"a": "x", "b": "a_relu", "c": "b_relu", "d": "pooled"}


def rounded_weights(name):
    w, axis = WEIGHTS[name], CHANNEL_AXIS[name]
    others = tuple(i for i in range(w.ndim) if i != axis)
    step = (np.abs(w).max(others) / 7).astype(np.float32)  # 7 steps in place of 127
    q = np.clip(np.rint(w / np.expand_dims(step, others)), -127, 127).astype(np.int8)
    return q, step, q.astype(np.float32) * np.expand_dims(step, others)


def round_to(x, step):
    return np.clip(np.rint(x / np.float32(step)), -128, 127) * np.float32(step)


def image(index):
    i = np.arange(2 * 5 * 6)
    return (((i * 31 + index * 977) % 256).astype(np.float32) / 255 - 0.3).reshape(2, 5, 6).astype(np.float32)


def multiply(name, x, w):
    """A layer without its bias, of one image."""
    if name == "a":
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), (1, 1), (1, 1))), (3, 3), (1, 2))
        return np.einsum("chwij,ocij->ohw", windows, w)
    if name == "b":
        return np.einsum("chw,oc->ohw", x, w[:, :, 0, 0])
    if name == "c":  # stride 2
        y = np.einsum("chw,coij->ohiwj", x, w)
        return y.reshape(2, 10, 12)
    return x @ w


def after(name, y):
    return y.mean((1, 2)) if name == "c" else np.maximum(y, 0) if name in "ab" else y


def mean(y):
    return y.reshape(len(y), -1).mean(1)


def bias(name, y):
    value = {"a": SHARED, "b": SHARED, "c": np.zeros(2, np.float32), "d": LAST}[name]
    return y + value.reshape((-1,) + (1,) * (y.ndim - 1))


def exact(x):
    outputs = {}
    for name in "abcd":
        outputs[name] = bias(name, multiply(name, x, WEIGHTS[name]))
        x = after(name, outputs[name])
    return outputs


def rounded(x, shifts, passing_on=None):
    """Outputs in INT8, with the shifts; up to and with the first layer that has none."""
    outputs = {}
    for name in "abcd":
        y = bias(name, multiply(name, round_to(x, STEPS[SOURCE[name]]), rounded_weights(name)[2]))
        outputs[name] = y
        if passing_on:
            shifts[name] = mean(passing_on[name]) - mean(y)
        elif name not in shifts:
            return outputs
        x = after(name, y + shifts[name].reshape((-1,) + (1,) * (y.ndim - 1)))
        outputs[name] = y + shifts[name].reshape((-1,) + (1,) * (y.ndim - 1))
    return outputs


def layer_by_layer(images):
    shifts = {}
    for name in "abcd":
        shifts[name] = np.mean([mean(exact(x)[name]) - mean(rounded(x, shifts)[name]) for x in images], 0)
    return shifts


def passed_on(images):
    each = []
    for x in images:
        shifts = {}
        rounded(x, shifts, exact(x))
        each.append(shifts)
    return {name: np.mean([s[name] for s in each], 0) for name in "abcd"}


def decibel(pairs):
    signal, noise = sum(np.sum(a.astype(np.float64) ** 2) for a, _ in pairs), sum(np.sum((a.astype(np.float64) - b) ** 2) for a, b in pairs)
    return 10 * np.log10(signal / noise)


def models():
    def floats(name, value):
        return numpy_helper.from_array(np.asarray(value), name)

    def nodes(reads, w):
        return {"a": [helper.make_node("Conv", [reads["a"], w["a"], "shared"], ["a"], pads=[1] * 4), helper.make_node("Relu", ["a"], ["a_relu"])],
                "b": [helper.make_node("Conv", [reads["b"], w["b"], "shared"], ["b"]), helper.make_node("Relu", ["b"], ["b_relu"])],
                "c": [helper.make_node("ConvTranspose", [reads["c"], w["c"]], ["c"], strides=[2, 2]),
                      helper.make_node("ReduceMean", ["c"], ["pooled"], axes=[2, 3], keepdims=0)],
                "d": [helper.make_node("Gemm", [reads["d"], w["d"], "last"], ["d"])]}

    def model(nodes, constants):
        graph = helper.make_graph(nodes, "corrections", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2, 5, 6])],
                                  [helper.make_tensor_value_info("d", TensorProto.FLOAT, ["N", 4])], constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7, producer_name="testdata")
        onnx.checker.check_model(model)
        return model

    biases = [floats("shared", SHARED), floats("last", LAST)]
    plain = nodes(SOURCE, {name: f"{name}/w" for name in "abcd"})
    onnx.save(model(sum(plain.values(), []), biases + [floats(f"{n}/w", w) for n, w in WEIGHTS.items()]), HERE / "exact.onnx")
    made, constants = [], list(biases) + [floats("zero", np.int8(0))]
    reads = {name: f"{x}/dequantized" for name, x in SOURCE.items()}
    for name, layer in nodes(reads, {n: f"{n}/w/dequantized" for n in "abcd"}).items():
        x, (q, step, _) = SOURCE[name], rounded_weights(name)
        constants += [floats(f"{x}/scale", np.float32(STEPS[x])), floats(f"{name}/w/int8", q), floats(f"{name}/w/scale", step), floats(f"{name}/w/zero", np.zeros(len(step), np.int8))]
        made += [helper.make_node("QuantizeLinear", [x, f"{x}/scale", "zero"], [f"{x}/quantized"]),
                 helper.make_node("DequantizeLinear", [f"{x}/quantized", f"{x}/scale", "zero"], [f"{x}/dequantized"]),
                 helper.make_node("DequantizeLinear", [f"{name}/w/int8", f"{name}/w/scale", f"{name}/w/zero"], [f"{name}/w/dequantized"], axis=CHANNEL_AXIS[name]), *layer]
    onnx.save(model(made, constants), HERE / "rounded.onnx")


models()
lines = []
for word, make in (("shifts", layer_by_layer), ("passed", passed_on)):
    for count in (1, 3):
        lines += [f"{word} {count} {name} " + " ".join(f"{v:.7g}" for v in values) for name, values in make([image(i) for i in range(count)]).items()]
pictures = [image(i) for i in range(3)]
none = {name: np.zeros(len(mean(y)), np.float32) for name, y in exact(pictures[0]).items()}
for name in "abcd":
    own = []
    for x in pictures:
        before = {"a": x}
        before |= {after_: after(layer, exact(x)[layer]) for layer, after_ in zip("abc", "bcd")}
        own.append((exact(x)[name], bias(name, multiply(name, round_to(before[name], STEPS[SOURCE[name]]), rounded_weights(name)[2]))))
    total = [(exact(x)[name], rounded(x, none)[name]) for x in pictures]
    lines.append(f"error {name} {decibel(own):.4f} {decibel(total):.4f}")
lines.append(f"output d {decibel([(exact(x)['d'], rounded(x, none)['d']) for x in pictures]):.4f}")
(HERE / "corrections.txt").write_text("\n".join(lines) + "\n")
