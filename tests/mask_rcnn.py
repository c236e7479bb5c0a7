#!/usr/bin/env python3
"""Mask R-CNN, exported and run: the numbers must be TensorFlow's.

    python tests/mask_rcnn.py build/etalon [TEST ...]

TensorFlow's are those of models/mask_rcnn/tensorflow.npz in the folder ETALON_DATA: what NVIDIA's inference graph gave for
two pictures on TensorFlow 1.15.5. The graph with plugins is cut at named tensors, so that every part of it is run but the
plugins themselves; the graph without them is run whole. The deeper ResNets are narrow ones, made here, and compared with a
few lines of NumPy. Needs numpy, onnx, onnxruntime.
"""
import unittest

import numpy as np
import onnx
import onnxruntime

import program
import tf_checkpoint
from program import ProgramTest, data

FOLDER = "models/mask_rcnn"
ALLOWED = 1e-5  # of 1 + max|TensorFlow's|: float32 sums in another order
LEVELS = (2, 3, 4, 5, 6)
RPN = {2: "", 3: "_1", 4: "_2", 5: "_3", 6: "_4"}  # how Keras counts the uses of a shared layer
PLUGINS = ("multilevel_propose_rois", "pyramid_crop_and_resize_box", "generate_detections", "pyramid_crop_and_resize_mask")


def part(model, inputs, outputs):
    """The nodes between some tensors, as a model; `inputs`: name -> shape."""
    makers = {name: node for node in model.graph.node for name in node.output}
    needed, waiting = set(), list(outputs)
    while waiting:
        name = waiting.pop()
        if name in inputs or name not in makers or name in needed:
            continue
        needed.add(name)
        waiting += makers[name].input
    nodes = [node for node in model.graph.node if needed & set(node.output)]
    used = {name for node in nodes for name in node.input}
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes, "part", [value(name, 1, shape) for name, shape in inputs.items() if name in used],
        [value(name, 1, None) for name in outputs], [c for c in model.graph.initializer if c.name in used])
    return onnx.helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)


def run(model, inputs, outputs):
    """The tensors `outputs`, from the values of `inputs`."""
    live = onnxruntime.InferenceSession(part(model, {k: v.shape for k, v in inputs.items()}, outputs).SerializeToString(),
                                        providers=["CPUExecutionProvider"])
    given = {one.name: inputs[one.name] for one in live.get_inputs()}
    return dict(zip(outputs, live.run(list(outputs), given)))


def shapes_of(model):
    values = [*model.graph.input, *model.graph.value_info, *model.graph.output]
    return {v.name: [d.dim_value if d.HasField("dim_value") else None for d in v.type.tensor_type.shape.dim] for v in values}


def attributes_of(node):
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


class MaskRcnnTest(ProgramTest):
    def tensorflow(self):
        return np.load(data(f"{FOLDER}/tensorflow.npz"))

    def exported(self, *words, model="mini.tlt", name="m.onnx"):
        self.passes("mask_rcnn", "export", "-m", data(f"{FOLDER}/{model}"), "-e", data(f"{FOLDER}/spec.txt"), "-k", "key",
                    "-o", self.folder / name, *words)
        return onnx.load(str(self.folder / name))

    def close(self, got, wanted, what, allowed=ALLOWED):
        self.assertEqual(got.shape, wanted.shape, what)
        difference = float(np.abs(got - wanted).max()) / (1 + float(np.abs(wanted).max()))
        self.assertLessEqual(difference, allowed, what)
        return difference


def pictures(reference):
    return ((reference["image_u8"].astype(np.float32) - np.float32([123.675, 116.28, 103.53])) *
            np.float32(0.017507)).transpose(0, 3, 1, 2)


