"""`etalon build`: real engines by TensorRT for RTX where it is installed, OpenVINO's compiled models, TensorRT's calls against a stand-in."""
import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import time
import unittest

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from program import PROGRAM, ROOT, ProgramTest, main, needs_real_numbers

RTX = os.environ.get("ETALON_TENSORRT_RTX_PYTHON") or str(ROOT / ".deps/rtx/bin/python")
needs_rtx = unittest.skipUnless(pathlib.Path(RTX).exists(), f"no TensorRT for RTX at {RTX}: no real engine is built")
STAND_IN = ROOT / "tests/data/tensorrt_stand_in"
USUAL = ["8.0", "8.6", "8.9", "12.0"]


def network(kind="plain", batch="N", size=8):
    """x -> Conv -> Relu -> Conv -> y. kind: plain, qdq (int8 weights of a scale a channel, activations quantized), half."""
    random = np.random.default_rng(3)
    number = np.float16 if kind == "half" else np.float32
    nodes, constants = [], {}

    def quantized(name, scale):
        constants.update({f"{name}_s": np.float32(scale), f"{name}_z": np.int8(0)})
        nodes.append(helper.make_node("QuantizeLinear", [name, f"{name}_s", f"{name}_z"], [f"{name}_q"]))
        nodes.append(helper.make_node("DequantizeLinear", [f"{name}_q", f"{name}_s", f"{name}_z"], [f"{name}_d"]))
        return f"{name}_d"

    def conv(out, x, outputs, inputs):
        kernel = random.normal(size=(outputs, inputs, 3, 3))
        if kind == "qdq":
            x = quantized(x, 0.02)
            steps = np.abs(kernel).reshape(outputs, -1).max(1) / 127
            constants.update({f"{out}_i": np.rint(kernel / steps[:, None, None, None]).astype(np.int8), f"{out}_ws": steps.astype(np.float32),
                              f"{out}_wz": np.zeros(outputs, np.int8)})
            nodes.append(helper.make_node("DequantizeLinear", [f"{out}_i", f"{out}_ws", f"{out}_wz"], [f"{out}_w"], axis=0))
        else:
            constants[f"{out}_w"] = kernel.astype(number)
        constants[f"{out}_b"] = np.zeros(outputs, number)
        nodes.append(helper.make_node("Conv", [x, f"{out}_w", f"{out}_b"], [out], pads=[1, 1, 1, 1]))

    x, y = "x", "y"
    if kind == "half":  # half inside, float at the ends
        nodes.append(helper.make_node("Cast", ["x"], ["x_h"], to=TensorProto.FLOAT16))
        x, y = "x_h", "y_h"
    conv("c", x, 8, 3)
    nodes.append(helper.make_node("Relu", ["c"], ["r"]))
    conv(y, "r", 4, 8)
    if kind == "half":
        nodes.append(helper.make_node("Cast", ["y_h"], ["y"], to=TensorProto.FLOAT))
    shape = [batch, 3, size, size]
    graph = helper.make_graph(nodes, "network", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, 4, size, size])],
                              [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)


class EngineTest(ProgramTest):
    def setUp(self):
        super().setUp()
        for kind in ("plain", "qdq", "half"):
            onnx.save(network(kind), self.folder / f"{kind}.onnx")

    def write_cache(self, header="TRT-8601-EntropyCalibration2", tensors=("x", "c", "r", "y")):
        lines = [f"{tensor}: {struct.pack('>f', (i + 1) / 127).hex()}" for i, tensor in enumerate(tensors)]
        (self.folder / "cal.bin").write_text("\n".join([header, *lines]) + "\n")


