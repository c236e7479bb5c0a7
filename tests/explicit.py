"""Explicit precision through the program: what is written beside the model, old caches carried over, exported models as a start."""
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import unittest

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, numpy_helper
from PIL import Image

from program import IMAGES, MODEL, ROOT, SPEC, ProgramTest, data, main, needs_real_numbers

INT8 = ["--data_type", "int8", "--cal_image_dir", IMAGES, "--batches", 1, "--batch_size", 4]
RTX_PYTHON = pathlib.Path(os.environ.get("ETALON_TENSORRT_RTX_PYTHON", ROOT / ".deps/rtx/bin/python"))
CODEC_PYTHON = pathlib.Path(os.environ.get("ETALON_CODEC_PYTHON", ROOT / ".deps/codec/bin/python"))


def load(path):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    return model


def outputs(path, batch):
    """Node by node: ONNX Runtime's integer kernels and fusions stay out."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, {session.get_inputs()[0].name: batch})))


def snr_db(exact, rough):
    return 10 * np.log10((exact.astype(np.float64) ** 2).sum() / ((exact.astype(np.float64) - rough) ** 2).sum())


def photos(count):
    files = sorted((ROOT / "examples/bccd/validation").glob("**/*.jpg"))[:count]
    return np.stack([np.asarray(Image.open(f).resize((320, 240), Image.LANCZOS).convert("RGB"), np.float32).transpose(2, 0, 1)
                     * np.float32(1 / 255) for f in files])


def integers_of(model):
    return {i.name: numpy_helper.to_array(i) for i in model.graph.initializer if i.data_type == TensorProto.INT8 and len(i.dims) > 1}


def lines_of(path):
    return dict(line.rsplit(": ", 1) for line in path.read_text().splitlines()[1:])


def write_trained(recipe, path):
    """A quantisation-aware model of the supplied data."""
    words = [sys.executable, data("models/detectnet_v2/backbones/make_weights.py"), data(f"models/detectnet_v2/qat/{recipe}.json"), path]
    if recipe.startswith("bccd"):
        words.append(data(f"models/detectnet_v2/{recipe.removesuffix('_qat')}.hdf5"))
    subprocess.run(list(map(str, words)), check=True, capture_output=True)


class Explicit(ProgramTest):
    @needs_real_numbers
    def test_all_precisions_stand_beside_the_model_and_load(self):
        self.export("-o", "m.onnx", *INT8, "--explicit", "int8", "--explicit", "fp16,int8_fp16", "--explicit", "int8")
        for name, opset, kind in (("int8", 13, TensorProto.INT8), ("fp16", 13, TensorProto.FLOAT16), ("int8_fp16", 19, TensorProto.INT8)):
            model = load(self.folder / f"m.{name}.onnx")
            self.assertEqual(model.opset_import[0].version, opset, name)
            self.assertIn(kind, {i.data_type for i in model.graph.initializer}, name)
            for value in [*model.graph.input, *model.graph.output]:
                self.assertEqual(value.type.tensor_type.elem_type, TensorProto.FLOAT, name)
            self.assertEqual([o.name for o in model.graph.output], [o.name for o in load(self.folder / "m.onnx").graph.output])

    @needs_real_numbers
    def test_every_convolution_reads_int8_weights_and_a_rounded_tensor(self):
        self.export("-o", "m.onnx", *INT8, "--explicit", "int8")
        model = load(self.folder / "m.int8.onnx")
        made = {o: n for n in model.graph.node for o in n.output}
        initial = {i.name: i for i in model.graph.initializer}
        convolutions = [n for n in model.graph.node if n.op_type == "Conv"]
        self.assertGreater(len(convolutions), 5)
        for node in convolutions:
            for name in node.input[:2]:
                self.assertEqual(made[name].op_type, "DequantizeLinear", node.name)
            weights = numpy_helper.to_array(initial[made[node.input[1]].input[0]])
            self.assertEqual(weights.dtype, np.int8)
            self.assertGreaterEqual(weights.min(), -127)
            self.assertEqual(initial[node.input[2]].data_type, TensorProto.FLOAT)
        readers = {i: n for n in model.graph.node for i in n.input}
        for output in model.graph.output:
            self.assertNotIn(output.name, readers, "nothing stands behind the heads")

    @needs_real_numbers
    def test_same_bytes_for_any_number_of_threads(self):
        for threads in (1, 2):
            self.export("-o", f"{threads}/m.onnx", *INT8, "--cal_cache_file", f"{threads}/c.bin", "--threads", threads, "--explicit", "int8")
        for name in ("m.onnx", "m.int8.onnx", "c.bin"):
            self.assertEqual((self.folder / "1" / name).read_bytes(), (self.folder / "2" / name).read_bytes(), name)

    @needs_real_numbers
    def test_without_balance_the_scales_are_the_caches(self):
        self.export("-o", "m.onnx", *INT8, "--explicit", "int8", "--balance_channels", "off")
        self.passes("calibrate", "extract", "m.int8.onnx", "-o", "back.bin", "--trt_version", "10.3.0")
        self.assertTrue((self.folder / "back.bin").read_text().startswith("TRT-100300-EntropyCalibration2\n"))
        cache, back = lines_of(self.folder / "cal.bin"), lines_of(self.folder / "back.bin")
        self.assertGreater(len(back), 5)
        for name, scale in back.items():
            self.assertEqual(cache[name], scale, name)

    @needs_real_numbers
    def test_bias_correction_moves_biases_alone_and_helps(self):
        for how in ("on", "off"):
            self.export("-o", f"{how}.onnx", *INT8, "--cal_cache_file", f"{how}.bin", "--explicit", "int8", "--balance_channels", "off",
                        "--bias_correction", how)
        on, off = (load(self.folder / f"{how}.int8.onnx") for how in ("on", "off"))
        for name, values in integers_of(off).items():
            np.testing.assert_array_equal(values, integers_of(on)[name])
        self.assertEqual((self.folder / "on.onnx").read_bytes(), (self.folder / "off.onnx").read_bytes(), "the float model keeps its biases")
        batch = photos(2)
        exact = outputs(self.folder / "on.onnx", batch)
        gain = [snr_db(exact[n], outputs(self.folder / "on.int8.onnx", batch)[n]) - snr_db(exact[n], outputs(self.folder / "off.int8.onnx", batch)[n])
                for n in exact]
        self.assertGreater(sum(gain), 0.5, f"gained {gain} dB")

    @needs_real_numbers
    def test_for_a_cache_alone_biases_are_corrected_only_if_asked(self):
        self.export("-o", "plain.onnx", *INT8, "--cal_cache_file", "a.bin")
        result = self.export("-o", "corrected.onnx", *INT8, "--cal_cache_file", "b.bin", "--bias_correction", "on")
        self.assertIn("for INT8 alone", result.err)
        self.assertEqual((self.folder / "a.bin").read_bytes(), (self.folder / "b.bin").read_bytes())
        plain, corrected = (load(self.folder / f"{n}.onnx") for n in ("plain", "corrected"))
        changed = [a.name for a, b in zip(plain.graph.initializer, corrected.graph.initializer) if a != b]
        self.assertTrue(changed)
        self.assertTrue(all(len(i.dims) == 1 for i in plain.graph.initializer if i.name in changed), changed)

    def test_an_existing_cache_serves(self):
        self.export("-o", "m.onnx", *INT8)
        result = self.export("-o", "n.onnx", "--data_type", "int8", "--explicit", "int8")
        self.assertIn("not corrected", result.err)
        load(self.folder / "n.int8.onnx")

    def test_ranges_must_come_from_somewhere(self):
        self.refuses("detectnet_v2", "export", "-m", MODEL, "-o", "x.onnx", "--explicit", "int8", code=2, says=["ranges", "--data_type int8"])
        self.refuses("detectnet_v2", "export", "-m", MODEL, "-o", "x.onnx", "--explicit", "int4", code=2, says=["int4"])
        self.refuses("detectnet_v2", "export", "-m", MODEL, "-o", "x.onnx", *INT8, "--explicit", "int8", "--shard", "0/2", "--statistics", "s", code=2,
                     says=["--shard"])

    def test_what_exists_is_not_overwritten(self):
        (self.folder / "m.int8.onnx").write_text("mine")
        self.refuses("detectnet_v2", "export", "-m", MODEL, "-o", "m.onnx", *INT8, "--explicit", "int8", code=1, says=["m.int8.onnx", "exists"])

    def test_outputs_are_files(self):
        os.mkfifo(self.folder / "pipe.onnx")
        self.refuses("detectnet_v2", "export", "-m", MODEL, "-o", "pipe.onnx", "--force", code=2, says=["pipe.onnx", "not a regular file"])
        self.export("-o", "m.onnx")
        self.refuses("detectnet_v2", "export", "-m", "m.onnx", "-o", "nowhere/../m.onnx", "--force", code=2, says=["also an input"])

    def test_ranges_as_json(self):
        self.export("-o", "m.onnx", *INT8, "--cal_json_file", "m.json")
        scales = json.loads((self.folder / "m.json").read_text())["tensor_scales"]
        cache = lines_of(self.folder / "cal.bin")
        self.assertEqual(list(scales), list(cache))
        for name, digits in cache.items():
            self.assertAlmostEqual(scales[name] / 127 / struct.unpack(">f", bytes.fromhex(digits))[0], 1, places=6)


class Report(ProgramTest):
    @needs_real_numbers
    def test_one_page_tells_of_ranges_layers_and_pictures(self):
        self.export("-o", "m.onnx", "-e", SPEC, *INT8, "--explicit", "int8", "--report", "r.html")
        page = (self.folder / "r.html").read_text()
        self.assertNotIn("<script", page)
        self.assertNotIn("http://", page.replace("http://www.w3.org/", ""))
        for name in lines_of(self.folder / "cal.bin"):
            self.assertIn(name, page)
        self.assertEqual(page.count("data:image/png;base64,"), 6, "three photos, twice each")
        for word in ("m.int8.onnx", "Layers by INT8 error", "rbc", "entropy"):
            self.assertIn(word, page)
        self.export("-o", "m.onnx", "-e", SPEC, *INT8, "--explicit", "int8", "--report", "r.html", "--force", "--threads", 1)
        self.assertEqual((self.folder / "r.html").read_text(), page)

    def test_without_ranges_it_says_what_was_made(self):
        self.export("-o", "m.onnx", "--report", "r.html")
        self.assertIn("m.onnx", (self.folder / "r.html").read_text())
        self.refuses("detectnet_v2", "export", "-m", MODEL, "-o", "n.onnx", "--report", "r.html", code=1, says=["r.html", "exists"])


@needs_real_numbers
@unittest.skipUnless(RTX_PYTHON.exists(), "TensorRT for RTX is not installed: no explicit model is compiled")
class Engines(ProgramTest):
    """That TensorRT's own parser and builder take the explicit models."""

    def build(self, model, *words):
        self.passes("build", model, "-o", "e.engine", "--engine_backend", "tensorrt_rtx", "--compute_capability", "8.6", "--force", *words)
        self.assertEqual((self.folder / "e.engine").read_bytes()[:4], b"vtrt", model)

    def test_every_precision_compiles(self):
        self.export("-o", "m.onnx", *INT8, "--explicit", "int8,fp16,int8_fp16")
        for name in ("int8", "fp16", "int8_fp16"):
            self.build(f"m.{name}.onnx")

    def test_an_export_builds_from_the_explicit_model(self):
        done = self.export("-o", "m.onnx", *INT8, "--engine_file", "m.engine", "--engine_backend", "tensorrt_rtx", "--compute_capability", "8.6,12.0",
                           "--max_batch_size", 4)
        self.assertEqual((self.folder / "m.engine").read_bytes()[:4], b"vtrt")
        self.assertFalse((self.folder / "m.int8.onnx").exists(), "only asked for, it is written")
        self.assertIn("trtexec --onnx=m.int8.onnx", done.err)
        self.export("-o", "h.onnx", "--data_type", "fp16", "--engine_file", "h.engine", "--engine_backend", "tensorrt_rtx", "--compute_capability", "8.6")

    def test_nothing_is_written_when_the_builder_refuses(self):
        self.refuses("detectnet_v2", "export", "-m", MODEL, "-o", "m.onnx", *INT8, "--engine_file", "m.engine", "--engine_backend", "tensorrt_rtx",
                     "--compute_capability", "1.0", code=2, says=["1.0"])

    def test_trained_models_of_every_recipe_compile(self):
        for recipe in sorted(p.stem for p in data("models/detectnet_v2/qat").glob("*_qat.json")):
            with self.subTest(recipe=recipe):
                write_trained(recipe, self.folder / "q.hdf5")
                self.passes("detectnet_v2", "export", "-m", "q.hdf5", "-o", "q.onnx", "--explicit", "int8,int8_fp16", "--force")
                for name in ("int8", "int8_fp16"):
                    self.build(f"q.{name}.onnx")


