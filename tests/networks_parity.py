#!/usr/bin/env python3
"""Small Keras models, exported and run: the numbers must be those of a plain NumPy computation.

    python tests/networks_parity.py build/etalon [CASE ...]

Each case builds a DetectNet_v2 of a few layers as a Keras HDF5 file (h5py), computes its outputs with the few lines of
NumPy below, lets `etalon detectnet_v2 export` convert it and runs the ONNX in ONNX Runtime. The NumPy code follows the
definition of TAO's patched Keras (docs/networks/detectnet_v2.md, "Padding"), window by window and in float64, and shares
nothing with the program. Needs numpy, h5py, onnx, onnxruntime.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import h5py
import numpy as np
import onnx
import onnxruntime

ALLOWED = 1e-5  # of 1 + max|output|: float32 sums of a few hundred products


def pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def zeros_around(x, top, bottom, left, right):
    return np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))


def windows(x, kernel, strides, dilations=(1, 1)):
    """[n, c, rows, columns, kh, kw]: every place of the window."""
    (kh, kw), (sh, sw), (dh, dw) = kernel, strides, dilations
    rows = (x.shape[2] - (kh - 1) * dh - 1) // sh + 1
    columns = (x.shape[3] - (kw - 1) * dw - 1) // sw + 1
    out = np.empty(x.shape[:2] + (rows, columns, kh, kw))
    for i in range(kh):
        for j in range(kw):
            out[..., i, j] = x[:, :, i * dh:i * dh + (rows - 1) * sh + 1:sh, j * dw:j * dw + (columns - 1) * sw + 1:sw]
    return out


def same_conv(x, kernel, dilations):  # patched: symmetric
    p = [((k - 1) * d + 1) // 2 for k, d in zip(kernel, dilations)]
    return zeros_around(x, p[0], p[0], p[1], p[1])


def same_pool(x, kernel):  # patched: symmetric zeros
    p = [(k - 1) // 2 for k in kernel]
    return zeros_around(x, p[0], p[0], p[1], p[1])


def same_tensorflow(x, kernel, strides, dilations):
    pads = []
    for n, k, s, d in zip(x.shape[2:], kernel, strides, dilations):
        total = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
        pads += [total // 2, total - total // 2]
    return zeros_around(x, *pads)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x, axis):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "softmax": lambda x: softmax(x, -1),
    "swish": lambda x: x * sigmoid(x),
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "exponential": np.exp,
    "hard_sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
}


class Tensor:
    def __init__(self, layer, value, node=0):
        self.layer, self.value, self.node = layer, value, node


class Graph:
    """A Keras graph and, at the same time, its NumPy values."""

    def __init__(self, seed=7):
        self.random = np.random.RandomState(seed)
        self.layers, self.weights, self.calls = [], [], {}

    def input(self, name, value):
        shape = [None] + list(value.shape[1:])
        self.layers.append({"name": name, "class_name": "InputLayer", "inbound_nodes": [],
                            "config": {"batch_input_shape": shape, "dtype": "float32", "sparse": False, "name": name}})
        self.weights.append((name, []))
        self.calls[name] = 1
        return Tensor(name, value)

    def layer(self, class_name, name, config, inputs, value, weights=()):
        config = dict(config, name=name, trainable=True)
        references = [[t.layer, t.node, 0, {}] for t in inputs]
        self.layers.append({"name": name, "class_name": class_name, "config": config, "inbound_nodes": [references]})
        self.weights.append((name, [(f"{name}/{role}:0", w) for role, w in weights]))
        self.calls[name] = 1
        return Tensor(name, value)

    def again(self, name, inputs, value):
        """Another call of a layer that is there."""
        record = next(l for l in self.layers if l["name"] == name)
        record["inbound_nodes"].append([[t.layer, t.node, 0, {}] for t in inputs])
        self.calls[name] += 1
        return Tensor(name, value, self.calls[name] - 1)

    def draw(self, *shape, scale=1.0):
        return (self.random.standard_normal(shape) * scale).astype(np.float32)

    # layers

    def conv(self, name, x, filters, kernel=3, strides=1, padding="same", dilation=1, activation="linear", bias=True):
        kernel, strides, dilation = pair(kernel), pair(strides), pair(dilation)
        channels = x.value.shape[1]
        w = self.draw(*kernel, channels, filters, scale=(kernel[0] * kernel[1] * channels) ** -0.5)
        b = self.draw(filters)
        padded = same_conv(x.value, kernel, dilation) if padding == "same" else x.value
        y = np.einsum("ncrsij,ijcf->nfrs", windows(padded, kernel, strides, dilation), w.astype(np.float64))
        if bias:
            y = y + b[:, None, None]
        self.last_conv = (w, b, kernel, strides, dilation, padding)
        return self.layer("Conv2D", name, {
            "filters": filters, "kernel_size": kernel, "strides": strides, "padding": padding, "data_format": "channels_first",
            "dilation_rate": dilation, "activation": activation, "use_bias": bias}, [x], ACTIVATIONS[activation](y),
            [("kernel", w)] + ([("bias", b)] if bias else []))

    def depthwise_value(self, x, w, kernel, strides, padding, dilation):
        padded = same_tensorflow(x, kernel, strides, dilation) if padding == "same" else x
        y = np.einsum("ncrsij,ijcm->ncmrs", windows(padded, kernel, strides, dilation), w.astype(np.float64))
        return y.reshape(y.shape[0], -1, *y.shape[3:])

    def depthwise(self, name, x, kernel=3, strides=1, padding="same", multiplier=1, dilation=1, activation="linear", bias=True):
        kernel, strides, dilation = pair(kernel), pair(strides), pair(dilation)
        w = self.draw(*kernel, x.value.shape[1], multiplier, scale=0.4)
        b = self.draw(x.value.shape[1] * multiplier)
        y = self.depthwise_value(x.value, w, kernel, strides, padding, dilation)
        if bias:
            y = y + b[:, None, None]
        return self.layer("DepthwiseConv2D", name, {
            "kernel_size": kernel, "strides": strides, "padding": padding, "data_format": "channels_first", "dilation_rate": dilation,
            "depth_multiplier": multiplier, "activation": activation, "use_bias": bias}, [x], ACTIVATIONS[activation](y),
            [("depthwise_kernel", w)] + ([("bias", b)] if bias else []))

    def separable(self, name, x, filters, kernel=3, strides=2, multiplier=2):
        kernel, strides = pair(kernel), pair(strides)
        w = self.draw(*kernel, x.value.shape[1], multiplier, scale=0.4)
        p = self.draw(1, 1, x.value.shape[1] * multiplier, filters, scale=0.4)
        b = self.draw(filters)
        y = np.einsum("nchw,cf->nfhw", self.depthwise_value(x.value, w, kernel, strides, "same", (1, 1)), p[0, 0].astype(np.float64))
        return self.layer("SeparableConv2D", name, {
            "filters": filters, "kernel_size": kernel, "strides": strides, "padding": "same", "data_format": "channels_first",
            "dilation_rate": (1, 1), "depth_multiplier": multiplier, "activation": "linear", "use_bias": True}, [x],
            y + b[:, None, None], [("depthwise_kernel", w), ("pointwise_kernel", p), ("bias", b)])

    def transpose(self, name, x, filters, kernel, strides, padding="same", output_padding=None):
        """The gradient of a convolution that TensorFlow pads: each input adds its kernel to the output."""
        kernel, strides = pair(kernel), pair(strides)
        w = self.draw(*kernel, filters, x.value.shape[1], scale=0.3)
        b = self.draw(filters)
        sizes, before = [], []
        for axis in (0, 1):
            n, k, s = x.value.shape[2 + axis], kernel[axis], strides[axis]
            if output_padding is not None:
                size = (n - 1) * s + k - 2 * (k // 2 if padding == "same" else 0) + output_padding
            else:
                size = n * s if padding == "same" else n * s + max(k - s, 0)
            sizes.append(size)
            before.append(max((n - 1) * s + k - size, 0) // 2 if padding == "same" else 0)
        y = np.zeros((len(x.value), filters, *sizes))
        for r in range(x.value.shape[2]):
            for c in range(x.value.shape[3]):
                for i in range(kernel[0]):
                    for j in range(kernel[1]):
                        at = (r * strides[0] + i - before[0], c * strides[1] + j - before[1])
                        if 0 <= at[0] < sizes[0] and 0 <= at[1] < sizes[1]:
                            y[:, :, at[0], at[1]] += x.value[:, :, r, c] @ w[i, j].T.astype(np.float64)
        return self.layer("Conv2DTranspose", name, {
            "filters": filters, "kernel_size": kernel, "strides": strides, "padding": padding, "data_format": "channels_first",
            "dilation_rate": (1, 1), "activation": "linear", "use_bias": True,
            "output_padding": None if output_padding is None else (output_padding, output_padding)}, [x],
            y + b[:, None, None], [("kernel", w), ("bias", b)])

    def batch_norm(self, name, x, center=True, scale=True):
        c = x.value.shape[1]
        gamma = (self.random.uniform(0.5, 1.5, c)).astype(np.float32) if scale else np.ones(c, np.float32)
        beta = self.draw(c) if center else np.zeros(c, np.float32)
        mean, variance = self.draw(c), self.random.uniform(0.2, 2, c).astype(np.float32)
        wide = [w.astype(np.float64).reshape([-1] + [1] * (x.value.ndim - 2)) for w in (gamma, beta, mean, variance)]
        y = (x.value - wide[2]) / np.sqrt(wide[3] + 0.001) * wide[0] + wide[1]
        weights = ([("gamma", gamma)] if scale else []) + ([("beta", beta)] if center else [])
        return self.layer("BatchNormalization", name, {"axis": 1, "momentum": 0.99, "epsilon": 0.001, "center": center, "scale": scale}, [x], y,
                          weights + [("moving_mean", mean), ("moving_variance", variance)])

    def activation(self, name, x, function):
        return self.layer("Activation", name, {"activation": function}, [x], ACTIVATIONS[function](x.value))

    def relu(self, name, x, max_value=None, slope=0.0, threshold=0.0):
        y = x.value * (x.value > threshold) if threshold else np.maximum(x.value, 0)
        if max_value is not None:
            y = np.clip(y, 0, max_value)
        y = y - slope * np.maximum(threshold - x.value, 0)
        return self.layer("ReLU", name, {"max_value": max_value, "negative_slope": slope, "threshold": threshold}, [x], y)

    def leaky(self, name, x, alpha=0.1):
        return self.layer("LeakyReLU", name, {"alpha": alpha}, [x], np.where(x.value > 0, x.value, alpha * x.value))

    def pool(self, name, x, kind, size, strides, padding="same"):
        size, strides = pair(size), pair(strides)
        seen = windows(same_pool(x.value, size) if padding == "same" else x.value, size, strides)
        y = seen.max(axis=(4, 5)) if kind == "Max" else seen.mean(axis=(4, 5))
        return self.layer(kind + "Pooling2D", name, {"pool_size": size, "strides": strides, "padding": padding, "data_format": "channels_first"}, [x], y)

    def global_pool(self, name, x, kind="Average"):
        y = x.value.mean(axis=(2, 3)) if kind == "Average" else x.value.max(axis=(2, 3))
        return self.layer(f"Global{kind}Pooling2D", name, {"data_format": "channels_first"}, [x], y)

    def merge(self, class_name, name, inputs, value, **config):
        return self.layer(class_name, name, config, inputs, value)

    def dense(self, name, x, units, activation="linear", bias=True):
        w, b = self.draw(x.value.shape[-1], units, scale=x.value.shape[-1] ** -0.5), self.draw(units)
        y = x.value @ w.astype(np.float64)
        if bias:
            y = y + b
        return self.layer("Dense", name, {"units": units, "activation": activation, "use_bias": bias}, [x], ACTIVATIONS[activation](y),
                          [("kernel", w)] + ([("bias", b)] if bias else []))

    def flatten(self, name, x):
        return self.layer("Flatten", name, {"data_format": "channels_first"}, [x], x.value.reshape(len(x.value), -1))

    def reshape(self, name, x, shape):
        return self.layer("Reshape", name, {"target_shape": shape}, [x], x.value.reshape([len(x.value)] + list(shape)))


def write(graph, outputs, path):
    config = {"name": "parity_detectnet_v2", "layers": graph.layers, "input_layers": [[graph.layers[0]["name"], 0, 0]],
              "output_layers": [[t.layer, t.node, 0] for t in outputs]}
    with h5py.File(path, "w") as f:
        f.attrs["keras_version"], f.attrs["backend"] = b"2.2.4", b"tensorflow"
        f.attrs["model_config"] = json.dumps({"class_name": "Model", "config": config}).encode()
        group = f.create_group("model_weights")
        group.attrs["layer_names"] = np.asarray([name.encode() for name, _ in graph.weights])
        group.attrs["backend"], group.attrs["keras_version"] = b"tensorflow", b"2.2.4"
        for name, weights in graph.weights:
            inner = group.create_group(name)
            inner.attrs["weight_names"] = np.asarray([w.encode() for w, _ in weights])
            for weight, values in weights:
                inner.create_dataset(weight, data=values)


# The cases: each takes the graph and its input and returns the image that the heads stand on.

def conv_sizes(g, x):
    y = g.conv("k7s2", x, 4, 7, 2, activation="tanh")
    y = g.conv("k2", y, 4, 2)
    y = g.conv("k4s2", y, 4, 4, 2)
    y = g.conv("d2", y, 4, 3, dilation=2, activation="elu")
    return g.conv("valid", y, 5, (3, 1), (1, 2), padding="valid", bias=False)


def max_pool_of_negative_numbers(g, x):
    y = g.leaky("leaky", g.batch_norm("bn", g.conv("c", x, 4)))
    assert (y.value.max(axis=(0, 2, 3)) < 0).any(), "no channel where the zeros at the border win"
    return g.leaky("leaky2", g.pool("pool", y, "Max", 3, 2))


def max_pool_before_leaky(g, x):
    """darknet's order turned round: what the pool makes of negative numbers reaches the LeakyReLU."""
    y = g.batch_norm("bn", g.conv("c", x, 4))
    for name, size, strides in (("k3s2", 3, 2), ("k3s1", 3, 1), ("k5x3", (5, 3), (2, 1))):
        seen = windows(same_pool(y.value, pair(size)), pair(size), pair(strides)).max(axis=(4, 5))
        with_infinity = np.where(same_pool(np.ones_like(y.value), pair(size)) > 0, same_pool(y.value, pair(size)), -np.inf)
        assert (seen != windows(with_infinity, pair(size), pair(strides)).max(axis=(4, 5))).any(), "no place where the zeros win"
        y = g.leaky("leaky_" + name, g.pool("pool_" + name, y, "Max", size, strides))
        y = g.batch_norm("bn_" + name, g.conv("c_" + name, y, 4, 1))
    return y


