"""`etalon inspect A B`: where two models differ, by structure and on a photo."""
import json

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from program import IMAGES, MODEL, ProgramTest, data, main, needs_real_numbers

PHOTO = sorted(IMAGES.glob("*.jpg"))[0]
SIZE = (24, 32)  # height, width


def small_model(size=SIZE, names=None):
    """conv1 -> Relu -> conv2 and a shortcut -> Add -> Sigmoid; `names` renames every tensor and node."""
    rng = np.random.default_rng(3)
    weights = {"conv1/kernel": rng.normal(size=(4, 3, 3, 3)), "conv1/bias": rng.normal(size=4), "conv2/kernel": rng.normal(size=(5, 4, 3, 3)) * 0.3,
               "shortcut/kernel": rng.normal(size=(5, 4, 1, 1))}
    nodes = [helper.make_node("Conv", ["x", "conv1/kernel", "conv1/bias"], ["conv1/BiasAdd"], name="conv1", pads=[1, 1, 1, 1], strides=[2, 2]),
             helper.make_node("Relu", ["conv1/BiasAdd"], ["relu1/Relu"], name="relu1"),
             helper.make_node("Conv", ["relu1/Relu", "conv2/kernel"], ["conv2/convolution"], name="conv2", pads=[1, 1, 1, 1]),
             helper.make_node("Conv", ["relu1/Relu", "shortcut/kernel"], ["shortcut/convolution"], name="shortcut"),
             helper.make_node("Add", ["conv2/convolution", "shortcut/convolution"], ["add/add"], name="add"),
             helper.make_node("Sigmoid", ["add/add"], ["y"], name="y")]
    initializers = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in weights.items()]
    graph = helper.make_graph(nodes, "small", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, *size])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], initializers)
    if names:
        rename(graph, names)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)


def rename(graph, new_name):
    for node in graph.node:
        node.name = ""
        node.input[:] = [new_name(i) if i else i for i in node.input]
        node.output[:] = [new_name(o) for o in node.output]
    for value in (*graph.input, *graph.output, *graph.initializer):
        value.name = new_name(value.name)


def node(model, name):
    return next(n for n in model.graph.node if n.name == name)


def attribute(model, name, which):
    return next(a for a in node(model, name).attribute if a.name == which)


def change_weight(model, name, change):
    tensor = next(i for i in model.graph.initializer if i.name == name)
    tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor).copy()), name))


