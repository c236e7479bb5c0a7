#!/usr/bin/env python3
"""Quantisation-aware DetectNet_v2 models: the names and ranges are NVIDIA's, the numbers Keras'.

    python tests/qat.py build/etalon build/rooms/networks/etalon_trained_quantization_writer [TEST ...]

Reads models/detectnet_v2/qat in the folder ETALON_DATA: ten networks in the form that NVIDIA's create_quantized_keras_model
gave them, what the fake-quantised Keras models compute, and the caches and graphs that NVIDIA's exporter wrote. The float
model that etalon exports is run as it is, and once more with the kernels on the grid that they were trained on and with
QuantizeLinear / DequantizeLinear where a QDQ layer stood. `--table` prints what came out. Needs numpy, h5py, onnx,
onnxruntime.
"""
import json
import pathlib
import subprocess
import sys
import unittest

import h5py
import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

WRITER = pathlib.Path(sys.argv.pop(2)).resolve() if len(sys.argv) > 2 and not sys.argv[2].startswith("-") else None
TABLE = "--table" in sys.argv and not sys.argv.remove("--table")

import program  # noqa: E402  (takes its own word off the command line)
from program import ProgramTest, data  # noqa: E402

FOLDER = "models/detectnet_v2"
NETWORKS = ("bccd_resnet10", "bccd_resnet18", "darknet19", "efficientnet_b0", "googlenet", "resnet10", "resnet10_1class",
            "resnet18_pool", "squeezenet", "vgg16_pool_nobn")
OUTPUTS = {"output_cov/Sigmoid": "output_cov", "output_bbox/BiasAdd": "output_bbox"}
# Largest difference of NVIDIA's float model (tf2onnx's route) from the fake-quantised outputs, bbox / cov, as NVIDIA's own
# export has it: what 8 bits cost with these ranges.
NVIDIAS_FLOAT = {"darknet19": (0.11, 0.12), "efficientnet_b0": (0.52, 0.24), "googlenet": (0.3, 0.07), "resnet10": (0.18, 0.028),
                 "resnet18_pool": (0.23, 0.054), "squeezenet": (0.43, 0.16), "vgg16_pool_nobn": (0.33, 0.062),
                 "resnet10_1class": (0.074, 0.012), "bccd_resnet10": (0.15, 0.073), "bccd_resnet18": (0.36, 0.11)}

# The least SNR of an output on the trained grid. efficientnet_b0 rounds 218 times, and a sum in another order is enough to
# send a value to the other neighbour: with one input value one step off it is 22 dB from itself.
LEAST = {name: 30 for name in NETWORKS} | {"efficientnet_b0": 19}


def run(model, images):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return dict(zip(OUTPUTS, session.run(list(OUTPUTS), {"input_1": images})))


def decibel(exact, approximate):
    exact, approximate = exact.astype(np.float64), approximate.astype(np.float64)
    noise = ((exact - approximate) ** 2).sum()
    return np.inf if noise == 0 else 10 * np.log10((exact ** 2).sum() / noise)


def channel_shape(node, rank):
    """The shape of one number an output channel, beside a weight of that many axes."""
    shape = [1] * rank
    shape[1 if node.op_type == "ConvTranspose" else 0] = -1
    return shape


def on_trained_grid(model, trained):
    """Kernels rounded to their steps, Q/DQ behind each tensor that has a range, for all who read it."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    graph = model.graph
    weights = {i.name: i for i in graph.initializer}
    for node in graph.node:
        if len(node.input) < 2 or node.input[1] not in trained["weight_steps"]:
            continue
        stored = weights[node.input[1]]
        w = numpy_helper.to_array(stored)
        step = np.float32(trained["weight_steps"][node.input[1]]).reshape(channel_shape(node, w.ndim))
        integers = np.clip(np.rint(w / step), -128, 127)
        stored.CopyFrom(numpy_helper.from_array(integers * step, stored.name))
    renamed, behind = {}, {}
    graph.initializer.append(numpy_helper.from_array(np.int8(0), "zero"))
    for number, entry in enumerate(trained["ranges"]):
        source = entry["placed_on"]
        x, s = renamed.get(source, source), f"grid_{number}"
        graph.initializer.append(numpy_helper.from_array(np.float32(np.float32(entry["range"]) / np.float32(127)), s + "/scale"))
        behind.setdefault(source, []).extend([helper.make_node("QuantizeLinear", [x, s + "/scale", "zero"], [s + "/q"]),
                                              helper.make_node("DequantizeLinear", [s + "/q", s + "/scale", "zero"], [s + "/dq"])])
        renamed[source] = s + "/dq"
    nodes = [n for value in graph.input for n in behind.pop(value.name, [])]
    for node in list(graph.node):
        node.input[:] = [renamed.get(name, name) for name in node.input]
        nodes.append(node)
        for name in node.output:
            nodes += behind.pop(name, [])
    assert not behind, f"no tensors of the graph: {sorted(behind)}"
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return model


def names_of(listing):
    """The tensors of NVIDIA's graph, without ':0'."""
    names = set()
    for line in listing.read_text().splitlines():
        if line.startswith("node "):
            names.update(name.strip().removesuffix(":0") for name in line.split("|")[3].split(","))
        elif line.startswith("input "):
            names.add(line.split()[1].removesuffix(":0"))
    return names