def average_pools(g, x):
    """The zeros at the border count: the mean of a constant falls there."""
    y = g.conv("c", x, 4)
    parts = [g.global_pool("middle", y)]
    parts.append(g.global_pool("k3s1_mean", g.pool("k3s1", y, "Average", 3, 1)))
    parts.append(g.global_pool("k7s7_mean", g.pool("k7s7", y, "Average", 7, 7)))
    parts.append(g.global_pool("k2s2_mean", g.pool("k2s2", y, "Average", 2, 2)))
    s = g.merge("Concatenate", "means", parts, np.concatenate([p.value for p in parts], 1), axis=1)
    s = g.reshape("wide", s, (16, 1, 1))
    y = g.leaky("leaky", g.pool("k3s2", y, "Average", 3, 2))
    y, s = g.conv("d", y, 5, 1), g.conv("e", s, 5, 1)
    return g.merge("Add", "add", [y, s], y.value + s.value)


def pools(g, x):
    y = g.activation("relu", g.conv("c", x, 4), "relu")
    y = g.pool("same", y, "Max", 3, 1)
    y = g.pool("average", y, "Average", (3, 5), (1, 2))
    y = g.pool("floor", y, "Max", 2, 2)
    return g.pool("valid", y, "Average", 2, 1, padding="valid")