class Numbers(MaskRcnnTest):
    def test_backbone_pyramid_and_proposal_heads_are_tensorflows(self):
        reference = self.tensorflow()
        model = self.exported("--plugins", "tensorrt", "--static_batch_size", 2)
        wanted = {"activation/Relu": ("conv1_relu", np.s_[:, ::4, ::4, ::4]),
                  "max_pooling2d/MaxPool": ("pool1", np.s_[:, ::4, ::4, ::4])}
        for block in range(1, 5):
            wanted[f"block_{block}a_relu/Relu"] = (f"C{block + 1}", np.s_[:, ::8, ::2, ::2])
        for level in LEVELS:
            wanted["p6/MaxPool" if level == 6 else f"post_hoc_d{level}/BiasAdd"] = (f"P{level}", np.s_[:, ::32])
            scope = f"MLP/multilevel_propose_rois/level_{level}"
            wanted[f"{scope}/Reshape"] = (f"rpn_logit_{level}", np.s_[:, :, 0, 0])
            wanted[f"{scope}/Sigmoid"] = (f"rpn_score_{level}", np.s_[:, :, 0, 0])
            wanted[f"{scope}/Reshape_1"] = (f"rpn_delta_{level}", np.s_[:, :, :, 0])
        got = run(model, {"Input": pictures(reference)}, list(wanted))
        worst = max(self.close(got[name][cut], reference[key], name) for name, (key, cut) in wanted.items())
        print(f"trunk: {len(wanted)} tensors, worst relative difference {worst:.1e}")

    def test_box_head_is_tensorflows(self):
        reference = self.tensorflow()
        model = self.exported("--plugins", "tensorrt")
        rows = reference["box_feature_row"]
        crops = np.zeros((1, 200, 256, 7, 7), np.float32)
        crops[0, :len(rows)] = rows.reshape(len(rows), 256, 7, 7)
        wanted = {"fc6/Relu": "fc6", "fc7/Relu": "fc7", "class-predict/BiasAdd": "class_logit",
                  "box-predict/BiasAdd": "box_delta", "box_head_softmax": "class_prob"}
        got = run(model, {"pyramid_crop_and_resize_box": crops}, list(wanted))
        for name, key in wanted.items():
            stored = reference[key].reshape(400, -1)[:len(rows)]
            self.close(got[name].reshape(200, -1)[:len(rows)], stored, name)

    def test_both_heads_are_tensorflows_from_its_boxes_without_plugins(self):
        reference = self.tensorflow()
        model = self.exported("--plugins", "none")
        wanted = {"fc6/Relu": "fc6", "fc7/Relu": "fc7", "class-predict/BiasAdd": "class_logit",
                  "box-predict/BiasAdd": "box_delta", "box_head_softmax": "class_prob"}
        got = run(model, {"Input": pictures(reference), "multilevel_propose_rois": reference["roi"]}, list(wanted))
        worst = max(self.close(got[name].reshape(400, -1), reference[key].reshape(400, -1), name)
                    for name, key in wanted.items())
        found = reference["detection_boxes"]
        got = run(model, {"Input": pictures(reference), "mrcnn_detection_bboxes": found}, ["mask_fcn_logits/BiasAdd"])
        masks = got["mask_fcn_logits/BiasAdd"]
        self.assertEqual(masks.shape, (2, 20, 4, 28, 28))
        worst = max(worst, self.close(masks.reshape(40, 4, 28, 28), reference["mask_logit"], "masks"))
        print(f"heads: worst relative difference {worst:.1e}")

    def test_detections_and_masks_are_tensorflows_as_sets(self):
        reference = self.tensorflow()
        model = self.exported("--plugins", "none")
        got = run(model, {"Input": pictures(reference)}, ["generate_detections", "mask_fcn_logits/BiasAdd"])
        for picture, rows in enumerate(got["generate_detections"]):
            for k, score in enumerate(reference["detection_scores"][picture]):
                if score <= 0.01:  # what the plugins, and we, drop
                    continue
                row = [*reference["detection_boxes"][picture, k], reference["detection_classes"][picture, k]]
                near = np.abs(rows[:, :5] - row).max(1)
                self.assertLessEqual(near.min(), 0.1, f"picture {picture}: {row}")
                self.assertLessEqual(abs(rows[near.argmin(), 5] - score), 1e-3)
                self.close(got["mask_fcn_logits/BiasAdd"][picture, near.argmin()], reference["mask_logit"][20 * picture + k],
                           "mask", 1e-3)