class QuantisationAware(ProgramTest):
    def made(self, network):
        """(float model, what training fixed, pictures, the fake-quantised outputs)"""
        source = [data(f"{FOLDER}/{network}.hdf5")] if network.startswith("bccd") else []
        recipe = data(f"{FOLDER}/qat/{network}_qat.json")
        maker = data(f"{FOLDER}/backbones/make_weights.py")
        subprocess.run([sys.executable, maker, recipe, self.folder / "q.hdf5", *source], check=True, capture_output=True)
        self.passes("detectnet_v2", "export", "-m", "q.hdf5", "-o", "q.onnx")
        subprocess.run([WRITER, "q.hdf5", "q.json"], check=True, cwd=self.folder)
        if source:
            images = np.load(data(f"{FOLDER}/dataset/dataloader_bccd.npz"))["images"].astype(np.float32)
        else:
            spec = json.loads(recipe.read_text())["input"]
            images = np.random.RandomState(spec["seed"]).random_sample([spec["batch"], *spec["shape"]]).astype(np.float32)
        return (onnx.load(self.folder / "q.onnx"), json.loads((self.folder / "q.json").read_text()), images,
                np.load(data(f"{FOLDER}/qat/{network}_qat.npz")))

    def wrong_integers(self, model, trained):
        """How many weights / step round to another integer than TensorFlow rounded the trained kernel to."""
        weights = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
        wrong = 0
        with h5py.File(self.folder / "q.hdf5") as file:
            for node in model.graph.node:
                if len(node.input) < 2 or node.input[1] not in trained["weight_steps"]:
                    continue
                group = file["model_weights"][node.input[1].split("/")[0]]
                kernel = group[group.attrs["weight_names"][0]][()]
                high, low = kernel.max(), kernel.min()
                f = np.float32
                from_high = high / f(127) >= low / f(-128)
                integers = np.rint(kernel * (f(127) / high if from_high else f(-128) / low))
                if "depthwise" in node.input[1]:
                    integers = integers.reshape(*kernel.shape[:2], 1, -1)
                step = f(trained["weight_steps"][node.input[1]]).reshape(channel_shape(node, 4))
                ours = np.rint(weights[node.input[1]] / step)
                wrong += (np.abs(ours) != np.abs(integers.transpose(3, 2, 0, 1))).sum()
        return wrong

    def test_inspect_and_doctor_say_what_the_model_is(self):
        self.made("resnet10")
        seen = json.loads(self.passes("inspect", "q.hdf5", "--json").out)
        self.assertEqual(seen["quantization_aware"], {"ranges": 22, "kernels": 13})
        self.assertIn("quantisation-aware: training fixed the ranges of 22 tensors and the steps of 13 kernels",
                      self.passes("doctor", "-m", "q.hdf5").out.replace("\n", " "))

    def check(self, network):
        model, trained, images, reference = self.made(network)
        for route in ("tf2onnx", "keras2onnx"):
            theirs = json.loads(data(f"{FOLDER}/qat/{network}_qat.{route}.cal.json").read_text())["tensor_scales"]
            self.assertEqual([(e["tensor"] + ":0", e["range"]) for e in trained["ranges"]], list(theirs.items()))
        theirs = names_of(data(f"{FOLDER}/qat/{network}_qat.tf2onnx.onnx.txt"))
        ours = {value.name for value in model.graph.input} | {name for node in model.graph.node for name in node.output}
        self.assertEqual(ours - theirs, set(), "names that NVIDIA's graph has not")
        self.assertFalse([n.op_type for n in model.graph.node if "Quantize" in n.op_type])
        self.assertFalse(len(model.graph.quantization_annotation))
        kernels = {i.name for i in model.graph.initializer}
        self.assertLessEqual(set(trained["weight_steps"]), kernels)
        self.assertEqual(self.wrong_integers(model, trained), 0)
        plain, exact = run(model, images), run(on_trained_grid(model, trained), images)
        figures = [(decibel(reference[key], plain[name]), decibel(reference[key], exact[name]),
                    np.abs(reference[key] - plain[name]).max()) for name, key in OUTPUTS.items()]
        if TABLE:
            print(f"{network:16} {len(trained['ranges']):4} ranges {len(trained['weight_steps']):3} kernels  cov/bbox  float "
                  + "/".join(f"{f[0]:.1f}" for f in figures) + " dB, trained grid " + "/".join(f"{f[1]:.1f}" for f in figures) + " dB")
        for (cost, near, most), nvidias in zip(figures, reversed(NVIDIAS_FLOAT[network])):
            self.assertLess(abs(most / nvidias - 1), 0.1)
            self.assertGreaterEqual(near, LEAST[network])
            self.assertGreater(near, cost)


for name in NETWORKS:
    setattr(QuantisationAware, f"test_{name}", lambda self, network=name: self.check(network))

if __name__ == "__main__":
    program.main()