class WithoutTensorrt(EngineTest):
    NONE = {"ETALON_TENSORRT_PYTHON": "", "PATH": "/nowhere", "HOME": "/nowhere"}

    def test_auto_is_tensorrt_or_says_what_to_install_and_how_to_build_elsewhere(self):
        for backend in ((), ("--engine_backend", "tensorrt")):
            done = self.refuses("build", "qdq.onnx", "-o", "e", *backend, code=1, says=["no Python has the package tensorrt", "ETALON_TENSORRT_PYTHON"],
                                env=self.NONE)
            self.assertIn("trtexec --onnx=qdq.onnx --saveEngine=e --minShapes=x:1x3x8x8 --optShapes=x:1x3x8x8 --maxShapes=x:16x3x8x8 "
                          "--stronglyTyped --memPoolSize=workspace:1024M --skipInference", done.err)

    def test_a_python_that_is_named_must_do(self):
        self.refuses("build", "qdq.onnx", "-o", "e", code=1, says=["cannot start", "ETALON_TENSORRT_PYTHON '/nowhere/python'"],
                     env={"ETALON_TENSORRT_PYTHON": "/nowhere/python"})
        self.refuses("build", "qdq.onnx", "-o", "e", code=1, says=["No module named 'tensorrt'", "ETALON_TENSORRT_PYTHON"],
                     env={"ETALON_TENSORRT_PYTHON": sys.executable})

    def test_a_package_that_cannot_be_loaded_says_why(self):
        package = self.folder / "packages/tensorrt"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("raise OSError('libcudart.so.12: cannot open shared object file')\n")
        python = self.folder / "python3"
        python.write_text(f"#!/bin/sh\nPYTHONPATH='{package.parent}' exec '{sys.executable}' \"$@\"\n")
        python.chmod(0o755)
        self.refuses("build", "qdq.onnx", "-o", "e", code=1, env={**self.NONE, "PATH": str(self.folder)},
                     says=["no Python has the package tensorrt", "python3': OSError: libcudart.so.12: cannot open shared object file"])

    def test_wrong_words_are_wrong_usage(self):
        for words, says in (((), ["--output"]), (("-o", "e", "--engine_backend", "onnx"), ["onnx"]), (("-o", "e", "--compute_capability", "86"), ["8.6,12.0"]),
                            (("-o", "e", "--min_batch_size", 4), ["4, 1 and 16"]), (("-o", "e", "--data_type", "int4"), ["int4"]),
                            (("-o", "e", "--time_limit", 0), ["time_limit"]),
                            (("-o", "e", "--max_workspace_size=-5"), ["workspace"]), (("-o", "e", "--max_workspace_size", 0), ["workspace"]), (("-o", "plain.onnx", "--force"), ["also an input"])):
            self.refuses("build", "plain.onnx", *words, code=2, says=says, env=self.NONE)

    def test_bad_models_are_named(self):
        (self.folder / "text.onnx").write_text("no model")
        (self.folder / "empty.onnx").write_text("")
        model = network(size="H")
        onnx.save(model, self.folder / "open.onnx")
        onnx.save(network(), self.folder / "outside.onnx", save_as_external_data=True, size_threshold=0, location="w.bin")
        with open(self.folder / "huge.onnx", "wb") as file:
            file.write((self.folder / "plain.onnx").read_bytes())
            file.truncate((1 << 31) + 1)
        for name, says in (("text", "no exported model"), ("empty", "is empty"), ("open", "leaves axis 2 open"), ("outside", "another file"), ("huge", "2147483647"),
                           ("missing", "missing.onnx")):
            self.refuses("build", f"{name}.onnx", "-o", "e", code=1, says=[f"{name}.onnx", says], env=self.NONE)

    def test_the_openvino_worker_is_not_shown(self):
        self.assertNotIn("openvino_worker", self.run_program("--help").out)