SPEC = """
data_config {{ image_size: "({height}, {width})" num_classes: 3 val_json_file: "none.json" }}
maskrcnn_config {{
  nlayers: {layers} arch: "resnet" mrcnn_resolution: 8 fast_rcnn_mlp_head_dim: 9 include_mask: True
  min_level: 2 max_level: {max_level} num_scales: 1 anchor_scale: 8 aspect_ratios: "[(1.0, 1.0), (1.4, 0.7), (0.7, 1.4)]"
  bbox_reg_weights: "(10., 10., 5., 5.)" rpn_min_size: 0.
  test_rpn_pre_nms_topn: 1000 test_rpn_post_nms_topn: 20 test_rpn_nms_thresh: 0.7
  test_detections_per_image: 5 test_nms: 0.5
}}
"""
REPEATS = {10: (1, 1, 1, 1), 18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}


def windows(x, kernel, stride, value):
    """Every place of the window under TensorFlow's SAME: [n, c, rows, columns, kernel, kernel]."""
    pads = []
    for n in x.shape[2:]:
        total = max((-(-n // stride) - 1) * stride + kernel - n, 0)
        pads.append((total // 2, total - total // 2))
    x = np.pad(x, ((0, 0), (0, 0), *pads), constant_values=value)
    return np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), (2, 3))[:, :, ::stride, ::stride]


class Narrow:
    """A Mask R-CNN of few channels: its variables are drawn where they are used, and its trunk is computed in float64."""

    def __init__(self, layers, max_level, height, width):
        self.random, self.variables, self.tensors = np.random.RandomState(layers), {}, {}
        self.picture = self.random.standard_normal((1, 3, height, width)).astype(np.float32)
        x = np.maximum(self.conv("conv1", self.picture.astype(np.float64), 7, 4, 2, "bn_conv1"), 0)
        x = windows(x, 3, 2, -np.inf).max((4, 5))
        levels, bottleneck = {}, layers > 34
        for block, (repeats, channels) in enumerate(zip(REPEATS[layers], (5, 6, 7, 8)), 1):
            for r in range(repeats):
                scope, stride = f"block_{block}{chr(ord('a') + r)}", 2 if r == 0 and block > 1 else 1
                shortcut = x if r else self.conv(f"{scope}_conv_shortcut", x, 1, channels, stride, f"{scope}_bn_shortcut")
                y, sizes = x, (1, 3, 1) if bottleneck else (3, 3)
                for i, size in enumerate(sizes, 1):
                    y = self.conv(f"{scope}_conv_{i}", y, size, channels if i == len(sizes) else 4, stride if i == 1 else 1,
                                  f"{scope}_bn_{i}")
                    y = y if i == len(sizes) else np.maximum(y, 0)
                x = np.maximum(y + shortcut, 0)
                # TAO takes ResNet-101's C4 from the place where ResNet-50's ends.
                if r == min(repeats, 6) - 1:
                    levels[block + 1] = x
        above = None
        for level in (5, 4, 3, 2):
            merged = self.conv(f"l{level}", levels[level], 1, 6)
            if above is not None:
                merged = merged + above.repeat(2, 2).repeat(2, 3)
            above = merged
            levels[level] = self.tensors[f"post_hoc_d{level}/BiasAdd"] = self.conv(f"post_hoc_d{level}", merged, 3, 5)
        if max_level == 6:
            self.tensors["p6/MaxPool"] = levels[5][:, :, ::2, ::2]
        else:
            self.tensors["p6/BiasAdd"] = self.conv("p6", levels[5], 3, 5, 2)
            self.tensors["p7/BiasAdd"] = self.conv("p7", np.maximum(self.tensors["p6/BiasAdd"], 0), 3, 5, 2)
        for name, shape in {"rpn": (3, 3, 5, 5), "rpn-class": (1, 1, 5, 3), "rpn-box": (1, 1, 5, 12), "fc6": (20, 9), "fc7": (9, 9),
                            "class-predict": (9, 3), "box-predict": (9, 12), "mask-conv-l0": (3, 3, 5, 4),
                            "mask-conv-l1": (3, 3, 4, 4), "mask-conv-l2": (3, 3, 4, 4), "mask-conv-l3": (3, 3, 4, 4),
                            "conv5-mask": (2, 2, 4, 4), "mask_fcn_logits": (1, 1, 4, 3)}.items():
            self.draw(name + "/kernel", shape, 0.1)
            self.draw(name + "/bias", shape[-1:], 0.1)

    def draw(self, name, shape, scale, offset=0.0):
        value = (self.random.standard_normal(shape) * scale + offset).astype(np.float32)
        self.variables[name] = value
        return value.astype(np.float64)

    def conv(self, name, x, size, filters, stride=1, batch_norm=None):
        kernel = self.draw(name + "/kernel", (size, size, x.shape[1], filters), (size * size * x.shape[1]) ** -0.5)
        y = np.einsum("nchwij,ijco->nohw", windows(x, size, stride, 0.0), kernel, optimize=True)
        if not batch_norm:
            return y + self.draw(name + "/bias", (filters,), 0.5)[:, None, None]
        gamma, beta = (self.draw(f"{batch_norm}/{role}", (filters,), 0.1, offset) for role, offset in (("gamma", 0.6), ("beta", 0.1)))
        mean = self.draw(f"{batch_norm}/moving_mean", (filters,), 0.1)
        variance = self.random.uniform(0.5, 1.5, filters).astype(np.float32)
        self.variables[f"{batch_norm}/moving_variance"] = variance
        scale = gamma / np.sqrt(variance.astype(np.float64) + 0.001)
        return y * scale[:, None, None] + (beta - mean * scale)[:, None, None]


class Depths(MaskRcnnTest):
    def test_every_depth_computes_what_numpy_does(self):
        for layers, max_level in ((18, 6), (34, 6), (50, 7), (101, 6)):
            with self.subTest(layers=layers):
                size = {"height": 128, "width": 256}
                net = Narrow(layers, max_level, **size)
                tf_checkpoint.save(self.folder / f"{layers}.tlt", net.variables)
                (self.folder / "spec.txt").write_text(SPEC.format(layers=layers, max_level=max_level, **size))
                self.passes("mask_rcnn", "export", "-m", f"{layers}.tlt", "-e", "spec.txt", "-k", "key", "-o", f"{layers}.onnx",
                            "--plugins", "none")
                model = onnx.load(str(self.folder / f"{layers}.onnx"))
                got = run(model, {"Input": net.picture}, list(net.tensors))
                worst = max(self.close(got[name], value.astype(np.float32), name) for name, value in net.tensors.items())
                print(f"ResNet-{layers}: worst relative difference {worst:.1e}")


class Graph(MaskRcnnTest):
    def test_plugins_have_the_attributes_and_shapes_that_they_demand(self):
        model = self.exported("--plugins", "tensorrt")
        nodes = {node.name: node for node in model.graph.node if node.op_type.endswith("_TRT")}
        self.assertEqual([nodes[name].op_type for name in PLUGINS],
                         ["MultilevelProposeROI_TRT", "MultilevelCropAndResize_TRT", "GenerateDetection_TRT",
                          "MultilevelCropAndResize_TRT"])
        self.assertEqual(len(nodes), 4)
        size, header = [3, 192, 256], {"plugin_version": b"1", "plugin_namespace": b""}
        proposals = attributes_of(nodes["multilevel_propose_rois"])
        self.assertAlmostEqual(proposals.pop("iou_threshold"), 0.7, 6)
        self.assertEqual(proposals, {"prenms_topk": 4096, "keep_topk": 200, "fg_threshold": 0.0, "image_size": size, **header})
        found = attributes_of(nodes["generate_detections"])
        self.assertEqual(found, {"num_classes": 4, "keep_topk": 20, "score_threshold": 0.0, "iou_threshold": 0.5,
                                 "image_size": size, **header})
        for threshold in (proposals["fg_threshold"], found["score_threshold"]):
            self.assertIsInstance(threshold, float)
        for name, pooled in (("pyramid_crop_and_resize_box", 7), ("pyramid_crop_and_resize_mask", 14)):
            self.assertEqual(attributes_of(nodes[name]), {"pooled_size": pooled, "image_size": size, **header})
        shapes = shapes_of(model)
        for level, anchors in zip(LEVELS, (9216, 2304, 576, 144, 36)):
            scope = f"MLP/multilevel_propose_rois/level_{level}"
            self.assertEqual(shapes[f"{scope}/Reshape_1"], [1, anchors, 4, 1])
            self.assertEqual(shapes[f"{scope}/Sigmoid"], [1, anchors, 1, 1])
        for name, shape in {"Input": [3, 192, 256], "multilevel_propose_rois": [200, 4],
                            "pyramid_crop_and_resize_box": [200, 256, 7, 7], "box-predict/BiasAdd": [200, 16, 1, 1],
                            "box_head_softmax": [200, 4, 1, 1], "generate_detections": [20, 6],
                            "mrcnn_detection_bboxes": [20, 4], "pyramid_crop_and_resize_mask": [20, 256, 14, 14],
                            "mask_fcn_logits/BiasAdd": [20, 4, 28, 28]}.items():
            self.assertEqual(shapes[name], [1, *shape], name)

    def test_tensors_are_named_as_in_nvidias_graph(self):
        """Every node of NVIDIA's graph that is left after folding and that is no plumbing of TensorFlow's is there."""
        theirs = {}
        for line in data(f"{FOLDER}/nvidia_graph.txt").read_text().splitlines():
            name, op = line.split()[:2]
            theirs[name] = op
        # Merged into the node behind them, or the shape arithmetic of a transposed convolution.
        merged = {name for name, op in theirs.items() if op in ("Const", "Identity", "Conv2D", "MatMul")}
        merged |= {name for name in theirs if name.startswith("conv5-mask/") and name.rsplit("/", 1)[1] not in ("BiasAdd", "Relu")}
        model = self.exported("--plugins", "tensorrt")
        ours = {name for node in model.graph.node for name in node.output} | {"Input"}
        self.assertEqual(sorted(set(theirs) - merged - ours), [])
        self.assertEqual(sorted(ours - set(theirs)), ["box_head_reshape1/Reshape", "mask_head_reshape_1/Reshape"])

    def test_both_flavours_are_the_same_but_for_the_stages(self):
        plugins = self.exported("--plugins", "tensorrt")
        portable = self.exported("--plugins", "none", name="p.onnx")
        nodes = {node.name: node for node in portable.graph.node}
        for node in plugins.graph.node:
            if node.name in PLUGINS:
                self.assertIn(node.name, {name for other in portable.graph.node for name in other.output})
            else:
                self.assertEqual(node, nodes[node.name])
        constants = {c.name: c for c in portable.graph.initializer}
        for constant in plugins.graph.initializer:
            self.assertEqual(constant, constants[constant.name])
        onnx.checker.check_model(portable, full_check=True)

    def test_optimizer_slots_change_nothing(self):
        for flavour in ("tensorrt", "none"):
            self.exported("--plugins", flavour, name="a.onnx")
            self.exported("--plugins", flavour, model="mini_train.tlt", name="b.onnx")
            self.assertEqual((self.folder / "a.onnx").read_bytes(), (self.folder / "b.onnx").read_bytes())
            (self.folder / "a.onnx").unlink()
            (self.folder / "b.onnx").unlink()


if __name__ == "__main__":
    program.main()