class Quantize(ProgramTest):
    def setUp(self):
        super().setUp()
        self.export("-o", "m.onnx", *INT8)
        self.lines = (self.folder / "cal.bin").read_text().splitlines()

    def write_cache(self, lines):
        (self.folder / "old.bin").write_text("\n".join(lines) + "\n")

    def quantize(self, *words):
        return "quantize", "m.onnx", "--cal_cache_file", "old.bin", "-o", "q.onnx", *words

    def test_names_of_either_era_give_the_same_model(self):
        self.write_cache(self.lines)
        self.passes(*self.quantize())
        self.write_cache(["TRT-7000-EntropyCalibration2", *(line.replace(": ", ":0: ") for line in self.lines[1:]),
                          "conv1/convolution: 3c010a14", "(Unnamed Layer* 9) [Constant]_output: 3c010a14", "somebody/elses: 3c010a14"])
        said = self.passes("quantize", "m.onnx", "--cal_cache_file", "old.bin", "-o", "r.onnx", "--json")
        self.assertEqual((self.folder / "q.onnx").read_bytes(), (self.folder / "r.onnx").read_bytes())
        document = json.loads(said.out)
        self.assertEqual(document["unnamed"], ["(Unnamed Layer* 9) [Constant]_output"])
        self.assertEqual(document["absorbed"], ["conv1/convolution"])
        self.assertEqual(document["foreign"], ["somebody/elses"])
        self.assertEqual(len(document["spelt_otherwise"]), len(self.lines) - 1)

    def test_what_has_no_range_stays_in_floating_point_and_is_listed(self):
        last = next(line for line in reversed(self.lines) if "/Relu: " in line).split(": ")[0]
        self.write_cache([line for line in self.lines if not line.startswith(last + ": ")])
        document = json.loads(self.passes(*self.quantize("--json")).out)
        self.assertEqual(document["layers_in_float"], 2, "both heads read it")
        self.assertIn(last, document["in_float"][0]["reason"])
        self.assertIn(last, document["missing"])
        load(self.folder / "q.onnx")

    def test_another_models_cache_is_refused(self):
        self.write_cache([self.lines[0], self.lines[1], "resnet50/conv: 3c010a14"])
        self.refuses(*self.quantize(), code=1, says=["old.bin", "not of this model"])

    def test_useless_scales_are_refused_by_name(self):
        for digits in ("00000000", "00000001", "bc010a14", "7fc00000", "7f800000"):
            self.write_cache([self.lines[0], "input_1: " + digits, *self.lines[2:]])
            self.refuses(*self.quantize(), code=1, says=["old.bin", *(["input_1"] if digits.startswith("0000000") else [])])

    def test_weights_may_stand_in_nodes(self):
        self.write_cache(self.lines)
        model = onnx.load(self.folder / "m.onnx")
        weights = next(i for i in model.graph.initializer if len(i.dims) == 4)
        node = onnx.helper.make_node("Constant", [], [weights.name], value=weights)
        model.graph.node.insert(0, node)
        model.graph.initializer.remove(weights)
        onnx.save(model, self.folder / "m.onnx")
        self.assertEqual(json.loads(self.passes(*self.quantize("--json")).out)["layers_in_float"], 0)

    def test_a_model_that_is_quantised_already_is_refused(self):
        self.write_cache(self.lines)
        self.passes(*self.quantize())
        self.refuses("calibrate", "q.onnx", "--cal_image_dir", IMAGES, "--cal_cache_file", "x.bin", code=1, says=["q.onnx", "calibrate extract"])
        self.refuses("detectnet_v2", "compare", "-m", "q.onnx", "--cal_cache_file", "old.bin", "--image_dir", IMAGES, code=1, says=["quantised already"])
        self.refuses("quantize", "q.onnx", "--cal_cache_file", "old.bin", "-o", "r.onnx", code=1, says=["q.onnx", "quantised already"])

    def test_an_old_operator_set_is_refused(self):
        self.write_cache(self.lines)
        model = onnx.load(self.folder / "m.onnx")
        model.opset_import[0].version = 12
        onnx.save(model, self.folder / "m.onnx")
        self.refuses(*self.quantize(), code=1, says=["opset 12", "13"])

    def test_wrong_usage(self):
        self.write_cache(self.lines)
        self.refuses("quantize", "m.onnx", "--cal_cache_file", "old.bin", code=2, says=["-o"])
        self.refuses("quantize", "m.onnx", "-o", "q.onnx", code=2, says=["--cal_cache_file"])
        self.refuses(*self.quantize("--rank"), code=2, says=["--rank", "--cal_image_dir"])
        self.refuses("quantize", "m.onnx", "--cal_cache_file", "old.bin", "-o", "m.onnx", "--force", code=2, says=["m.onnx"])

    @needs_real_numbers
    def test_the_ranking_agrees_with_onnx_runtime(self):
        self.write_cache(self.lines)
        said = self.passes(*self.quantize("--rank", "--cal_image_dir", IMAGES, "--batches", 1, "--batch_size", 4, "--bias_correction", "off",
                                          "--json"))
        document = json.loads(said.out)
        rows = document["layers_by_error"]
        self.assertEqual(len(rows), document["layers_in_int8"])
        self.assertEqual([r["own_db"] for r in rows], sorted(r["own_db"] for r in rows))
        # The ranking's photos are the four that the seed draws; their names are in the log of the same draw.
        names = re.search(r"the images: (.*)", said.err).group(1).split(", ")
        batch = np.stack([np.asarray(Image.open(IMAGES / n).resize((320, 240), Image.LANCZOS).convert("RGB"), np.float32).transpose(2, 0, 1)
                          * np.float32(1 / 255) for n in names])
        exact, rough = outputs(self.folder / "m.onnx", batch), outputs(self.folder / "q.onnx", batch)
        # Values within float32's own error of half a step are rounded either way by the two runtimes.
        for name, decibel in document["outputs_db"].items():
            self.assertAlmostEqual(decibel, snr_db(exact[name], rough[name]), delta=1)