class StandIn(EngineTest):
    """What the worker asks of TensorRT, by version. The stand-in refuses what a version has not."""

    def setUp(self):
        super().setUp()
        python = self.folder / "python"
        python.write_text(f"#!/bin/sh\nPYTHONPATH='{STAND_IN}' PYTHONDONTWRITEBYTECODE=1 exec '{sys.executable}' \"$@\"\n")
        python.chmod(0o755)
        self.scratch = self.folder.with_name(self.folder.name + "-record")
        self.scratch.mkdir()
        self.addCleanup(shutil.rmtree, self.scratch, ignore_errors=True)

    def stand_in(self, version, does="", **more):
        return {"ETALON_TENSORRT_PYTHON": str(self.folder / "python"), "STAND_IN_TENSORRT": version, "STAND_IN_DOES": does,
                "STAND_IN_RECORD": str(self.scratch / "calls"), **more}

    def calls(self, version, model, *words):
        (self.scratch / "calls").unlink(missing_ok=True)
        self.passes("build", model, "-o", "e", "--force", *words, env=self.stand_in(version))
        self.assertEqual((self.folder / "e").read_bytes(), b"ftrt stand-in")
        return [json.loads(line) for line in (self.scratch / "calls").read_text().splitlines()]

    def expected(self, model, flags, *middle, batches=((1, 1, 16)), profile=True):
        shapes = [[batch, 3, 8, 8] for batch in batches]
        return [["init_libnvinfer_plugins", ""], ["create_network", flags], ["parse", (self.folder / model).stat().st_size],
                ["set_shape", "input_1", *shapes], ["add_optimization_profile"], ["set_memory_pool_limit", "WORKSPACE", 1 << 30], *middle,
                ["build_serialized_network"]]

    def test_plain_models_are_what_the_flags_say_up_to_10(self):
        for version, flags in (("8.6.1", ["EXPLICIT_BATCH"]), ("10.3.0", [])):
            with self.subTest(version):
                self.assertEqual(self.calls(version, "plain.onnx"), self.expected("plain.onnx", flags))
                self.assertEqual(self.calls(version, "plain.onnx", "--data_type", "fp16"), self.expected("plain.onnx", flags, ["set_flag", "FP16"]))

    def test_a_cache_is_handed_over_under_the_builders_own_header(self):
        self.write_cache()
        lines = (self.folder / "cal.bin").read_text().split("\n", 1)[1]
        words = ("--data_type", "int8", "--cal_cache_file", "cal.bin")
        for version, flags, header in (("8.6.1", ["EXPLICIT_BATCH"], "TRT-8601"), ("9.0.0", ["EXPLICIT_BATCH"], "TRT-9000"), ("10.3.0", [], "TRT-100300")):
            with self.subTest(version):
                table = ["read_calibration_cache", f"{header}-EntropyCalibration2\n{lines}"]
                calibrated = ["int8_calibrator", 1], ["set_calibration_profile"]
                self.assertEqual(self.calls(version, "plain.onnx", *words),
                                 self.expected("plain.onnx", flags, *calibrated, ["set_flag", "FP16"], ["set_flag", "INT8"], table))
                strict = [["set_flag", name] for name in ("DIRECT_IO", "INT8", "PREFER_PRECISION_CONSTRAINTS", "REJECT_EMPTY_ALGORITHMS")]
                self.assertEqual(self.calls(version, "plain.onnx", *words, "-s"), self.expected("plain.onnx", flags, *calibrated, *strict, table))
        self.assertEqual((self.folder / "cal.bin").read_text().split("\n")[0], "TRT-8601-EntropyCalibration2")
        done = self.passes("build", "plain.onnx", "-o", "e", "--force", *words, env=self.stand_in("10.3.0"))
        self.assertIn("the cache's header is TRT-8601-EntropyCalibration2, TensorRT 10.3.0 reads TRT-100300-EntropyCalibration2 alone", done.err)

    def test_explicit_models_are_strongly_typed_from_10_on(self):
        for model, old in (("qdq.onnx", "INT8"), ("half.onnx", "FP16")):
            with self.subTest(model):
                self.assertEqual(self.calls("8.6.1", model), self.expected(model, ["EXPLICIT_BATCH"], ["set_flag", old]))
                for version in ("10.3.0", "11.0.0"):
                    self.assertEqual(self.calls(version, model), self.expected(model, ["STRONGLY_TYPED"]))
        self.write_cache()
        words = ("--data_type", "int8", "--cal_cache_file", "cal.bin", "-s")
        self.assertEqual(self.calls("11.0.0", "qdq.onnx", *words), self.expected("qdq.onnx", ["STRONGLY_TYPED"]))

    def test_profile_workspace_compatibility_and_timings_are_as_told(self):
        calls = self.calls("10.3.0", "plain.onnx", "--min_batch_size", 2, "--opt_batch_size", 4, "--max_batch_size", 8, "--max_workspace_size", 12345678,
                           "--version_compatible", "--timing_cache", "t.cache")
        self.assertEqual(calls[3:], [["set_shape", "input_1", [2, 3, 8, 8], [4, 3, 8, 8], [8, 3, 8, 8]], ["add_optimization_profile"],
                                     ["set_memory_pool_limit", "WORKSPACE", 12345678], ["set_flag", "VERSION_COMPATIBLE"], ["create_timing_cache", ""],
                                     ["build_serialized_network"]])
        self.assertEqual((self.folder / "t.cache").read_bytes(), b"+timings")
        self.assertIn(["create_timing_cache", "+timings"], self.calls("10.3.0", "plain.onnx", "--timing_cache", "t.cache"))
        self.assertEqual((self.folder / "t.cache").read_bytes(), b"+timings+timings")

    def test_int8_of_a_plain_model_needs_a_cache_and_a_builder_that_takes_it(self):
        self.write_cache()
        words = ("build", "plain.onnx", "-o", "e", "--data_type", "int8")
        self.refuses(*words, code=2, says=["--cal_cache_file"], env=self.stand_in("10.3.0"))
        self.refuses(*words, "--cal_cache_file", "cal.bin", code=1, says=["tensorrt 11.0.0 takes int8 from an explicit model alone", "etalon quantize"],
                     env=self.stand_in("11.0.0"))
        self.refuses(*words, "--cal_cache_file", "qdq.onnx", code=1, says=["qdq.onnx"], env=self.stand_in("10.3.0"))
        self.write_cache(tensors=("other", "tensors"))
        self.refuses(*words, "--cal_cache_file", "cal.bin", code=1, says=["cal.bin", "not of this model", "0 of its 2 layers"], env=self.stand_in("10.3.0"))

    def test_what_goes_wrong_in_the_builder_is_its_own_reason(self):
        self.write_cache()
        (self.folder / "t.cache").write_text("old")
        cached = ("--data_type", "int8", "--cal_cache_file", "cal.bin")
        for does, says, words in (("not parse", ["No importer registered for op: Strange", "Strange 'the_node'"], ()),
                                  ("fail", ["tensorrt 10.3.0: Could not find any implementation; for node conv1, in"], ()),
                                  ("have no GPU", ["CUDA initialization failure with error: 35"], ()),
                                  ("crash", ["tensorrt 10.3.0 crashed (Segmentation fault)"], ()),
                                  ("end", ["ended with status 3"], ()),
                                  ("sleep", ["did not end within 2 seconds", "--time_limit"], ("--time_limit", 2)),
                                  ("not take cache", ["does not take the calibration cache", "does not match calibrator algorithm type"], cached),
                                  ("not take timings", ["timing cache"], ("--timing_cache", "t.cache"))):
            with self.subTest(does):
                self.refuses("build", "plain.onnx", "-o", "e", *words, code=1, says=["plain.onnx", *says], env=self.stand_in("10.3.0", does))
        self.refuses("build", "plain.onnx", "-o", "e", code=1, says=["at node 7"], env=self.stand_in("8.6.1", "not parse"))
        self.refuses("build", "plain.onnx", "-o", "e", code=1, says=["too old"], env=self.stand_in("7.2.3"))
        (self.folder / "folder").mkdir()
        self.refuses("build", "plain.onnx", "-o", "e", "--timing_cache", "folder", code=2, says=["folder"], env=self.stand_in("10.3.0"))

    def test_its_words_keep_their_weight(self):
        done = self.passes("build", "plain.onnx", "-o", "e", "--json", env=self.stand_in("10.3.0"))
        self.assertIn("warning: tensorrt: a word of warning", done.err)
        self.assertNotIn("informal", done.err)
        document = json.loads(done.out)
        trtexec = document.pop("trtexec")
        self.assertEqual(document, {"version": 1, "backend": "tensorrt", "builder": "10.3.0", "messages": ["a word of warning"],
                                    "written": [{"path": "e", "size_bytes": 13}]})
        self.assertTrue(trtexec.startswith("trtexec --onnx=plain.onnx --saveEngine=e "))
        done = self.passes("build", "plain.onnx", "-o", "e", "-v", "--force", env=self.stand_in("10.3.0"))
        self.assertIn("debug: tensorrt: an informal word", done.err)
        self.assertNotIn("verbose word", done.err)
        failed = self.run_program("build", "plain.onnx", "-o", "f", "--json", env=self.stand_in("10.3.0", "not parse"))
        self.assertEqual((failed.code, json.loads(failed.out)["error"]["kind"]), (1, "unsupported"))

    def test_what_it_says_and_does_after_the_engine_spoils_nothing(self):
        self.passes("build", "plain.onnx", "-o", "e", env=self.stand_in("10.3.0", "end badly"))
        self.assertEqual((self.folder / "e").read_bytes(), b"ftrt stand-in")

    def test_an_engine_that_exists_is_kept(self):
        (self.folder / "e").write_text("old")
        self.refuses("build", "plain.onnx", "-o", "e", code=1, says=["exists", "--force"], env=self.stand_in("10.3.0"))

    def test_no_room_leaves_nothing(self):
        import resource
        (self.folder / "t.cache").write_text("old")
        self.refuses("build", "plain.onnx", "-o", "e", "--timing_cache", "t.cache", code=1, says=["cannot write 'e'"],
                     env=self.stand_in("10.3.0", STAND_IN_MORE_BYTES="2000000"),
                     preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000000, 1000000)))

    def start_a_long_build(self):
        child = subprocess.Popen([PROGRAM, "build", "plain.onnx", "-o", "e"], cwd=self.folder, env={**os.environ, **self.stand_in("10.3.0", "sleep")},
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while not ((self.scratch / "calls").exists() and "parse" in (self.scratch / "calls").read_text()):
            time.sleep(0.05)
        time.sleep(0.5)
        return child

    def test_a_kill_ends_the_builder_too(self):
        child = self.start_a_long_build()
        words = pathlib.Path("/proc", (self.scratch / "calls.pid").read_text(), "cmdline")
        self.assertIn(b"-c", words.read_bytes())
        child.kill()
        child.communicate(timeout=20)
        for _ in range(100):
            if not words.exists() or not words.read_bytes():
                return  # gone, or waiting for whoever is its parent now
            time.sleep(0.1)
        self.fail("the builder goes on")

    def test_control_c_ends_the_builder(self):
        child = self.start_a_long_build()
        begin = time.monotonic()
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=20)
        self.assertEqual(child.returncode, 130, said)
        self.assertLess(time.monotonic() - begin, 5)
        self.assertFalse((self.folder / "e").exists())


