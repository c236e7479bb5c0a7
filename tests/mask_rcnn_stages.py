#!/usr/bin/env python3
"""Mask R-CNN's stages in ONNX's own operators against what NVIDIA's plugins and TensorFlow made of the same inputs.

    python tests/mask_rcnn_stages.py build/rooms/networks/etalon_mask_rcnn_stage_writer [CASE ...]

Reads data/mask_rcnn_stages.npz and, from the folder that ETALON_DATA names, models/mask_rcnn: plugins_gpu.npz (the real CUDA
kernels), crop_levels.npz and tensorflow.npz (TensorFlow's own operators). Where a case has thresholds that the network fixes
(proposals: a score of 0, the best 4096 of a level; detections: a score of 0), they are applied to its inputs.

Kernels order equal scores by thread, the graph by index, so rows are compared as sets; where equal scores are cut off,
the two keep different ones, exactly as many as CUT_TIES says: an order of ties that changes is noticed. ETALON_TEST_RUNTIME=openvino runs the models in OpenVINO, which
removes boxes that overlap by exactly the threshold: AT_THRESHOLD names the cases that are made of them. Needs numpy and
onnxruntime, or openvino.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

LEVELS = (2, 3, 4, 5, 6)
TENSORFLOW_NAMES = {"delta": "box_delta", "score": "class_prob", "rois": "roi"}
PIXELS = 1.2e-4  # the kernels' expf, in the largest boxes
SAMPLES = 1e-4   # values up to 3, sums of four products
CUT_TIES = {"d_ties91": 27, "p_fg": 188, "p_one": 399, "p_pre2048": 42, "p_ties": 231, "p_tiny": 185}
AT_THRESHOLD = ("d_iou_eq", "d_keep300", "p_iou_1", "p_iou_eq")
OPENVINO = os.environ.get("ETALON_TEST_RUNTIME") == "openvino"
SAMPLE = pathlib.Path(__file__).parent / "data/mask_rcnn_stages.npz"


class Stages:
    """Has single stages written and runs them."""

    def __init__(self, writer, folder):
        self.writer, self.path = writer, pathlib.Path(folder) / "stage.onnx"

    def run(self, stage, inputs, **sizes):
        subprocess.run([self.writer, stage, self.path] + ["%s=%s" % size for size in sizes.items()], check=True)
        results = []
        for one in inputs if isinstance(inputs, list) else [inputs]:
            one = {name: np.ascontiguousarray(value, np.float32) for name, value in one.items()}
            results.append(self.infer(one))
        return results if isinstance(inputs, list) else results[0]

    def infer(self, inputs):
        if OPENVINO:
            import openvino
            core = openvino.Core()
            model = core.compile_model(core.read_model(self.path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
            return np.array(next(iter(model(inputs).values())))
        import onnxruntime
        return onnxruntime.InferenceSession(self.path, providers=["CPUExecutionProvider"]).run(None, inputs)[0]


class Verdicts:
    def __init__(self):
        self.failed = 0

    def say(self, name, good, what):
        self.failed += not good
        print("%s %-28s %s" % ("ok  " if good else "FAIL", name, what))

    def rows(self, name, ours, reference, allowed, cut_ties=0):
        """ours and reference [pictures, rows, numbers] as sets of rows."""
        missing = sum(missing_rows(a, b, allowed) for a, b in zip(ours, reference))
        moved = np.abs(ours - reference).max(-1) > allowed
        self.say(name, missing == cut_ties and ours.shape == reference.shape,
                 "%d of %d rows missing, %d in other places, the rest within %.2g" %
                 (missing, moved.size, moved.sum(), np.abs(ours - reference).max(-1)[~moved].max(initial=0)))


def missing_rows(ours, reference, allowed):
    missing, free = 0, np.ones(len(ours), bool)
    for row in reference:
        distance = np.where(free, np.abs(ours - row).max(-1), np.inf)
        best = int(distance.argmin())
        if distance[best] <= allowed:
            free[best] = False
        else:
            missing += 1
    return missing


def only_best(score, count):
    out = np.zeros_like(score)
    for from_picture, to_picture in zip(score, out):
        best = np.argsort(-from_picture, kind="stable")[:count]
        to_picture[best] = from_picture[best]
    return out


def proposals_of(case, get):
    """Inputs and sizes."""
    height, width, keep, before = (int(v) for v in case["args"])
    floor, iou = case["thresholds"]
    inputs = {}
    for level in LEVELS:
        score = get("score_%d" % level)
        score = only_best(np.where(score >= np.float32(floor), score, np.float32(0)), before)
        inputs["score_%d" % level] = score[..., None, None]
        inputs["delta_%d" % level] = get("delta_%d" % level)[..., None]
    return inputs, {"height": height, "width": width, "proposals": keep, "proposal_iou": iou}


def detections_of(case, get):
    height, width, keep, classes = (int(v) for v in case["args"])
    floor, iou = case["thresholds"]
    rois = get("rois")
    n, r = rois.shape[:2]
    score = get("score").reshape(n, r, classes, 1, 1)
    inputs = {"deltas": get("delta").reshape(n, r, 4 * classes, 1, 1), "rois": rois,
              "scores": np.where(score >= np.float32(floor), score, np.float32(0))}
    return inputs, {"height": height, "width": width, "proposals": r, "class_count": classes, "detections": keep,
                    "detection_iou": iou}


def kernel_cases(stages, verdicts, kernels, tensorflow, maps, wanted):
    for name in sorted({key.split(".")[0] for key in kernels.files if "." in key}):
        case = {key.split(".")[1]: kernels[key] for key in kernels.files if key.startswith(name + ".")}
        like = str(case.get("like", name))
        if OPENVINO and name in AT_THRESHOLD:
            continue
        if (wanted and name not in wanted) or "half" in case:
            continue  # float16: the graph is float32

        def get(key):
            if like == "tf":
                return tensorflow[TENSORFLOW_NAMES.get(key, "rpn_" + key)]
            return kernels[like + "." + key].astype(np.float32)
        if "roi" in case:
            inputs, sizes = proposals_of(case, get)
            verdicts.rows(name, stages.run("propose", inputs, **sizes), case["roi"], PIXELS, CUT_TIES.get(name, 0))
        elif name == "d_one_class":
            continue  # the background alone: refused
        elif "detections" in case:
            inputs, sizes = detections_of(case, get)
            out = stages.run("detect", inputs, **sizes)
            verdicts.rows(name, out, case["detections"], PIXELS, CUT_TIES.get(name, 0))
            verdicts.say(name + ", falling", bool((np.diff(out[..., 5]) <= 0).all()), "")
        else:
            height, width, rois, size = (int(v) for v in case["args"])
            out = stages.run("crop", dict(maps, rois=get("rois")), height=height, width=width, proposals=rois, channels=1, size=size)
            written = case["written"][..., None, None, None]
            worst = np.abs(out - np.where(written, case["crop"], 0)).max()
            verdicts.say(name, worst <= SAMPLES, "largest difference %.2g; what the kernel leaves alone is 0" % worst)


def all_levels(stages, verdicts, levels, maps):
    """TensorFlow's boxes on five levels; the last three are empty, where TensorFlow samples a point and we give zeros."""
    for size in (7, 14):
        out = stages.run("crop", dict(maps, rois=levels["boxes"]), height=1024, width=1024, proposals=58, channels=1, size=size)
        worst = np.abs(out - levels["crop%d" % size])[:, :55].max()
        verdicts.say("five levels, %d" % size, worst <= SAMPLES and not out[:, 55:].any(), "largest difference %.2g" % worst)