def depthwise(g, x):
    y = g.depthwise("k3s2", x, 3, 2, multiplier=2)
    y = g.depthwise("k5", y, 5)
    y = g.batch_norm("bn", g.depthwise("d2", y, 3, dilation=2))
    y = g.depthwise("open", y, 3, padding="valid")
    return g.separable("separable", y, 4)


def depthwise_strided(g, x):
    """TensorFlow's SAME: more on the far side where the total is odd, which changes with the size's parity."""
    y = g.depthwise("k5s2", x, 5, 2, bias=False)
    y = g.batch_norm("bn", g.depthwise("k3s2", y, 3, 2, bias=False, activation="relu"))
    y = g.depthwise("k3x2", y, (3, 2), (2, 2), multiplier=2)
    return g.relu("re_lu", g.conv("pointwise", y, 5, 1), max_value=6.0)


def transposed(g, x):
    y = g.transpose("k2s2", g.conv("c", x, 3, 3, 4), 3, 2, 2)
    y = g.batch_norm("bn", g.transpose("k4s2", y, 2, 4, 2))
    y = g.transpose("k3s2", g.pool("p", y, "Max", 2, 4), 3, 3, 2)
    y = g.transpose("valid", y, 2, 3, 2, padding="valid")
    y = g.transpose("padded", g.pool("q", y, "Max", 2, 4), 2, 3, 2, output_padding=1)
    return g.transpose("sparse", y, 3, 2, 3)