@needs_rtx
class Rtx(EngineTest):
    WORDS = ("--engine_backend", "tensorrt_rtx")
    ENV = {"ETALON_TENSORRT_RTX_PYTHON": RTX}

    def build(self, model, *words):
        done = self.passes("build", model, "-o", "e", "--force", *self.WORDS, "--json", *words, env=self.ENV)
        self.assertEqual((self.folder / "e").read_bytes()[:4], b"vtrt")
        return done, json.loads(done.out)

    def test_explicit_and_plain_models_are_built_without_a_gpu(self):
        for model in ("qdq.onnx", "half.onnx", "plain.onnx"):
            with self.subTest(model):
                done, document = self.build(model)
                self.assertEqual((document["backend"], document["compute_capabilities"]), ("tensorrt_rtx", USUAL))
                self.assertIn("building for compute capability 8.0, 8.6, 8.9, 12.0", done.err)
                self.assertIn("neither DeepStream nor Triton", done.err)
        self.assertEqual(json.loads(self.passes("inspect", "e", "--json").out)["engine"], "TensorRT for RTX")

    def test_capabilities_are_those_named(self):
        _, two = self.build("qdq.onnx", "--compute_capability", "8.6,12.0")
        self.assertEqual(two["compute_capabilities"], ["8.6", "12.0"])
        sizes = {self.build("qdq.onnx", "--compute_capability", target)[1]["written"][0]["size_bytes"] for target in ("7.5", "8.6", "12.0")}
        self.assertEqual(len(sizes), 3, "the targets make no difference")
        self.refuses("build", "qdq.onnx", "-o", "f", *self.WORDS, "--compute_capability", "8.7", code=2, says=["8.7", "knows", "8.6, 8.9, 12.0"], env=self.ENV)

    def test_a_fixed_batch_needs_no_profile(self):
        onnx.save(network("qdq", batch=2), self.folder / "fixed.onnx")
        _, document = self.build("fixed.onnx", "--timing_cache", "t.cache")
        self.assertNotIn("Shapes", document["trtexec"])
        self.assertFalse((self.folder / "t.cache").exists())

    def test_a_cache_cannot_be_given_to_it(self):
        self.write_cache()
        self.refuses("build", "plain.onnx", "-o", "f", *self.WORDS, "--data_type", "int8", "--cal_cache_file", "cal.bin", code=1,
                     says=["tensorrt_rtx", "explicit model alone", "etalon quantize"], env=self.ENV)

    def test_what_its_parser_refuses_is_told(self):
        def saved(name, change):
            model = network("qdq")
            change(model.graph)
            onnx.save(model, self.folder / name)

        def set_constant(graph, name, value):
            constant = next(i for i in graph.initializer if i.name == name)
            constant.CopyFrom(numpy_helper.from_array(np.asarray(value), name))

        saved("zero_point.onnx", lambda graph: set_constant(graph, "x_z", np.int8(3)))
        saved("scale.onnx", lambda graph: set_constant(graph, "x_s", np.float32(0)))
        saved("strange.onnx", lambda graph: setattr(next(n for n in graph.node if n.op_type == "Relu"), "op_type", "Strange"))
        boxes = [helper.make_tensor_value_info("b", TensorProto.FLOAT, [1, 9, 4]), helper.make_tensor_value_info("s", TensorProto.FLOAT, [1, 1, 9])]
        limits = [numpy_helper.from_array(np.array([5], np.int64), "m"), numpy_helper.from_array(np.array([0.5], np.float32), "i")]
        graph = helper.make_graph([helper.make_node("NonMaxSuppression", ["b", "s", "m", "i"], ["y"])], "nms", boxes,
                                  [helper.make_tensor_value_info("y", TensorProto.INT64, ["k", 3])], limits)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7), self.folder / "suppression.onnx")
        for name, says in (("suppression", "no runners that implement it"), ("zero_point", "zero point"), ("scale", "must all be positive"), ("strange", "Plugin not found")):
            with self.subTest(name):
                self.refuses("build", f"{name}.onnx", "-o", "f", *self.WORDS, code=1, says=[f"{name}.onnx", "tensorrt_rtx 1.", says], env=self.ENV)

    def test_an_export_is_built_for_each_target(self):
        self.export("-o", "m.onnx")
        for target in USUAL:
            self.build("m.onnx", "--compute_capability", target)

    def test_doctor_tells_of_it(self):
        rows = {row["what"]: row for row in json.loads(self.passes("doctor", "--json", env=self.ENV).out)["checks"]}
        self.assertEqual(rows["tensorrt_rtx engines"]["result"], "ok")
        self.assertIn("1.7.1.116", rows["tensorrt_rtx engines"]["detail"])


