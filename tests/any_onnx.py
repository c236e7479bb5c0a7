"""`etalon calibrate`: any ONNX, any preprocessing; relabel; two caches beside each other."""
import json
import re
import struct

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from program import IMAGES, MODEL, ProgramTest, data, main, needs_real_numbers

PICTURES = sorted(IMAGES.glob("*.jpg"))
WORDS = ("--cal_image_dir", IMAGES, "--batches", 3, "--batch_size", 2, "--calibrator", "minmax")


def read_cache(path):
    header, *lines = path.read_text().splitlines()
    return header, {line.rsplit(": ", 1)[0]: struct.unpack(">f", bytes.fromhex(line.rsplit(": ", 1)[1]))[0] for line in lines}


def small_model(layout="nchw", size=(24, 32), channels=3):
    """Convolution, Relu, a shape computation in integers, a reshape, a matrix product."""
    rng = np.random.default_rng(1)
    h, w = size
    shape = ["N", channels, h, w] if layout == "nchw" else ["N", h, w, channels]
    constants = {"w": rng.normal(size=(4, channels, 3, 3)), "b": rng.normal(size=4), "m": rng.normal(size=(4, 5))}
    nodes = [helper.make_node("Conv", ["x" if layout == "nchw" else "t", "w", "b"], ["c"], pads=[1, 1, 1, 1]), helper.make_node("Relu", ["c"], ["r"]),
             helper.make_node("GlobalAveragePool", ["r"], ["g"]), helper.make_node("Shape", ["g"], ["s"]), helper.make_node("Slice", ["s", "0", "2"], ["s2"]),
             helper.make_node("Reshape", ["g", "s2"], ["f"]), helper.make_node("MatMul", ["f", "m"], ["y"])]
    if layout == "nhwc":
        nodes.insert(0, helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]))
    weights = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in constants.items()]
    weights += [numpy_helper.from_array(np.array([int(k)], np.int64), k) for k in ("0", "2")]
    graph = helper.make_graph(nodes, "small", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 5])], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)


def around_a_tap(name):
    """x -> c1 -> r1 -> c2 and what uses c2: convolutions as wide as the runtime computes channels last, so that a tap
    has to undo it. Without a name: the names there are."""
    def conv(out, x):
        return helper.make_node("Conv", [x, "w_" + out], [out], pads=[1, 1, 1, 1])

    def node(op, out, *inputs, **attributes):
        return helper.make_node(op, list(inputs), [out], **attributes)

    def transpose(out, x, *permutation):
        return node("Transpose", out, x, perm=list(permutation or (0, 2, 3, 1)))

    relu, add = node("Relu", "r2", "c2"), node("Add", "a", "c2", "r1")
    uses = {
        "transposed": [transpose("t", "c2")],
        "transposed and convolved": [transpose("t", "c2"), conv("c3", "c2")],
        "transposed twice": [transpose("t", "c2"), transpose("t2", "c2"), conv("c3", "c2")],
        "transposed otherwise": [transpose("t", "c2", 0, 3, 1, 2), conv("c3", "c2")],
        "relu transposed": [relu, transpose("t", "r2"), conv("c3", "r2")],
        "sum transposed": [add, transpose("t", "a"), conv("c3", "a")],
        "relu of the sum transposed": [add, node("Relu", "r2", "a"), transpose("t", "r2"), conv("c3", "r2")],
        "sigmoid transposed": [node("Sigmoid", "g", "c2"), transpose("t", "g"), conv("c3", "g")],
        "pool transposed": [node("MaxPool", "m", "c2", kernel_shape=[2, 2], strides=[2, 2]), transpose("t", "m"), conv("c3", "m")],
        "relu of the transposed": [transpose("t", "c2"), node("Relu", "r2", "t"), conv("c3", "c2")],
        "there and back": [transpose("t", "c2"), transpose("u", "t", 0, 3, 1, 2), conv("c3", "u"), conv("c4", "c2")],
        "flat and transposed": [node("Reshape", "q", "c2", "0,64,-1"), transpose("t", "q", 0, 2, 1), conv("c3", "c2")],
        "shuffled": [node("Reshape", "q", "c2", "0,4,16,96,96"), transpose("t", "q", 0, 2, 1, 3, 4), node("Reshape", "u", "t", "0,64,96,96"),
                     conv("c3", "u"), conv("c4", "c2")],
        "rows of two levels": [transpose("t", "c2"), node("Reshape", "u", "t", "0,-1,64"), conv("c3", "c2"), transpose("t3", "c3"),
                               node("Reshape", "u3", "t3", "0,-1,64"), node("Concat", "all", "u", "u3", axis=1)],
        "flattened": [node("Flatten", "f", "c2"), conv("c3", "c2")],
        "concatenated": [node("Concat", "b", "c2", "r1", axis=1), conv("c3", "c2")],
        "depth to space": [node("DepthToSpace", "d", "c2", blocksize=2), conv("c3", "c2")],
    }
    if not name:
        return list(uses)
    nodes = [conv("c1", "x"), node("Relu", "r1", "c1"), conv("c2", "r1"), *uses[name]]
    read = {i for n in nodes for i in n.input}
    random = np.random.default_rng(5)
    constants = [numpy_helper.from_array((random.normal(size=(64, 3 if i == "w_c1" else 64, 3, 3)) * 0.12).astype(np.float32), i)
                 for i in sorted(read) if i.startswith("w_")]
    constants += [numpy_helper.from_array(np.array([int(n) for n in i.split(",")], np.int64), i) for i in sorted(read) if "," in i]
    ends = [o for n in nodes for o in n.output if o not in read]
    graph = helper.make_graph(nodes, "around", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 96, 96])],
                              [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in ends], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)