def squeeze_and_excite(g, x):
    y = g.activation("swish", g.batch_norm("bn", g.conv("c", x, 6, bias=False)), "swish")
    s = g.reshape("se_reshape", g.global_pool("se_squeeze", y), (6, 1, 1))
    s = g.conv("se_expand", g.conv("se_reduce", s, 2, 1, activation="swish"), 6, 1, activation="sigmoid")
    return g.merge("Multiply", "se_excite", [y, s], y.value * s.value)


def inverted_bottleneck(g, x):
    """efficientnet's block: the squeeze scales what a strided depthwise convolution made, and is itself biased."""
    y = g.activation("expand_swish", g.batch_norm("expand_bn", g.conv("expand", x, 8, 1, bias=False)), "swish")
    y = g.layer("ZeroPadding2D", "pad", {"padding": [[0, 1], [0, 1]], "data_format": "channels_first"}, [y], zeros_around(y.value, 0, 1, 0, 1))
    y = g.activation("swish", g.batch_norm("bn", g.depthwise("depthwise", y, 3, 2, padding="valid", bias=False)), "swish")
    s = g.reshape("se_reshape", g.global_pool("se_squeeze", y), (8, 1, 1))
    s = g.conv("se_expand", g.conv("se_reduce", s, 2, 1, activation="swish"), 8, 1, activation="sigmoid")
    y = g.batch_norm("project_bn", g.conv("project", g.merge("Multiply", "excite", [s, y], s.value * y.value), 4, 1, bias=False))
    again = g.batch_norm("again_bn", g.conv("again", g.activation("again_swish", y, "swish"), 4, bias=False))
    dropped = g.layer("Dropout", "drop", {"rate": 0.2, "noise_shape": [None, 1, 1, 1], "seed": None}, [again], again.value)
    return g.merge("Add", "add", [dropped, y], dropped.value + y.value)