@needs_real_numbers
class Openvino(EngineTest):
    WORDS = ("--engine_backend", "openvino")

    def test_it_compiles_for_this_machine(self):
        for model in ("plain.onnx", "qdq.onnx", "half.onnx"):
            done = self.passes("build", model, "-o", "e", "--force", *self.WORDS)
            self.assertIn("INFERENCE_PRECISION_HINT", done.err)
            seen = json.loads(self.passes("inspect", "e", "--json").out)
            self.assertEqual((seen["kind"], seen["engine"]), ("engine", "OpenVINO compiled model"))
            self.assertIn("ov=2026", seen["made_for"])

    def test_openvino_imports_it_and_computes_the_same(self):
        sys.path += [str(folder) for folder in ROOT.glob(".deps/openvino/lib/python3*/site-packages")]  # the set-up's, whose libraries etalon uses
        try:
            import openvino
        except ImportError:
            self.skipTest("this Python has no openvino: nothing imports the compiled model")
        import onnxruntime
        self.passes("build", "plain.onnx", "-o", "e", *self.WORDS, "--min_batch_size", 2, "--opt_batch_size", 2, "--max_batch_size", 4)
        compiled = openvino.Core().import_model((self.folder / "e").read_bytes(), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        self.assertEqual(str(compiled.inputs[0].partial_shape), "[2..4,3,8,8]")
        batch = np.random.default_rng(1).normal(size=(3, 3, 8, 8)).astype(np.float32)
        exact = onnxruntime.InferenceSession(str(self.folder / "plain.onnx"), providers=["CPUExecutionProvider"]).run(None, {"x": batch})[0]
        np.testing.assert_allclose(compiled(batch)[0], exact, atol=1e-4)

    def test_what_it_cannot_do_is_told(self):
        model = network()
        model.graph.node[1].op_type = "Strange"
        onnx.save(model, self.folder / "strange.onnx")
        self.refuses("build", "strange.onnx", "-o", "e", *self.WORDS, code=1, says=["strange.onnx", "OpenVINO cannot read the model"])
        self.refuses("build", "plain.onnx", "-o", "e", *self.WORDS, "--data_type", "int8", code=1, says=["explicit model alone"])
        self.refuses("build", "plain.onnx", "-o", "e", *self.WORDS, "--compute_capability", "8.6", code=2, says=["tensorrt_rtx"])


if __name__ == "__main__":
    main()