def pixels(size):
    h, w = size
    return np.stack([np.asarray(Image.open(p).resize((w, h), Image.LANCZOS).convert("RGB")).astype(np.float64) for p in PICTURES])


class AnyOnnx(ProgramTest):
    def calibrate(self, model, *words, name="c.bin", **more):
        onnx.save(model, self.folder / "m.onnx")
        done = self.passes("calibrate", "m.onnx", "--cal_cache_file", name, *words, **more)
        return done, read_cache(self.folder / name)[1]

    def maxima(self, model, batch):
        """|x|'s largest of every floating-point tensor, by ONNX Runtime."""
        model.graph.output.extend(helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("c", "r", "g", "f"))
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        names = [o.name for o in session.get_outputs()]
        return {"x": np.abs(batch).max(), **{n: np.abs(v).max() for n, v in zip(names, session.run(names, {"x": batch}))}}

    def test_mean_scale_order_and_layout_are_as_told(self):
        mean, scale = np.array([103.939, 116.779, 123.68]), 0.017
        bgr = ((pixels((24, 32))[..., ::-1] - mean) * scale).astype(np.float32)
        for layout, batch in (("nchw", bgr.transpose(0, 3, 1, 2)), ("nhwc", bgr)):
            model = small_model(layout)
            words = ("--cal_image_dir", IMAGES, "--batches", len(PICTURES), "--batch_size", 1, "--calibrator", "minmax")
            _, scales = self.calibrate(model, *words, "--mean", "103.939,116.779,123.68", "--scale", scale, "--channel_order", "bgr",
                                       "--layout", layout, name=f"{layout}.bin")
            for name, top in self.maxima(model, np.ascontiguousarray(batch)).items():
                self.assertAlmostEqual(scales[name] * 127 / top, 1, delta=1e-5, msg=f"{layout} {name}")

    def test_a_tensorfile_is_the_same_images_to_either_layout(self):
        onnx.save(small_model("nhwc"), self.folder / "m.onnx")
        words = ("--cal_image_dir", IMAGES, "--batches", 3, "--batch_size", 2, "--cal_data_file", "t.h5", "--layout", "nhwc")
        self.passes("calibrate", "m.onnx", *words, "--cal_cache_file", "pictures.bin")
        self.passes("calibrate", "m.onnx", *words, "--cal_cache_file", "tensorfile.bin")
        onnx.save(small_model("nchw"), self.folder / "m.onnx")
        self.passes("calibrate", "m.onnx", *words[2:-2], "--cal_cache_file", "nchw.bin")
        pictures, tensorfile, nchw = (read_cache(self.folder / f"{name}.bin")[1] for name in ("pictures", "tensorfile", "nchw"))
        self.assertEqual(pictures, tensorfile)
        self.assertEqual(nchw, {name: scale for name, scale in pictures.items() if name != "t"})

    def test_integers_have_no_line_and_are_told_of(self):
        done, scales = self.calibrate(small_model(), *WORDS)
        self.assertLessEqual({"x", "c", "r", "g", "f", "y"}, set(scales))
        self.assertFalse({"s", "s2"} & set(scales))
        self.assertEqual(scales["f"], scales["g"], "a reshape moves values only")

    def test_inputs_of_other_types_are_filled_as_well(self):
        for number, (kind, scale) in enumerate(((TensorProto.FLOAT16, 1 / 255), (TensorProto.UINT8, 1.0), (TensorProto.DOUBLE, 1 / 255))):
            model = small_model()
            model.graph.input[0].type.tensor_type.elem_type = kind
            model.graph.node.insert(0, helper.make_node("Cast", ["x"], ["t"], to=TensorProto.FLOAT))
            model.graph.node[1].input[0] = "t"
            _, scales = self.calibrate(model, "--cal_image_dir", IMAGES, "--batches", len(PICTURES), "--batch_size", 1, "--calibrator", "minmax",
                                       "--scale", scale, name=f"{number}.bin")
            top = (pixels((24, 32)) * scale).max()
            self.assertAlmostEqual(scales["t" if kind == TensorProto.UINT8 else "x"] * 127 / top, 1, delta=1e-3)

    def test_what_a_runtime_drops_keeps_its_scale(self):
        model = small_model()
        nodes = list(model.graph.node)
        nodes[2].input[0] = "i"  # Relu -> Dropout -> pooling
        nodes.insert(2, helper.make_node("Dropout", ["r"], ["i"]))
        del model.graph.node[:]
        model.graph.node.extend(nodes)
        _, scales = self.calibrate(model, *WORDS)
        self.assertEqual(scales["i"], scales["r"])

    def test_open_sizes_are_asked_for(self):
        model = small_model(size=("H", "W"))
        onnx.save(model, self.folder / "m.onnx")
        self.refuses("calibrate", "m.onnx", *WORDS, code=2, says=["--input_dims"])
        _, scales = self.calibrate(model, *WORDS, "--input_dims", "3,24,32")
        _, fixed = self.calibrate(small_model(), *WORDS, name="fixed.bin")
        self.assertEqual(scales, fixed)
        onnx.save(small_model(), self.folder / "m.onnx")
        self.refuses("calibrate", "m.onnx", *WORDS, "--input_dims", "3,24,33", code=2, says=["--input_dims"])

    def test_grey_networks_take_grey_pictures(self):
        _, scales = self.calibrate(small_model(channels=1), "--cal_image_dir", IMAGES, "--batches", len(PICTURES), "--batch_size", 1, "--calibrator", "minmax")
        top = max(np.asarray(Image.open(p).resize((32, 24), Image.LANCZOS).convert("L")).max() for p in PICTURES)
        self.assertAlmostEqual(scales["x"] * 127, top / 255, delta=1e-6)

    def test_our_own_export_tells_its_preprocessing(self):
        self.export("-o", "e.onnx")
        done = self.passes("calibrate", "e.onnx", *WORDS, "--cal_cache_file", "a.bin")
        self.assertIn("metadata", done.err)
        self.passes("detectnet_v2", "export", "-m", MODEL, "-o", "f.onnx", "--data_type", "int8", "--cal_cache_file", "b.bin", *WORDS)
        self.assertEqual((self.folder / "a.bin").read_bytes(), (self.folder / "b.bin").read_bytes())

    def test_wrong_words_are_refused(self):
        onnx.save(small_model(), self.folder / "m.onnx")
        base = ("calibrate", "m.onnx", *WORDS)
        self.refuses(*base, "--mean", "1,2", code=2, says=["--mean"])
        for scale in ("0", "inf", "nan"):
            self.refuses(*base, "--scale", scale, code=2, says=["--scale"])
        self.refuses(*base, "--mean", "nan,1,1", code=2, says=["--mean"])
        self.refuses(*base, "--channel_order", "grb", code=2, says=["--channel_order"])
        self.refuses(*base, "--layout", "nhwc", code=1, says=["channels", "nhwc"])
        self.refuses("calibrate", "m.onnx", code=2, says=["--cal_image_dir"])
        self.refuses("calibrate", MODEL, *WORDS, code=1, says=["resnet18.hdf5"])
        self.refuses("calibrate", "absent.onnx", *WORDS, code=1, says=["absent.onnx"])
        (self.folder / "there.bin").write_bytes(b"x")
        self.refuses(*base, "--cal_cache_file", "there.bin", code=1, says=["there.bin", "exists"])