def denses(g, x):
    """After Flatten: every pairing of bias and activation, one after the other and side by side."""
    y = g.flatten("flatten", g.pool("p", g.conv("c", x, 3, 3, 2), "Max", 2, 2))
    for name, units, activation, bias in (("plain", 9, "linear", True), ("bare", 8, "linear", False), ("relu", 7, "relu", True),
                                          ("bare_sigmoid", 6, "sigmoid", False), ("swish", 6, "swish", True)):
        y = g.dense(name, y, units, activation, bias)
    parts = [g.dense("softmax", y, 4, "softmax"), g.dense("bare_tanh", y, 4, "tanh", False), g.batch_norm("bn", g.dense("before_bn", y, 4, bias=False))]
    y = g.merge("Concatenate", "concat", parts, np.concatenate([p.value for p in parts], 1), axis=1)
    return g.reshape("image", y, (3, 2, 2))


def batch_norms(g, x):
    y = g.conv("c", x, 4)
    two_users = g.batch_norm("bn", y)
    y = g.merge("Add", "add", [y, two_users], y.value + two_users.value)
    y = g.batch_norm("after_add", y)
    y = g.batch_norm("after_relu", g.activation("relu", y, "relu"), center=False)
    y = g.batch_norm("no_scale", g.conv("d", y, 3, bias=False), scale=False)
    return g.batch_norm("twice", y)