class FromWhatIsLeft(ProgramTest):
    def test_an_exported_model_exports_to_the_same_bytes(self):
        self.export("-o", "m.onnx", "-e", SPEC)
        self.passes("detectnet_v2", "export", "-m", "m.onnx", "-o", "n.onnx")
        self.assertEqual((self.folder / "m.onnx").read_bytes(), (self.folder / "n.onnx").read_bytes())
        self.refuses("mask_rcnn", "export", "-m", "m.onnx", "-e", SPEC, "-o", "x.onnx", code=1, says=[])

    @needs_real_numbers
    def test_calibrating_an_exported_model_gives_the_trained_ones_cache(self):
        self.export("-o", "m.onnx", *INT8, "--cal_cache_file", "a.bin", "--explicit", "int8")
        self.passes("detectnet_v2", "export", "-m", "m.onnx", "-o", "n.onnx", *INT8, "--cal_cache_file", "b.bin", "--explicit", "int8")
        self.assertEqual((self.folder / "a.bin").read_bytes(), (self.folder / "b.bin").read_bytes())
        self.assertEqual((self.folder / "m.int8.onnx").read_bytes(), (self.folder / "n.int8.onnx").read_bytes())

    def test_the_padding_of_nvidias_export_is_repaired_and_told(self):
        faulty = data("models/detectnet_v2/bccd_resnet18.nvidia.onnx")
        warned = self.passes("detectnet_v2", "export", "-m", faulty, "-o", "faulty.onnx")
        self.assertIn("--repair_padding", warned.err)
        mended = self.passes("detectnet_v2", "export", "-m", faulty, "-o", "mended.onnx", "--repair_padding")
        self.assertIn("'conv1' (Conv): pads [3,3,3,3] instead of pads [2,2,3,3]", mended.err)
        reference = np.load(data("models/detectnet_v2/bccd_resnet18.keras.npz"))
        batch = (reference["input_u8"].transpose(0, 3, 1, 2).astype(np.float32) * np.float32(1 / 255))[:2]
        for name, values in outputs(self.folder / "mended.onnx", batch).items():
            wanted = reference["cov" if "cov" in name else "bbox"][:2]
            self.assertLess(np.abs(values - wanted).max(), 1e-4 * (1 + np.abs(wanted).max()))
        again = self.passes("detectnet_v2", "export", "-m", "mended.onnx", "-o", "again.onnx", "--repair_padding")
        self.assertIn("nothing was changed", again.err)
        self.refuses("detectnet_v2", "export", "-m", MODEL, "-o", "x.onnx", "--repair_padding", code=2, says=["--repair_padding"])

    @needs_real_numbers
    def test_an_etlt_is_a_model_everywhere(self):
        if not CODEC_PYTHON.exists():
            self.skipTest("NVIDIA's codec is not installed")
        env = {"ETALON_CODEC_PYTHON": str(CODEC_PYTHON)}
        key = "a key with blanks"
        self.export("-o", "m.onnx", *INT8)
        self.export("-o", "m.etlt", "-k", key, env=env)
        self.passes("detectnet_v2", "export", "-m", "m.etlt", "-k", key, "-o", "n.onnx", env=env)
        self.assertEqual((self.folder / "m.onnx").read_bytes(), (self.folder / "n.onnx").read_bytes())
        self.passes("quantize", "m.etlt", "-k", key, "--cal_cache_file", "cal.bin", "-o", "q.onnx", env=env)
        self.passes("quantize", "m.onnx", "--cal_cache_file", "cal.bin", "-o", "p.onnx")
        self.assertEqual((self.folder / "p.onnx").read_bytes(), (self.folder / "q.onnx").read_bytes())
        self.passes("calibrate", "m.etlt", "-k", key, "--cal_image_dir", IMAGES, "--batches", 1, "--batch_size", 4, "--cal_cache_file", "c.bin", env=env)
        self.assertEqual((self.folder / "c.bin").read_bytes(), (self.folder / "cal.bin").read_bytes())
        self.passes("detectnet_v2", "inference", "-m", "m.etlt", "-k", key, "-i", IMAGES, "-o", "found", env=env)
        wrong = self.refuses("quantize", "m.etlt", "-k", "wrong", "--cal_cache_file", "cal.bin", "-o", "x.onnx", code=1, says=["m.etlt", "key"], env=env)
        self.assertNotIn("wrong", wrong.text.replace("wrong key", ""))
        self.refuses("quantize", "m.etlt", "--cal_cache_file", "cal.bin", "-o", "x.onnx", code=2, says=["--key"], env=env)
        (self.folder / "uff.etlt").write_bytes(struct.pack("<i", 7) + b"input_1" + bytes(64))
        self.refuses("quantize", "uff.etlt", "-k", key, "--cal_cache_file", "cal.bin", "-o", "x.onnx", code=1, says=["UFF"], env=env)

    @needs_real_numbers
    def test_inference_finds_the_same_in_explicit_models(self):
        self.export("-o", "m.onnx", "-e", SPEC, *INT8, "--explicit", "int8")
        found = {}
        for name in ("m", "m.int8"):
            self.passes("detectnet_v2", "inference", "-m", f"{name}.onnx", "-i", IMAGES, "-o", f"found_{name}", "-e", SPEC)
            document = json.loads((self.folder / f"found_{name}/detections.json").read_text())
            found[name] = sum(len(i["detections"]) for i in document["images"])
        self.assertGreater(found["m"], 10)
        self.assertLess(abs(found["m"] - found["m.int8"]), 0.2 * found["m"])