@needs_real_numbers
class GraphsAroundATap(ProgramTest):
    """The largest number of a tensor does not depend on who else reads it, nor on the threads."""

    def test_each_tensor_is_counted_as_onnx_runtime_computes_it(self):
        (self.folder / "images").mkdir()
        picture = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
        Image.fromarray(picture).save(self.folder / "images/a.png")
        batch = (picture.astype(np.float32) / 255).transpose(2, 0, 1)[None]
        for name in around_a_tap(None):
            with self.subTest(use=name):
                model = around_a_tap(name)
                onnx.save(model, self.folder / "m.onnx")
                done = self.passes("calibrate", "m.onnx", "--cal_image_dir", "images", "--batches", 1, "--batch_size", 1, "--calibrator", "minmax", "-v",
                                   "--force")
                counted = dict(re.findall(r"tensor '(.+)': range (\S+) by", done.err))
                counted.pop("x")
                self.assertGreater(len(counted), 2)
                del model.graph.output[:]
                model.graph.output.extend(helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in counted)
                session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
                for tensor, values in zip(counted, session.run(list(counted), {"x": batch})):
                    largest = float(np.abs(values).max())
                    self.assertAlmostEqual(float(counted[tensor]), largest, delta=1e-4 * largest, msg=tensor)


class Caches(ProgramTest):
    def write(self, name, header, **scales):
        lines = [f"{tensor}: {struct.pack('>f', scale / 127).hex()}" for tensor, scale in scales.items()]
        (self.folder / name).write_text("\n".join([header, *lines]) + "\n")

    def test_relabel_changes_the_header_alone(self):
        self.write("a.bin", "TRT-8601-MinMaxCalibration", x=1.0, y=2.0)
        self.passes("calibrate", "relabel", "a.bin", "--trt_version", "10.3.0", "-o", "b.bin")
        (_, before), (header, after) = read_cache(self.folder / "a.bin"), read_cache(self.folder / "b.bin")
        self.assertEqual((header, after), ("TRT-100300-EntropyCalibration2", before))
        self.refuses("calibrate", "relabel", "a.bin", "--trt_version", "10.3.0", "-o", "b.bin", code=1, says=["exists"])
        self.refuses("calibrate", "relabel", "a.bin", "--trt_version", "ten", "-o", "c.bin", code=2, says=["ten"])

    def test_two_caches_are_compared_worst_first(self):
        self.write("a.bin", "TRT-8601-EntropyCalibration2", input=1.0, near=2.0, far=1.0, only_a=3.0, zero=0.0)
        self.write("b.bin", "TRT-100300-EntropyCalibration2", **{"far:0": 3.0, "input": 1.0, "near": 2.2, "only_b": 1.0, "zero": 1.0})
        seen = json.loads(self.passes("inspect", "a.bin", "b.bin", "--json").out)
        self.assertEqual([row["tensor"] for row in seen["differences"]], ["zero", "far", "near"])
        self.assertAlmostEqual(seen["differences"][1]["ratio"], 3.0, places=5)
        self.assertEqual((seen["only_in_first"], seen["only_in_second"], seen["equal"]), (["only_a"], ["only_b"], 1))
        self.assertIn("differences", self.passes("inspect", "a.bin", "b.bin").out)
        self.refuses("inspect", "a.bin", MODEL, code=1, says=["resnet18.hdf5", "no calibration cache"])

    def test_every_published_cache_is_read_and_compared(self):
        paths = sorted(data("calibration_tables").rglob("*.cal"))
        self.assertGreaterEqual(len(paths), 14)
        for path in paths:
            seen = json.loads(self.passes("inspect", path, "--json").out)
            self.assertEqual(seen["lines"], sum(": " in line for line in path.read_text().splitlines()))
            same = json.loads(self.passes("inspect", path, path, "--json").out)
            self.assertEqual(same["equal"], seen["lines"], path)


if __name__ == "__main__":
    main()