def shared_layers(g, x):
    y = g.conv("first", x, 4)
    one = g.conv("shared", y, 4, activation="relu")
    w, b, kernel, strides, dilation, _ = g.last_conv
    again = np.maximum(np.einsum("ncrsij,ijcf->nfrs", windows(same_conv(one.value, kernel, dilation), kernel, strides), w.astype(np.float64)) + b[:, None, None], 0)
    two = g.again("shared", [one], again)
    bn = g.batch_norm("bn", two)
    return g.merge("Concatenate", "concat", [one, bn], np.concatenate([one.value, bn.value], 1), axis=1)


def nested_model(g, x):
    inner = Graph(seed=3)
    given = inner.input("inner_input", x.value)
    result = inner.leaky("leaky", inner.batch_norm("bn", inner.conv("conv1", given, 3)))
    record = {"name": "body", "layers": inner.layers, "input_layers": [["inner_input", 0, 0]], "output_layers": [["leaky", 0, 0]]}
    y = g.layer("Model", "body", record, [x], result.value, [])
    g.layers[-1]["config"].pop("trainable")
    g.weights[-1] = ("body", [weight for _, weights in inner.weights for weight in weights])
    return Tensor("body", y.value, 1)  # the calls of a nested model count from 1


def activations(g, x):
    y = x
    for name in ("tanh", "elu", "softplus", "selu", "softsign", "hard_sigmoid", "mish", "exponential", "softmax", "sigmoid"):
        y = g.activation("a_" + name, g.conv("c_" + name, y, 3, 1), name)
    y = g.layer("Softmax", "softmax1", {"axis": 1}, [y], softmax(y.value, 1))
    y = g.conv("c_prelu", y, 3)
    slope = g.draw(3, 1, 1)
    y = g.layer("PReLU", "prelu", {"shared_axes": [2, 3]}, [y], np.where(y.value > 0, y.value, slope * y.value), [("alpha", slope)])
    return g.layer("ELU", "elu", {"alpha": 0.7}, [y], np.where(y.value > 0, y.value, 0.7 * np.expm1(y.value)))


def relus(g, x):
    parts = []
    for i, how in enumerate([{}, {"max_value": 6.0}, {"max_value": 0.5}, {"slope": 0.2}, {"slope": 0.2, "max_value": 1.0},
                             {"threshold": 0.3}, {"threshold": 0.3, "slope": 0.1, "max_value": 2.0}, {"threshold": -0.4}]):
        parts.append(g.relu(f"re_lu_{i}", g.conv(f"c{i}", x, 2), **how))
    return g.merge("Concatenate", "concat", parts, np.concatenate([p.value for p in parts], 1), axis=1)


def merges(g, x):
    a, b, c = (g.conv(n, x, 4) for n in "abc")
    v = [t.value for t in (a, b, c)]
    parts = [g.merge("Add", "add3", [a, b, c], v[0] + v[1] + v[2]), g.merge("Subtract", "sub", [a, b], v[0] - v[1]),
             g.merge("Multiply", "mul3", [a, b, c], v[0] * v[1] * v[2]), g.merge("Average", "avg3", [a, b, c], (v[0] + v[1] + v[2]) / 3),
             g.merge("Maximum", "max3", [a, b, c], np.maximum(np.maximum(v[0], v[1]), v[2])), g.merge("Minimum", "min", [a, c], np.minimum(v[0], v[2]))]
    rows = np.concatenate([p.value for p in parts], 2)
    return g.merge("Concatenate", "concat", parts, rows, axis=2)