class TrainedForInt8(ProgramTest):
    """Quantisation-aware models: nothing is calibrated."""

    @needs_real_numbers
    def test_every_recipe_is_as_near_as_training_left_it(self):
        # efficientnet_b0's outputs differ by 22 dB for one step of one input value (docs/networks/detectnet_v2.md).
        least = {"efficientnet_b0_qat": 16}
        folder = data("models/detectnet_v2/qat")
        for recipe in sorted(p.stem for p in folder.glob("*_qat.json")):
            with self.subTest(recipe=recipe):
                write_trained(recipe, self.folder / "q.hdf5")
                self.passes("detectnet_v2", "export", "-m", "q.hdf5", "-o", "q.onnx", "--data_type", "int8", "--cal_cache_file", "q.bin",
                            "--cal_json_file", "q.json", "--explicit", "int8", "--force")
                theirs = (folder / f"{recipe}.tf2onnx.cal.bin").read_text().splitlines()[1:]
                self.assertEqual((self.folder / "q.bin").read_text().splitlines()[1:], [line.replace(":0: ", ": ") for line in theirs])
                theirs = json.loads((folder / f"{recipe}.tf2onnx.cal.json").read_text())["tensor_scales"]
                ours = json.loads((self.folder / "q.json").read_text())["tensor_scales"]
                self.assertEqual(list(ours), [n.removesuffix(":0") for n in theirs])
                for name, value in theirs.items():
                    self.assertAlmostEqual(ours[name.removesuffix(":0")] / value, 1, places=6)
                reference = np.load(folder / f"{recipe}.npz")
                if recipe.startswith("bccd"):
                    batch = np.load(data("models/detectnet_v2/dataset/dataloader_bccd.npz"))["images"].astype(np.float32)
                else:
                    spec = json.loads((folder / f"{recipe}.json").read_text())["input"]
                    batch = np.random.RandomState(spec["seed"]).random_sample([spec["batch"], *spec["shape"]]).astype(np.float32)
                near = {}
                for model in ("q.onnx", "q.int8.onnx"):
                    got = outputs(self.folder / model, batch)
                    near[model] = [snr_db(reference[key], next(got[n] for n in got if key in n)) for key in ("output_cov", "output_bbox")]
                self.assertGreaterEqual(min(near["q.int8.onnx"]), least.get(recipe, 29.9), near)
                self.assertGreater(min(near["q.int8.onnx"]), min(near["q.onnx"]), "nearer than the float model")

    def test_what_training_fixed_can_be_set_aside(self):
        write_trained("bccd_resnet10_qat", self.folder / "q.hdf5")
        images = data("bccd/train/images")
        self.passes("detectnet_v2", "export", "-m", "q.hdf5", "-o", "q.onnx", "--data_type", "int8", "--cal_cache_file", "q.bin", "-s")
        self.refuses("detectnet_v2", "export", "-m", "q.hdf5", "-o", "r.onnx", "--data_type", "int8", "--cal_cache_file", "q.bin", code=1,
                     says=["q.bin", "exists"])
        self.passes("detectnet_v2", "export", "-m", "q.hdf5", "-o", "p.onnx", "--data_type", "int8", "--cal_cache_file", "p.bin", "--force_ptq",
                    "--cal_image_dir", images, "--batches", 1, "--batch_size", 4)
        self.assertEqual((self.folder / "p.onnx").read_bytes(), (self.folder / "q.onnx").read_bytes(), "the float model is the same")
        self.assertGreater(len(lines_of(self.folder / "p.bin")), len(lines_of(self.folder / "q.bin")))
        self.passes("detectnet_v2", "export", "-m", "q.hdf5", "-o", "f.onnx")
        self.assertEqual((self.folder / "f.onnx").read_bytes(), (self.folder / "q.onnx").read_bytes())