def crops(stages, verdicts, data):
    height, width = (int(v) for v in data["image_size"])
    maps = {"P%d" % level: data["crop_P%d" % level] for level in LEVELS}
    for name, rois in (("crop_feature", data["roi"][:1, data["crop_feature_rois"]]),
                       ("crop_mask_feature", data["detection_boxes"][:1])):
        reference = data[name]
        out = stages.run("crop", dict(maps, rois=rois), height=height, width=width, proposals=reference.shape[0],
                         channels=reference.shape[1], size=reference.shape[2])
        worst = np.abs(out[0] - reference).max()
        verdicts.say(name, worst <= SAMPLES, "largest difference %.2g" % worst)


def tensorflow_stages(stages, verdicts, tf):
    height, width = (int(v) for v in tf["image_size"])
    rois = int(tf["test_rpn_post_nms_topn"])
    inputs = {}
    for level in LEVELS:
        inputs["score_%d" % level] = tf["rpn_score_%d" % level][..., None, None]
        inputs["delta_%d" % level] = tf["rpn_delta_%d" % level][..., None]
    out = stages.run("propose", inputs, height=height, width=width, proposals=rois, proposal_iou=tf["test_rpn_nms_thresh"])
    verdicts.rows("TensorFlow's proposals", out, tf["roi"], PIXELS)
    classes, keep = int(tf["num_classes"]), int(tf["test_detections_per_image"])
    inputs = {"deltas": tf["box_delta"].reshape(2, rois, 4 * classes, 1, 1), "rois": tf["roi"],
              "scores": tf["class_prob"][..., None, None]}
    out = stages.run("detect", inputs, height=height, width=width, proposals=rois, class_count=classes, detections=keep,
                     detection_iou=tf["test_nms"])
    reference = np.concatenate([tf["detection_boxes"], tf["detection_classes"][..., None], tf["detection_scores"][..., None]], -1)
    verdicts.rows("TensorFlow's detections", out, reference, PIXELS)