def tensors(model, batch):
    """{tensor: value}, by ONNX Runtime."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    made = [o for n in model.graph.node for o in n.output]
    del model.graph.output[:]
    model.graph.output.extend(helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in made)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return dict(zip(made, session.run(made, {session.get_inputs()[0].name: batch})))


def batch_of(photo, size=SIZE):
    picture = Image.open(photo).resize(size[::-1], Image.LANCZOS).convert("RGB")
    return np.ascontiguousarray((np.asarray(picture, np.float32) / 255).transpose(2, 0, 1)[None])


class ModelsTest(ProgramTest):
    def compare(self, first, second, *words):
        names = []
        for number, model in enumerate((first, second)):
            if isinstance(model, onnx.ModelProto):
                onnx.save(model, self.folder / f"{number}.onnx")
                model = f"{number}.onnx"
            names.append(model)
        return json.loads(self.passes("inspect", *names, *words, "--json").out)


class Structure(ModelsTest):
    def test_a_model_is_equal_to_itself(self):
        document = self.compare(small_model(), small_model())
        self.assertEqual(document["result"], "equal")
        self.assertEqual(document["weights"], {"equal": 4, "equal but for rounding": 0, "different": 0})
        self.assertFalse({"different_weights", "different_attributes", "only_in_first", "only_in_second"} & document.keys())

    def test_names_what_changed(self):
        other = small_model()
        attribute(other, "conv1", "pads").ints[:] = [0, 0, 1, 1]
        node(other, "relu1").op_type = "Elu"
        change_weight(other, "conv2/kernel", lambda w: w * 1.25)
        document = self.compare(small_model(), other)
        self.assertEqual(document["result"], "3 of 6 layers differ")
        self.assertEqual(document["different_attributes"],
                         [{"layer": "conv1", "operator": "Conv", "what": "pads", "first": "[1,1,1,1]", "second": "[0,0,1,1]"},
                          {"layer": "relu1", "operator": "Relu", "what": "operator", "first": "Relu", "second": "Elu"}])
        (weight,) = document["different_weights"]
        self.assertEqual(weight["layer"], "conv2")
        self.assertAlmostEqual(weight["relative"], 0.2, places=6)

    def test_weights_are_worst_first(self):
        other = small_model()
        change_weight(other, "conv1/kernel", lambda w: w * 1.01)
        change_weight(other, "shortcut/kernel", lambda w: w * 1.5)
        self.assertEqual([row["layer"] for row in self.compare(small_model(), other)["different_weights"]], ["shortcut", "conv1"])

    def test_rounding_is_no_difference(self):
        other = small_model()
        change_weight(other, "conv1/kernel", lambda w: w * np.float32(1 + 2e-7))
        self.assertEqual(self.compare(small_model(), other)["result"], "equal but for the rounding of weights")

    def test_layers_are_matched_whatever_their_names(self):
        document = self.compare(small_model(), small_model(names=lambda name: f"t{len(name)}{sum(map(ord, name))}"))
        self.assertEqual((document["result"], document["layers_in_both"]), ("equal", 6))

    def test_a_layer_that_only_one_has_is_named(self):
        other = small_model()
        other.graph.node.insert(2, helper.make_node("Exp", ["relu1/Relu"], ["exp"], name="exp"))
        node(other, "conv2").input[0] = "exp"
        document = self.compare(small_model(), other)
        self.assertEqual(document["only_in_second"], [{"layer": "exp", "operator": "Exp", "tensor": "exp"}])
        self.assertEqual([(row["layer"], row["what"], row["second"]) for row in document["different_attributes"]], [("conv2", "input 0", "exp")])

    def test_models_of_other_sizes_and_with_two_inputs_are_compared_without_an_image(self):
        other = small_model(size=(32, 32))
        other.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, [1]))
        self.assertEqual(self.compare(small_model(), other)["result"], "equal")


@needs_real_numbers
class OnAPhoto(ModelsTest):
    def test_numbers_are_those_of_onnx_runtime(self):
        first, second = small_model(), small_model()
        change_weight(second, "conv2/kernel", lambda w: w + np.float32(0.01))
        document = self.compare(first, second, "--image", PHOTO)
        batch = batch_of(PHOTO)
        exact, other = tensors(first, batch), tensors(second, batch)
        self.assertEqual([row["first"] for row in document["layers"]], list(exact))
        for row in document["layers"]:
            a, b = (values[row["first"]].astype(np.float64) for values in (exact, other))
            off = np.abs(a - b).max()
            if off == 0:
                self.assertEqual((row["snr_db"], row["max_abs"]), ("equal", 0), row)
                continue
            self.assertAlmostEqual(row["max_abs"] / off, 1, delta=1e-3)
            self.assertAlmostEqual(row["relative"] / (off / np.abs(a).max()), 1, delta=1e-3)
            self.assertAlmostEqual(row["snr_db"], 10 * np.log10((a * a).sum() / ((a - b) ** 2).sum()), delta=0.02)
        part = document["first_difference"]
        self.assertEqual((part["layer"], part["first"]), ("conv2", "conv2/convolution"))
        self.assertIn("'conv2/kernel'", part["because"][0])
        self.assertEqual(document["result"], "the models part at layer 'conv2' (Conv), tensor 'conv2/convolution'")

    def test_a_model_is_equal_to_itself(self):
        document = self.compare(small_model(), small_model(), "--image", PHOTO)
        self.assertEqual(document["result"], "equal: all 6 tensors are the same")
        self.assertNotIn("first_difference", document)
        self.assertNotIn("worst", document)

    def test_where_they_part_what_is_different_is_said(self):
        def pads(model):
            attribute(model, "conv1", "pads").ints[:] = [0, 0, 2, 2]

        def operator(model):
            node(model, "relu1").op_type = "Elu"

        def wiring(model):
            node(model, "add").input[1] = "conv2/convolution"
        for change, layer, because in ((pads, "conv1", "pads: [1,1,1,1] in the first, [0,0,2,2] in the second"),
                                       (operator, "relu1", "operator: Relu in the first, Elu in the second"),
                                       (wiring, "add", "input 1: shortcut/convolution in the first, conv2/convolution in the second")):
            other = small_model()
            change(other)
            part = self.compare(small_model(), other, "--image", PHOTO)["first_difference"]
            self.assertEqual((part["layer"], part["because"]), (layer, [because]))

    def test_worst_is_first_and_layers_are_in_network_order(self):
        other = small_model()
        change_weight(other, "conv1/bias", lambda w: w + np.float32(0.3))
        document = self.compare(small_model(), other, "--image", PHOTO)
        worst = [row["snr_db"] for row in document["worst"]]
        self.assertEqual(worst, sorted(worst))
        self.assertEqual(min(row["snr_db"] for row in document["layers"]), worst[0])
        self.assertEqual([row["layer"] for row in document["layers"]], ["conv1", "relu1", "conv2", "shortcut", "add", "y"])

    def test_other_shapes_are_a_difference_and_no_error(self):
        other = small_model()
        attribute(other, "conv1", "strides").ints[:] = [1, 1]
        document = self.compare(small_model(), other, "--image", PHOTO)
        self.assertEqual(document["first_difference"]["max_abs"], "1x4x12x16 and 1x4x24x32")
        self.assertEqual(document["first_difference"]["snr_db"], "none")

    def test_numbers_of_threads_change_nothing(self):
        other = small_model()
        change_weight(other, "conv1/kernel", lambda w: w * np.float32(1.1))
        documents = [self.compare(small_model(), other, "--image", PHOTO, "--threads", n) for n in (1, 2)]
        self.assertEqual(*documents)

    def test_pictures_of_any_mode_are_read_as_inference_reads_them(self):
        for mode in ("L", "LA", "P", "RGBA", "1"):
            Image.open(PHOTO).convert(mode).save(self.folder / "photo.png")
            self.assertIn("equal", self.compare(small_model(), small_model(), "--image", "photo.png")["result"])

    def test_the_sample_is_what_its_export_is(self):
        self.export("-o", "m.onnx")
        document = self.compare("m.onnx", MODEL, "--image", PHOTO)
        self.assertTrue(document["result"].startswith("equal: all"), document["result"])

    def test_nvidias_own_export_parts_at_its_first_convolution_by_its_pads(self):
        models = data("models/detectnet_v2")
        photo = sorted(data("bccd/validation/images").glob("*.jpg"))[0]
        document = self.compare(models / "bccd_resnet18.nvidia.onnx", models / "bccd_resnet18.hdf5", "--image", photo)
        part = document["first_difference"]
        self.assertEqual((part["layer"], part["first"], part["second"]), ("conv1", "convolution_output26", "bn_conv1/batchnorm/add_1"))
        self.assertEqual(part["because"], ["pads: [2,2,3,3] in the first, [3,3,3,3] in the second"])
        self.assertEqual(len(document["layers"]), 53)
        self.assertEqual([row["layer"] for row in document["different_attributes"]], ["conv1", "block_1a_conv_1", "block_2a_conv_1", "block_3a_conv_1"])
        self.assertIn("padding fault", document["notes"][0])
        nvidia = onnx.load(models / "bccd_resnet18.nvidia.onnx")
        self.export("-m", models / "bccd_resnet18.hdf5", "-o", "ours.onnx")
        batch = batch_of(photo, (240, 320))
        theirs, ours = tensors(nvidia, batch), tensors(onnx.load(self.folder / "ours.onnx"), batch)
        for row in document["layers"]:
            a, b = theirs[row["first"]].astype(np.float64), ours[row["second"]].astype(np.float64)
            self.assertAlmostEqual(row["snr_db"], 10 * np.log10((a * a).sum() / ((a - b) ** 2).sum()), delta=0.05, msg=row)

        # With the pads of training it is the trained model, but for the rounding of what was folded.
        for name, pads in (("conv1", 3), *((f"block_{n}a_conv_1", 1) for n in (1, 2, 3))):
            attribute(nvidia, name, "pads").ints[:] = [pads] * 4
        document = self.compare(nvidia, models / "bccd_resnet18.hdf5", "--image", photo)
        self.assertTrue(document["result"].startswith("equal but for rounding"), document["result"])

    def test_a_mask_rcnn_checkpoint_is_compared_in_standard_operators(self):
        models = data("models/mask_rcnn")
        words = ("mask_rcnn", "export", "-m", models / "mini.tlt", "-e", models / "spec.txt")
        self.passes(*words, "-o", "none.onnx", "--plugins", "none")
        document = self.compare("none.onnx", models / "mini.tlt", "-e", models / "spec.txt", "--image", PHOTO)
        self.assertTrue(document["result"].startswith("equal: all"), document["result"])
        self.passes(*words, "-o", "plugins.onnx")
        self.refuses("inspect", "plugins.onnx", "none.onnx", "--image", PHOTO, code=1, says=["plugin", "--plugins none"])
        self.refuses("inspect", "none.onnx", models / "mini.tlt", code=2, says=["-e SPEC"])


class Refusals(ModelsTest):
    def setUp(self):
        super().setUp()
        onnx.save(small_model(), self.folder / "a.onnx")

    def test_what_no_image_fits(self):
        onnx.save(small_model(size=(32, 32)), self.folder / "b.onnx")
        self.refuses("inspect", "a.onnx", "b.onnx", "--image", PHOTO, code=1, says=["3x24x32", "3x32x32"])
        two = small_model()
        two.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, [1]))
        onnx.save(two, self.folder / "two.onnx")
        self.refuses("inspect", "a.onnx", "two.onnx", "--image", PHOTO, code=1, says=["two.onnx", "one image input"])

    def test_what_is_no_pair(self):
        (self.folder / "c.bin").write_text("TRT-8601-EntropyCalibration2\nx: 3c010a14\n")
        for pair in (("a.onnx", "c.bin"), ("c.bin", "a.onnx")):
            self.refuses("inspect", *pair, code=1, says=["'a.onnx' is no calibration cache"])
        (self.folder / "spec.txt").write_text("random_seed: 42\n")
        for pair in (("a.onnx", "spec.txt"), ("spec.txt", "a.onnx"), ("c.bin", "spec.txt"), ("spec.txt", "spec.txt")):
            self.refuses("inspect", *pair, code=1, says=["'spec.txt' is no calibration cache and no model"])
        self.refuses("inspect", "c.bin", "c.bin", "--image", PHOTO, code=2, says=["--image"])
        self.refuses("inspect", "a.onnx", "--image", PHOTO, code=2, says=["--image", "one file"])
        self.refuses("inspect", "a.onnx", "nothing.onnx", code=1, says=["nothing.onnx"])
        self.refuses("inspect", "a.onnx", "a.onnx", "--image", "none.jpg", code=1, says=["none.jpg"])

    def test_damaged_models(self):
        def short(model):
            model.graph.initializer[0].raw_data = model.graph.initializer[0].raw_data[:-4]

        def huge(model):
            model.graph.initializer[0].dims[:] = [2**31, 2**30, 3, 3]

        def negative(model):
            model.graph.initializer[0].dims[0] = -4
        for damage in (short, huge, negative):
            model = small_model()
            damage(model)
            onnx.save(model, self.folder / "broken.onnx")
            self.refuses("inspect", "broken.onnx", "broken.onnx", code=1, says=["conv1/kernel", "broken.onnx"])
            if damage is short:
                self.refuses("inspect", "a.onnx", "broken.onnx", code=1, says=["conv1/kernel", "broken.onnx"])
                self.refuses("inspect", "broken.onnx", "a.onnx", code=1, says=["conv1/kernel", "broken.onnx"])
            else:  # another shape is a difference, whatever lies behind it
                self.assertEqual(self.compare("a.onnx", "broken.onnx")["different_weights"][0]["layer"], "conv1")
        (self.folder / "broken.onnx").write_bytes((self.folder / "a.onnx").read_bytes()[:500])
        self.refuses("inspect", "a.onnx", "broken.onnx", code=1, says=["broken.onnx"])

    def test_graphs_that_no_runtime_takes_are_compared_all_the_same(self):
        model = small_model()
        model.graph.node[1].input[0] = "add/add"  # a ring
        model.graph.node[4].output[0] = ""
        model.graph.node.add(op_type="Conv")
        model.graph.node.add(op_type="Relu", output=["y", "y"])
        for word in ("broken.onnx", "a.onnx"):
            onnx.save(model, self.folder / "broken.onnx")
            self.passes("inspect", "broken.onnx", word)
            self.passes("inspect", word, "broken.onnx")

    @needs_real_numbers
    def test_two_networks_that_have_nothing_in_common(self):
        graph = helper.make_graph([helper.make_node("Tanh", ["i"], ["o"])], "g", [helper.make_tensor_value_info("i", TensorProto.FLOAT, ["N", 3, *SIZE])],
                                  [helper.make_tensor_value_info("o", TensorProto.FLOAT, None)])
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7), self.folder / "b.onnx")
        self.assertEqual(self.compare("a.onnx", "b.onnx")["result"], "7 of 7 layers differ")
        self.refuses("inspect", "a.onnx", "b.onnx", "--image", PHOTO, code=1, says=["no tensor in common"])


if __name__ == "__main__":
    main()