@needs_real_numbers
class MaskRcnn(ProgramTest):
    def test_both_graphs_become_explicit(self):
        base = data("models/mask_rcnn")
        images = data("bccd/train/images")
        for plugins in ("none", "tensorrt"):
            self.passes("mask_rcnn", "export", "-m", base / "mini.tlt", "-e", base / "spec.txt", "-o", f"{plugins}.onnx", "--plugins", plugins,
                        "--data_type", "int8", "--cal_image_dir", images, "--batches", 1, "--batch_size", 2, "--cal_cache_file", f"{plugins}.bin",
                        "--explicit", "int8,fp16,int8_fp16", timeout=600)
        self.assertEqual((self.folder / "none.bin").read_bytes(), (self.folder / "tensorrt.bin").read_bytes())
        for name in ("int8", "fp16", "int8_fp16"):
            load(self.folder / f"none.{name}.onnx")
            with_plugins = onnx.load(self.folder / f"tensorrt.{name}.onnx")
            self.assertTrue([n for n in with_plugins.graph.node if n.op_type.endswith("_TRT")], name)
        none, plugins = (integers_of(onnx.load(self.folder / f"{n}.int8.onnx")) for n in ("none", "tensorrt"))
        self.assertEqual(set(none), set(plugins))
        for name, values in none.items():
            np.testing.assert_array_equal(values, plugins[name])


if __name__ == "__main__":
    main()
