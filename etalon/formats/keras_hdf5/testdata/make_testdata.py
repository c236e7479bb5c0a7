"""Makes the small Keras files beside it, with h5py: python make_testdata.py

They have the layout that Keras 2.2.4's model.save writes (docs/formats/keras_hdf5.md), and one change each. Values are
a weight's own running count, from a start that differs from weight to weight, in steps of 1/8: exact in float16.
"""
import json
import os

import h5py
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def ramp(start, *shape):
    return (start + np.arange(int(np.prod(shape)), dtype="float64").reshape(shape) / 8).astype("float32")


def layer(name, class_name, config, *calls):
    return {"name": name, "class_name": class_name, "config": {"name": name, **config},
            "inbound_nodes": [[[ref[0], ref[1], ref[2], ref[3] if len(ref) > 3 else {}] for ref in call] for call in calls]}


def input_layer(name="input_1"):
    return layer(name, "InputLayer", {"batch_input_shape": [None, 3, 4, 4], "dtype": "float32", "sparse": False})


def model(layers, inputs, outputs, name="model_1"):
    return {"class_name": "Model", "config": {"name": name, "layers": layers, "input_layers": [[i, 0, 0] for i in inputs],
                                              "output_layers": outputs}}


CONV = {"filters": 2, "kernel_size": [1, 1], "use_bias": True}
CONV_WEIGHTS = {"conv1": [("conv1/kernel:0", ramp(1, 1, 1, 3, 2)), ("conv1/bias:0", ramp(-2, 2))]}


def plain_model():
    return model([input_layer(), layer("conv1", "Conv2D", CONV, [("input_1", 0, 0)]),
                  layer("relu", "Activation", {"activation": "relu"}, [("conv1", 0, 0)])], ["input_1"], [["relu", 0, 0]])


def save(name, config, weights, text=lambda s: s, dataset=None, root_weights=False, libver="earliest"):
    """`weights`: layer -> [(weight, values)]; layers without weights too, in order."""
    with h5py.File(os.path.join(HERE, name), "w", libver=libver) as file:
        if config is not None:
            file.attrs["model_config"] = text(config if isinstance(config, str) else json.dumps(config))
        file.attrs["keras_version"] = text("2.2.4")
        file.attrs["backend"] = text("tensorflow")
        group = file if root_weights else file.create_group("model_weights")
        strings(group, "layer_names", list(weights), text)
        for layer_name, entries in weights.items():
            inner = group.create_group(layer_name)
            strings(inner, "weight_names", [n for n, _ in entries], text)
            for weight_name, values in entries:
                inner.create_dataset(weight_name, data=values, **(dataset or {}))


def strings(group, key, values, text):
    if not values:
        group.attrs[key] = np.array([])  # h5py: float64
    elif text("") == "":
        group.attrs[key] = np.array([v.encode() for v in values])  # fixed length, padded with zeros
    else:
        group.attrs.create(key, [str(v) for v in values], dtype=h5py.string_dtype())


def fixed(text):
    return text if text == "" else np.bytes_(text)