def shapes(g, x):
    y = g.layer("ZeroPadding2D", "pad", {"padding": [[1, 0], [2, 3]], "data_format": "channels_first"}, [x], zeros_around(x.value, 1, 0, 2, 3))
    y = g.conv("c", y, 4, 3, 2, padding="valid")
    y = g.layer("Dropout", "dropout", {"rate": 0.5, "noise_shape": None, "seed": None}, [y], y.value)
    y = g.pool("p", y, "Max", 2, 2)
    d = g.batch_norm("bn", g.dense("fc", g.flatten("flatten", y), 6, "tanh"))
    r = g.layer("RepeatVector", "repeat", {"n": 4}, [d], np.repeat(d.value[:, None], 4, 1))
    rows = g.dense("rows", r, 3)
    t = g.layer("Permute", "permute", {"dims": [2, 1]}, [rows], rows.value.transpose(0, 2, 1))
    return g.reshape("reshape", t, (3, 2, 2))


def upsampling(g, x):
    y = g.conv("c", x, 3, 3, 4)
    n = g.layer("UpSampling2D", "nearest", {"size": [2, 3], "interpolation": "nearest", "data_format": "channels_first"}, [y],
                y.value.repeat(2, 2).repeat(3, 3))
    # TensorFlow 1, not aligned: output i reads input i / factor, the last row is repeated
    def stretch(v, axis, factor):
        at = np.arange(v.shape[axis] * factor) / factor
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, v.shape[axis] - 1)
        t = (at - low).reshape([-1 if a == axis else 1 for a in range(4)])
        return v.take(low, axis) * (1 - t) + v.take(high, axis) * t
    z = g.layer("UpSampling2D", "linear", {"size": [2, 3], "interpolation": "bilinear", "data_format": "channels_first"}, [y],
                stretch(stretch(y.value, 2, 2), 3, 3))
    return g.merge("Add", "add", [n, z], n.value + z.value)


CASES = [conv_sizes, max_pool_of_negative_numbers, max_pool_before_leaky, pools, average_pools, depthwise, depthwise_strided, transposed,
         squeeze_and_excite, inverted_bottleneck, denses, batch_norms, shared_layers, nested_model, activations, relus, merges, shapes, upsampling]


def run_case(program, case, size, channels, folder):
    graph = Graph()
    images = np.random.RandomState(11).random_sample((2, channels) + size).astype(np.float32)
    top = case(graph, graph.input("input_1", images.astype(np.float64)))
    boxes = graph.conv("output_bbox", top, 8, 1)
    coverage = graph.conv("output_cov", top, 2, 1, activation="sigmoid")
    model, onnx_file = folder / "model.hdf5", folder / "model.onnx"
    write(graph, [boxes, coverage], model)
    onnx_file.unlink(missing_ok=True)
    result = subprocess.run([program, "detectnet_v2", "export", "-m", model, "-o", onnx_file], capture_output=True, text=True)
    if result.returncode:
        return f"exit {result.returncode}: {result.stderr.strip()[-300:]}"
    onnx.checker.check_model(str(onnx_file), full_check=True)
    session = onnxruntime.InferenceSession(str(onnx_file), providers=["CPUExecutionProvider"])
    got = session.run(None, {session.get_inputs()[0].name: images})
    for name, found, wanted in zip(("coverage", "boxes"), got, (coverage.value, boxes.value)):
        if found.shape != wanted.shape:
            return f"{name} has the shape {found.shape}, expected {wanted.shape}"
        far = np.abs(found - wanted).max() / (1 + np.abs(wanted).max())
        if not far <= ALLOWED:
            return f"{name} is off by {far:.1e}"
    return None


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    chosen = sys.argv[2:]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            if chosen and case.__name__ not in chosen:
                continue
            for size, channels in (((16, 24), 3), ((17, 23), 3), ((18, 19), 1)):
                trouble = run_case(sys.argv[1], case, size, channels, pathlib.Path(folder))
                failed += trouble is not None
                print(f"{'FAIL' if trouble else 'ok  '} {case.__name__} {channels}x{size[0]}x{size[1]} {trouble or ''}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
