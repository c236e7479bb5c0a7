"""Writes a full-width ResNet-18 DetectNet_v2 as Keras 2.2.4 saves it (46 MB), with random weights.

    python make_resnet18.py OUT.hdf5 [HEIGHT WIDTH]

The graph is that of TAO's template with projection shortcuts in every block: stem 7x7 stride 2, four stages of two blocks
with strides 2, 2, 2, 1, two 1x1 heads for three classes.
"""
import json
import sys

import h5py
import numpy as np

CLASSES = 3


class Model:
    def __init__(self, height, width):
        self.random = np.random.default_rng(0)
        self.layers, self.weights = [], []
        self.layer("InputLayer", "input_1", [], {"batch_input_shape": [None, 3, height, width], "dtype": "float32", "sparse": False})

    def layer(self, kind, name, inputs, config, weights=()):
        nodes = [[[source, 0, 0, {}] for source in inputs]] if inputs else []
        self.layers.append({"name": name, "class_name": kind, "config": {"name": name, "trainable": True, **config}, "inbound_nodes": nodes})
        self.weights.append((name, [(f"{name}/{part}:0", values.astype(np.float32)) for part, values in weights]))
        return name

    def conv(self, source, name, inputs, outputs, size, stride, padding="same", activation="linear"):
        kernel = self.random.standard_normal((size, size, inputs, outputs)) * np.sqrt(2 / (size * size * inputs))
        return self.layer("Conv2D", name, [source], {
            "filters": outputs, "kernel_size": [size, size], "strides": [stride, stride], "padding": padding, "data_format": "channels_first",
            "dilation_rate": [1, 1], "activation": activation, "use_bias": True}, [("kernel", kernel), ("bias", self.random.standard_normal(outputs) * 0.01)])

    def batch_norm(self, source, name, channels):
        return self.layer("BatchNormalization", name, [source], {"axis": 1, "momentum": 0.99, "epsilon": 0.001, "center": True, "scale": True}, [
            ("gamma", self.random.uniform(0.8, 1.2, channels)), ("beta", self.random.standard_normal(channels) * 0.1),
            ("moving_mean", self.random.standard_normal(channels) * 0.1), ("moving_variance", self.random.uniform(0.8, 1.2, channels))])

    def relu(self, source, name):
        return self.layer("Activation", name, [source], {"activation": "relu"})


def build(height, width):
    m = Model(height, width)
    x, channels, adds = m.relu(m.batch_norm(m.conv("input_1", "conv1", 3, 64, 7, 2), "bn_conv1", 64), "activation_1"), 64, 0
    for stage, (outputs, first_stride) in enumerate([(64, 2), (128, 2), (256, 2), (512, 1)], 1):
        for block in "ab":
            n, stride = f"block_{stage}{block}", first_stride if block == "a" else 1
            y = m.relu(m.batch_norm(m.conv(x, f"{n}_conv_1", channels, outputs, 3, stride), f"{n}_bn_1", outputs), f"{n}_relu_1")
            y = m.batch_norm(m.conv(y, f"{n}_conv_2", outputs, outputs, 3, 1), f"{n}_bn_2", outputs)
            z = m.batch_norm(m.conv(x, f"{n}_conv_shortcut", channels, outputs, 1, stride, "valid"), f"{n}_bn_shortcut", outputs)
            adds += 1
            x, channels = m.relu(m.layer("Add", f"add_{adds}", [y, z], {}), f"{n}_relu"), outputs
    m.conv(x, "output_bbox", 512, 4 * CLASSES, 1, 1)
    m.conv(x, "output_cov", 512, CLASSES, 1, 1, activation="sigmoid")
    return m


def write(path, model):
    config = {"class_name": "Model", "config": {"name": "resnet18_nopool_bn_detectnet_v2", "layers": model.layers, "input_layers": [["input_1", 0, 0]],
                                                "output_layers": [["output_bbox", 0, 0], ["output_cov", 0, 0]]}}
    with h5py.File(path, "w") as f:
        f.attrs["keras_version"], f.attrs["backend"] = b"2.2.4", b"tensorflow"
        f.attrs["model_config"] = json.dumps(config).encode()
        group = f.create_group("model_weights")
        group.attrs["layer_names"] = [name.encode() for name, _ in model.weights]
        for name, weights in model.weights:
            inner = group.create_group(name)
            inner.attrs["weight_names"] = [full.encode() for full, _ in weights]
            for full, values in weights:
                inner[full] = values


if __name__ == "__main__":
    write(sys.argv[1], build(*map(int, sys.argv[2:4] if len(sys.argv) > 3 else (544, 960))))