def main():
    no_weights = {"input_1": [], **CONV_WEIGHTS, "relu": []}
    save("plain.hdf5", plain_model(), no_weights)
    save("fixed_text.hdf5", plain_model(), no_weights, text=fixed)

    # UTF-8 strings of variable length everywhere, as newer writers have it; float64 values; gzip in chunks.
    save("newer_writer.hdf5", plain_model(), {k: [(n, v.astype("float64")) for n, v in w] for k, w in no_weights.items()},
         dataset={"compression": "gzip", "shuffle": True, "chunks": True}, libver=("v108", "v110"))
    with h5py.File(os.path.join(HERE, "newer_writer.hdf5"), "a", libver=("v108", "v110")) as file:
        top = file["model_weights"]
        top.attrs.create("layer_names", ["input_1", "conv1", "relu"], dtype=h5py.string_dtype())
        top.create_group("top_level_model_weights").attrs["weight_names"] = np.array([])
        file.create_group("optimizer_weights").create_dataset("iterations", data=np.int64(7))

    halves = {"input_1": [], "conv1": [("conv1/kernel:0", np.array([[[[1.5, -2.0], [65504, 6.1035e-5], [5.9604645e-8, 0.333251953125]]]], "float16")),
                                       ("conv1/bias:0", np.array([0, -0.0], "float16"))], "relu": []}
    save("float16.hdf5", plain_model(), halves)

    # 64 KiB is the limit of one attribute; here the lists are split although they are short.
    save("split_lists.hdf5", plain_model(), no_weights)
    with h5py.File(os.path.join(HERE, "split_lists.hdf5"), "a") as file:
        for owner, key in [(file["model_weights"], "layer_names"), (file["model_weights/conv1"], "weight_names")]:
            values = list(owner.attrs[key])
            del owner.attrs[key]
            for i, value in enumerate(values):
                owner.attrs[f"{key}{i}"] = np.array([value])

    # A quantised model: a scalar weight, and TensorFlow's number in the names within the group.
    qat = model([input_layer(), layer("input_1_qdq", "QDQ", {"bitwidth": 8}, [("input_1", 0, 0)]),
                 layer("conv1", "QuantizedConv2D", CONV, [("input_1_qdq", 0, 0)])], ["input_1"], [["conv1", 0, 0]])
    save("quantised.hdf5", qat, {"input_1": [], "input_1_qdq": [("input_1_qdq/scaling_factor:0", np.float32(0.75))],
                                 "conv1": [("conv1_1/kernel:0", ramp(1, 1, 1, 3, 2)), ("conv1_1/bias:0", ramp(3, 2))]}, libver=("v108", "v110"))

    save("nested.hdf5", nested_model(), nested_weights(""))
    save("nested_numbered.hdf5", nested_model(), nested_weights("_1"), libver=("v108", "v110"))
    # conv_1 is also the name of a layer: taken as it stands, conv would own nothing.
    save("nested_ambiguous.hdf5", nested_model(second="conv_1"), nested_weights("_1", second="conv_1"), libver=("v108", "v110"))

    records = [{"class_name": "Conv2D", "config": {"name": "conv1", "batch_input_shape": [None, 3, 4, 4], "dtype": "float32", **CONV}},
               {"class_name": "Activation", "config": {"name": "relu", "activation": "relu"}}]
    sequential = {"conv1": CONV_WEIGHTS["conv1"], "relu": []}
    save("sequential.hdf5", {"class_name": "Sequential", "config": {"name": "sequential_1", "layers": records}}, sequential)

    save("weights_only.hdf5", None, no_weights, root_weights=True)


def nested_model(second="dense"):
    inner = model([input_layer("input_2"), layer("conv", "Conv2D", CONV, [("input_2", 0, 0)]),
                   layer("bn", "BatchNormalization", {"axis": 1}, [("conv", 0, 0)]),
                   layer(second, "Conv2D", CONV, [("bn", 0, 0)])], ["input_2"], [[second, 0, 0]], name="inner")
    return model([input_layer(), layer("inner", "Model", inner["config"], [("input_1", 0, 0)], [("inner", 1, 0)]),
                  layer("relu", "Activation", {"activation": "relu"}, [("inner", 2, 0)])], ["input_1"], [["relu", 0, 0]], name="outer")


def nested_weights(number, second="dense"):
    weights = [(f"conv{number}/kernel:0", ramp(1, 1, 1, 3, 2)), (f"conv{number}/bias:0", ramp(2, 2)),
               (f"bn{number}/gamma:0", ramp(3, 2)), (f"bn{number}/beta:0", ramp(4, 2)),
               (f"{second}{number}/kernel:0", ramp(5, 1, 1, 2, 2)), (f"{second}{number}/bias:0", ramp(6, 2)),
               (f"bn{number}/moving_mean:0", ramp(7, 2)), (f"bn{number}/moving_variance:0", ramp(8, 2))]
    return {"input_1": [], "inner": weights, "relu": []}


main()