def any_batch(stages, verdicts, sample):
    """A picture's result does not depend on the others, and a batch of pictures without any object gives nothing."""
    def case_of(name):
        case = {key.split(".")[1]: sample[key] for key in sample.files if key.startswith(name + ".")}
        return case, lambda key: sample[name + "." + key].astype(np.float32)
    maps = {"P%d" % level: sample["crop_P%d" % level] for level in LEVELS}
    crop = {name: np.concatenate([value, value[..., ::-1, ::-1]]) for name, value in maps.items()}
    crop["rois"] = np.concatenate([sample["roi"], sample["roi"][:, ::-1]])
    crop_sizes = {"height": sample["image_size"][0], "width": sample["image_size"][1], "proposals": 200, "channels": 1, "size": 7}
    for stage, (inputs, sizes) in (("propose", proposals_of(*case_of("p_few"))), ("detect", detections_of(*case_of("d_background"))),
                                   ("crop", (crop, crop_sizes))):
        if stage == "detect":  # whose pictures are alike and have background only
            inputs["scores"] = inputs["scores"][:, :, ::-1] * np.float32([1, .75]).reshape(2, 1, 1, 1, 1)
        batches = [{name: value[order] for name, value in inputs.items()} for order in ([0], [1], [0, 1], [1, 0, 1])]
        zero, one, two, three = stages.run(stage, batches, **sizes)
        same = np.array_equal(two, np.concatenate([zero, one])) and np.array_equal(three, np.concatenate([one, zero, one]))
        verdicts.say(stage + ", batches of 1, 2, 3", same and not np.array_equal(zero, one), "")
    for stage, (inputs, sizes), score in (("propose", proposals_of(*case_of("p_few")), "score"),
                                          ("detect", detections_of(*case_of("d_background")), "scores")):
        inputs = {name: value * 0 if name.startswith(score) else value for name, value in inputs.items()}
        out = stages.run(stage, inputs, **sizes)
        verdicts.say(stage + ", nothing found", (out == (0 if stage == "propose" else [0, 0, 0, 0, -1, 0])).all(), "")


def other_anchors(stages, verdicts):
    """What the plugins have as constants, by TAO's formula for anchors: deltas of 0 give them back, clipped."""
    height, width, minimum, scales, base = 128, 192, 30.0, 2, 4.0
    inputs, anchors, scores = {}, [], []
    for level in (3, 4, 5):
        stride = 2 ** level
        boxes = [[y - h / 2, x - w / 2, y + h / 2, x + w / 2]
                 for y in range(stride // 2, height, stride) for x in range(stride // 2, width, stride)
                 for octave in range(scales)
                 for w, h in [[base * stride * 2 ** (octave / scales) * side for side in ratio] for ratio in ((1, 1), (1.4, .7), (.7, 1.4))]]
        score = np.zeros(len(boxes))
        chosen = np.arange(level, len(boxes), len(boxes) // 7)
        score[chosen] = .9 - chosen / len(boxes) / 2 - level / 100
        inputs["delta_%d" % level] = np.zeros((1, len(boxes), 4, 1))
        inputs["score_%d" % level] = score[None, :, None, None]
        anchors.append(np.array(boxes)[chosen])
        scores.append(score[chosen])
    anchors = np.clip(np.concatenate(anchors), 0, [height - 1, width - 1] * 2)
    order = np.argsort(-np.concatenate(scores))
    anchors = anchors[order]
    sizes = {"height": height, "width": width, "min_level": 3, "max_level": 5, "anchor_scale": base, "scales_per_octave": scales,
             "proposals": 4000, "proposal_iou": 1}
    for name, boxes, more in (("other anchors", anchors, {}),
                              ("proposal_min_size", anchors[(anchors[:, 2:] - anchors[:, :2] + 1 >= minimum).all(1)],
                               {"proposal_min_size": minimum})):
        reference = np.zeros((1, 4000, 4))  # more than there are anchors
        reference[0, :len(boxes)] = boxes
        worst = np.abs(stages.run("propose", inputs, **sizes, **more) - reference).max()
        verdicts.say(name, worst <= 1e-4 and 3 < len(boxes), "%d boxes, largest difference %.2g" % (len(boxes), worst))


def main():
    wanted = sys.argv[2:]
    sample, verdicts = np.load(SAMPLE), Verdicts()
    with tempfile.TemporaryDirectory() as folder:
        stages = Stages(sys.argv[1], folder)
        kernel_cases(stages, verdicts, sample, None, None, wanted)
        if not wanted:
            crops(stages, verdicts, sample)
            any_batch(stages, verdicts, sample)
            other_anchors(stages, verdicts)
        if "ETALON_DATA" in os.environ:
            data = pathlib.Path(os.environ["ETALON_DATA"]) / "models/mask_rcnn"
            kernels, tensorflow, levels = (np.load(data / (n + ".npz")) for n in ("plugins_gpu", "tensorflow", "crop_levels"))
            maps = {"P%d" % level: levels["P%d" % level] for level in LEVELS}
            kernel_cases(stages, verdicts, kernels, tensorflow, maps, wanted)
            if not wanted:
                all_levels(stages, verdicts, levels, maps)
                crops(stages, verdicts, tensorflow)
                tensorflow_stages(stages, verdicts, tensorflow)
        else:
            print("skipped: all cases of the kernels and TensorFlow's stages (ETALON_DATA is not set)")
    sys.exit(verdicts.failed > 0)


if __name__ == "__main__":
    main()
