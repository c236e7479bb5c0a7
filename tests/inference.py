"""`inference` of both networks: what is written, in which numbers, and what is refused."""
import json
import shutil

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from program import MODEL, SAMPLE, SPEC, ProgramTest, data, main, needs_real_numbers

PHOTOS = SAMPLE / "validation"
NAMES = sorted(path.name for path in PHOTOS.iterdir())


def clusters(boxes, eps=0.35):
    """Each box's cluster: boxes at most eps from each other, in the order of their first (all weights are cores')."""
    a, b = boxes[:, None], boxes[None, :]
    common = np.maximum(0, np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])).prod(-1)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(-1)
    return 1 - common / (area[:, None] + area[None, :] - common + 0.01)


def suppressed(boxes, scores, limit=0.4):
    distance, kept = clusters(boxes), []
    for i in np.argsort(-scores, kind="stable"):
        if all(1 - distance[i, j] <= limit for j in kept):
            kept.append(i)
    return kept


def fake_model(path, first, second, names, node="Identity", metadata=None, shapes=None):
    """[N,3,64,64] -> two constants, kept from folding away by 0 x the mean of the input."""
    first, second = np.asarray(first, np.float32)[None], np.asarray(second, np.float32)[None]
    nodes = [helper.make_node("ReduceMean", ["Input"], ["mean"], axes=[0, 1, 2, 3], keepdims=0),
             helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
             helper.make_node("Add", ["first", "nothing"], ["first_"]), helper.make_node(node, ["first_"], [names[0]], name="last"),
             helper.make_node("Add", ["second", "nothing"], [names[1]])]
    shapes = shapes or (first.shape, second.shape)
    graph = helper.make_graph(nodes, "fake", [helper.make_tensor_value_info("Input", TensorProto.FLOAT, ["N", 3, 64, 64])],
                              [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in zip(names, shapes)],
                              [numpy_helper.from_array(np.float32(0), "zero"), numpy_helper.from_array(first, "first"),
                               numpy_helper.from_array(second, "second")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    for key, value in (metadata or {}).items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value if key == "etalon.network" else json.dumps(value)
    onnx.save(model, path)


def fake_mask_rcnn(path, rows, logits, names=("generate_detections", "mask_fcn_logits/BiasAdd"), **more):
    fake_model(path, rows, logits, names, **{"metadata": {"etalon.labels": ["BG", "cell", "dust"]}, **more})


def fake_detectnet_v2(path, coverage, **more):
    """Of each class's coverage [C,h,w], boxes of 14 pixels around the cells."""
    coverage = np.asarray(coverage, np.float32)
    fake_model(path, coverage, np.full((4 * len(coverage), *coverage.shape[1:]), 0.2), ("output_cov/Sigmoid", "output_bbox/BiasAdd"), **more)


def decoded(counts, size):
    """COCO's run lengths as a picture of 0 and 1."""
    runs, at = [], 0
    while at < len(counts):
        number, shift, more = 0, 0, True
        while more:
            group = ord(counts[at]) - 48
            number |= (group & 31) << shift
            more, shift, at = bool(group & 32), shift + 5, at + 1
            if not more and group & 16:
                number |= -1 << shift
        runs.append(number + (runs[-2] if len(runs) > 2 else 0))
    flat = np.repeat(np.arange(len(runs)) % 2, runs)
    return flat.reshape(size[1], size[0]).T


def save_photo(path, size=(64, 64)):
    Image.new("RGB", size, (90, 90, 90)).save(path)


class Photos(ProgramTest):
    """What is the same for every network."""

    def setUp(self):
        super().setUp()
        coverage = np.zeros((4, 4, 4))
        coverage[0, 1, 1], coverage[3, 2, 2] = 0.9, np.float32(0.7)
        fake_detectnet_v2(self.folder / "m.onnx", coverage)
        (self.folder / "in").mkdir()
        self.infer = ("detectnet_v2", "inference", "in", "-m", "m.onnx", "-o", "out")

    def document(self):
        return json.loads((self.folder / "out/detections.json").read_text())

    @needs_real_numbers
    def test_one_that_is_damaged_is_left_out_and_named(self):
        for name in ("a.png", "c.png", "e.png"):
            save_photo(self.folder / "in" / name)
        (self.folder / "in/b.jpg").write_bytes(b"\xff\xd8\xff no picture")
        (self.folder / "in/d.png").write_bytes(b"")
        for threads in (1, 2):
            done = self.run_program(*self.infer, "--force", "--threads", threads)
            self.assertEqual(done.code, 1, done.text)
            lines = done.err.splitlines()
            warnings = [line for line in lines if line.startswith("warning: ")]
            self.assertEqual([name in line for name, line in zip(("'in/b.jpg'", "'in/d.png'"), warnings, strict=True)], [True, True])
            self.assertTrue(lines[-1].startswith("error: 2 of 5 photos could not be read, the first is 'in/b.jpg': cut-off or damaged JPEG"), lines)
            self.assertEqual(sum(line.startswith("error: ") for line in lines), 1)
            self.assertEqual(sorted(p.stem for p in (self.folder / "out/images_annotated").iterdir()), ["a", "c", "e"])
            self.assertEqual(sorted(p.stem for p in (self.folder / "out/labels").iterdir()), ["a", "c", "e"])
            images = self.document()["images"]
            self.assertEqual([image["file"] for image in images], ["a.png", "b.jpg", "c.png", "d.png", "e.png"])
            for image in images:
                if image["file"] in ("b.jpg", "d.png"):
                    self.assertEqual(set(image), {"file", "error"})
                    self.assertIn({"b.jpg": "damaged JPEG", "d.png": "empty"}[image["file"]], image["error"])
                else:
                    self.assertEqual(len(image["detections"]), 2)
            said = json.loads(self.run_program(*self.infer, "--force", "--json").out)
            self.assertEqual((said["status"], said["error"]["kind"]), ("FAIL", "bad_input"))

    def test_when_the_only_one_is_damaged_nothing_is_written(self):
        (self.folder / "in/b.jpg").write_bytes(b"\xff\xd8\xff no picture")
        self.refuses(*self.infer, code=1, says=["damaged JPEG", "'in/b.jpg'"])

    @needs_real_numbers
    def test_no_two_have_the_same_files(self):
        for name in ("a.jpg", "a.png", "a.png.jpg", "b.png"):
            save_photo(self.folder / "in" / name)
        self.passes(*self.infer)
        self.assertEqual(sorted(p.name for p in (self.folder / "out/images_annotated").iterdir()), ["a.jpg.png", "a.png.jpg.png", "a.png.png", "b.png"])
        self.assertEqual(sorted(p.name for p in (self.folder / "out/labels").iterdir()), ["a.jpg.txt", "a.png.jpg.txt", "a.png.txt", "b.txt"])

    def test_a_threshold_is_a_number_from_0_to_1(self):
        save_photo(self.folder / "in/a.png")
        for network in ("detectnet_v2", "mask_rcnn"):
            for wrong in ("nan", "-0.1", "1.01", "inf"):
                self.refuses(network, *self.infer[1:], f"--threshold={wrong}", code=2, says=["threshold", "0 to 1"])

    @needs_real_numbers
    def test_a_class_without_a_name_is_called_by_its_number(self):
        save_photo(self.folder / "in/a.png")
        for called in ("class 3", "3"):
            self.passes(*self.infer, "--force", "--classes", called)
            found = self.document()["images"][0]["detections"]
            self.assertEqual([(d["class"], d["label"]) for d in found], [(3, "class 3")])
        for unknown in ("class 4", "-1", "3x", "car"):
            self.refuses(*self.infer, "--force", f"--classes={unknown}", code=2, says=[f"the model has no class '{unknown}', its classes are class 0, class 1, class 2, class 3"])


class DetectnetV2(ProgramTest):
    def infer(self, *words, **more):
        return self.passes("detectnet_v2", "inference", *words, **more)

    def document(self, folder="out"):
        return json.loads((self.folder / folder / "detections.json").read_text())

    @needs_real_numbers
    def test_finds_what_onnx_runtime_and_numpy_find(self):
        self.export("-o", "m.onnx", "-e", SPEC)
        done = self.infer(PHOTOS, "-m", "m.onnx", "-o", "out", "--json")
        document = self.document()
        self.assertEqual([image["file"] for image in document["images"]], NAMES)
        self.assertEqual((document["network"], document["classes"]), ("detectnet_v2", ["rbc", "wbc", "platelets"]))
        session = onnxruntime.InferenceSession(self.folder / "m.onnx", providers=["CPUExecutionProvider"])
        total = 0
        for image in document["images"]:
            photo = Image.open(PHOTOS / image["file"]).convert("RGB")
            self.assertEqual((image["width"], image["height"]), photo.size)
            pixels = np.asarray(photo.resize((320, 240), Image.LANCZOS), np.float32).transpose(2, 0, 1)[None] / np.float32(255)
            cov, box = (t[0].reshape(len(t[0]), -1) for t in session.run(["output_cov/Sigmoid", "output_bbox/BiasAdd"], {"input_1": pixels}))
            x, y = 0.5 + 16 * (np.arange(300) % 20), 0.5 + 16 * (np.arange(300) // 20)
            expected = []
            for c in range(3):
                left, top, right, bottom = 35 * box[4 * c:4 * c + 4].astype(float)
                boxes = np.stack([x - left, y - top, x + right, y + bottom], 1).clip(0, [320, 240, 320, 240])
                keep = cov[c] > np.float32(0.05)
                boxes, scores = boxes[keep], cov[c][keep]
                expected += [(c, scores[i], boxes[i]) for i in suppressed(boxes, scores) if boxes[i][3] - boxes[i][1] > 4]
            self.assertEqual(len(image["detections"]), len(expected))
            scale = np.array([photo.width / 320, photo.height / 240] * 2)
            for got, (c, score, at) in zip(image["detections"], expected):
                self.assertEqual(got["class"], c)
                self.assertAlmostEqual(got["score"], score, delta=1e-4)
                np.testing.assert_allclose(got["box"], at * scale, atol=0.05)
            total += len(expected)
        self.assertGreater(total, 20)
        self.assertEqual(sum(json.loads(done.out)["found"].values()), total)

    @needs_real_numbers
    def test_writes_pictures_and_kitti_labels_as_tao_lays_them_out(self):
        self.export("-o", "m.onnx", "-e", SPEC)
        self.infer("-i", PHOTOS, "-m", "m.onnx", "-r", "out", "-b", 4)
        stems = [name.rsplit(".", 1)[0] for name in NAMES]
        self.assertEqual(sorted(p.name for p in (self.folder / "out/images_annotated").iterdir()), [s + ".png" for s in stems])
        self.assertEqual(sorted(p.name for p in (self.folder / "out/labels").iterdir()), [s + ".txt" for s in stems])
        for image, stem in zip(self.document()["images"], stems):
            drawn = Image.open(self.folder / f"out/images_annotated/{stem}.png")
            self.assertEqual(drawn.size, (image["width"], image["height"]))
            self.assertTrue((np.asarray(drawn) != np.asarray(Image.open(PHOTOS / image["file"]).convert("RGB"))).any())
            lines = (self.folder / f"out/labels/{stem}.txt").read_text().splitlines()
            self.assertEqual(len(lines), len(image["detections"]))
            for line, found in zip(lines, image["detections"]):
                words = line.split(" ")
                self.assertEqual((len(words), words[0], words[1:4]), (16, found["label"], ["0.00", "0", "0.00"]))
                np.testing.assert_allclose([float(w) for w in words[4:8]], found["box"], atol=1.1e-3)
                self.assertAlmostEqual(float(words[15]), found["score"], delta=1e-3)
        self.assertTrue((self.folder / "out/status.json").exists())

    @needs_real_numbers
    def test_is_the_same_for_any_number_of_threads_and_kind_of_model(self):
        self.export("-o", "m.onnx", "-e", SPEC)
        for threads in (1, 2):
            self.infer(PHOTOS, "-m", "m.onnx", "-o", f"t{threads}", "--threads", threads)
        self.infer(PHOTOS, "-m", MODEL, "-e", SPEC, "-o", "t0")
        files = {t: {str(p.relative_to(self.folder / t)): p.read_bytes() for p in (self.folder / t).rglob("*.*")} for t in ("t0", "t1", "t2")}
        self.assertEqual(len(files["t1"]), 9)
        self.assertEqual(files["t1"], files["t2"])
        self.assertEqual(files["t1"], files["t0"])

    @needs_real_numbers
    def test_clusters_as_the_specification_of_the_inference_says(self):
        self.export("-o", "m.onnx")
        handler = ('classwise_bbox_handler_config {{ key: "{}" value {{ confidence_model: "aggregate_cov" output_map: "{}" bbox_color {{ R: 1 G: 2 B: 250 }} '
                   'clustering_config {{ clustering_algorithm: {} coverage_threshold: 0.05 dbscan_eps: 0.35 dbscan_min_samples: 1 '
                   'dbscan_confidence_threshold: 0.9 nms_iou_threshold: 0.4 }} }} }}')
        for algorithm in ("DBSCAN", "HYBRID", "NMS"):
            (self.folder / "spec.txt").write_text(
                'inferencer_config { target_classes: ["rbc", "wbc", "platelets"] image_width: 320 image_height: 240 image_channels: 3 batch_size: 2 '
                'tlt_config { model: "m.onnx" } } bbox_handler_config { kitti_dump: true overlay_linewidth: 2 postproc_classes: "rbc" '
                + handler.format("rbc", "red", algorithm) + handler.format("default", "", algorithm) + " }")
            self.infer("--inference_spec", "spec.txt", "--inference_input", PHOTOS / NAMES[0], "--inference_output", algorithm)
        found = {a: self.document(a)["images"][0]["detections"] for a in ("DBSCAN", "HYBRID", "NMS")}
        for detections in found.values():
            self.assertGreater(len(detections), 3)
            self.assertEqual({d["label"] for d in detections}, {"red"})
            scores = [d["score"] for d in detections]
            self.assertEqual(scores, sorted(scores, reverse=True))
        self.assertGreater(found["DBSCAN"][0]["score"], 1)  # coverages are added
        self.assertTrue(all(d["score"] > 0.9 for d in found["DBSCAN"]))
        nms = [tuple(d["box"]) for d in found["NMS"]]
        self.assertTrue(all(tuple(d["box"]) in nms for d in found["HYBRID"]))
        pixels = np.asarray(Image.open(self.folder / "NMS/images_annotated" / (NAMES[0][:-4] + ".png"))).reshape(-1, 3)
        self.assertTrue((pixels == [1, 2, 250]).all(1).any())

    @needs_real_numbers
    def test_shows_only_what_is_asked_for(self):
        self.export("-o", "m.onnx", "-e", SPEC)
        (self.folder / "names.txt").write_text("red\nwhite\nplatelet\n")
        self.infer("-m", "m.onnx", "-o", "out", "-c", "names.txt", "--classes", "white,platelet", PHOTOS)
        found = [d for image in self.document()["images"] for d in image["detections"]]
        self.assertEqual({d["label"] for d in found}, {"white", "platelet"})
        low, high = sorted(d["score"] for d in found)[1:3]
        limit = (low + high) / 2
        self.infer("-m", "m.onnx", "-o", "sure", "-c", "names.txt", "--classes", "white", "--classes", "platelet", "-t", limit, PHOTOS)
        sure = [d for image in self.document("sure")["images"] for d in image["detections"]]
        self.assertEqual(sure, [d for d in found if d["score"] >= limit])
        self.assertEqual(len(sure), len(found) - 2)

    @needs_real_numbers
    def test_replaces_nothing_unless_told_to(self):
        self.export("-o", "m.onnx", "-e", SPEC)
        words = ("detectnet_v2", "inference", PHOTOS / NAMES[0], "-m", "m.onnx", "-o", "out")
        self.passes(*words)
        self.refuses(*words, code=1, says=["already", "images_annotated"])
        self.passes(*words, "--force")

    def test_refuses_by_name_what_it_cannot_do(self):
        infer = ("detectnet_v2", "inference")
        (self.folder / "m.engine").write_bytes(b"ptrt" * 99)
        (self.folder / "m.etlt").write_bytes(b"\0\0\0\7abcdefg" * 99)
        (self.folder / "broken").mkdir()
        (self.folder / "broken/a.jpg").write_bytes(b"\xff\xd8\xff no picture")
        self.refuses(*infer, "-m", MODEL, "-o", "out", code=2, says=["no photo"])
        self.refuses(*infer, PHOTOS, "-m", MODEL, code=2, says=["-o"])
        self.refuses(*infer, PHOTOS, "-o", "out", code=2, says=["no model"])
        self.refuses(*infer, "absent", "-m", MODEL, "-o", "out", code=1, says=["'absent' does not exist"])
        self.refuses(*infer, PHOTOS, "-m", "m.engine", "-o", "out", code=1, says=["TensorRT engine"])
        self.refuses(*infer, PHOTOS, "-m", "m.etlt", "-o", "out", code=1, says=[".etlt"])
        self.refuses(*infer, "broken", "-m", MODEL, "-o", "out", code=1, says=["broken/a.jpg"])
        self.refuses(*infer, PHOTOS, "-m", MODEL, "-e", SPEC, "-o", "out", "--classes", "rcb", code=2, says=["'rcb'", "rbc"])

    @needs_real_numbers
    def test_compares_the_threshold_as_the_network_counts(self):
        coverage = np.zeros((1, 4, 4))
        coverage[0, 1, 1] = np.float32(0.7)  # less than the double 0.7
        fake_detectnet_v2(self.folder / "m.onnx", coverage)
        save_photo(self.folder / "a.png")
        for threshold, found in (("0.7", 1), ("0.70001", 0)):
            self.infer("a.png", "-m", "m.onnx", "-o", "out", "-t", threshold, "--force")
            self.assertEqual(len(self.document()["images"][0]["detections"]), found)

    def test_refuses_another_networks_file_by_name(self):
        save_photo(self.folder / "a.png")
        fake_detectnet_v2(self.folder / "m.onnx", np.zeros((1, 4, 4)), metadata={"etalon.network": "mask_rcnn"})
        (self.folder / "checkpoint").mkdir()
        (self.folder / "checkpoint/model.ckpt-1.index").write_bytes(b"x")
        infer = ("detectnet_v2", "inference", "a.png", "-o", "out", "-m")
        self.refuses(*infer, "m.onnx", code=1, says=["'mask_rcnn'", "'detectnet_v2'", "'m.onnx'", "etalon mask_rcnn inference takes it"])
        self.refuses(*infer, "checkpoint", code=1, says=["TensorFlow checkpoint", "mask_rcnn"])

    @needs_real_numbers
    def test_says_when_nothing_can_cluster(self):
        limits = {"coverage_threshold": 0.05, "nms_iou_threshold": 0.5, "nms_confidence_threshold": 0, "dbscan_min_samples": 1,
                  "dbscan_confidence_threshold": 0.1, "minimum_box_height": 0}
        save_photo(self.folder / "a.png")
        for algorithm, eps, warns in (("dbscan", 0, True), ("hybrid", 0, True), ("nms", 0, False), ("dbscan", 0.3, False)):
            rules = [{"class": c, "algorithm": algorithm, "dbscan_eps": eps, **limits} for c in ("car", "bus")]
            fake_detectnet_v2(self.folder / "m.onnx", np.full((2, 4, 4), 0.9), metadata={"etalon.labels": ["car", "bus"], "etalon.clustering": rules})
            done = self.infer("a.png", "-m", "m.onnx", "-o", "out", "--force")
            said = [line for line in done.err.splitlines() if line.startswith("warning: dbscan_eps is 0")]
            self.assertEqual(len(said), warns, done.err)
            if warns:
                self.assertIn("car, bus", said[0])

    @needs_real_numbers
    def test_refuses_a_grid_that_dbscan_would_never_end_with(self):
        rule = {"class": "car", "algorithm": "dbscan", "dbscan_eps": 0.3, "coverage_threshold": 0.05, "nms_iou_threshold": 0.5, "nms_confidence_threshold": 0,
                "dbscan_min_samples": 1, "dbscan_confidence_threshold": 0.1, "minimum_box_height": 0}
        fake_detectnet_v2(self.folder / "m.onnx", np.full((1, 1000, 1000), 0.9), metadata={"etalon.labels": ["car"], "etalon.clustering": [rule]})
        save_photo(self.folder / "a.png")
        self.refuses("detectnet_v2", "inference", "a.png", "-m", "m.onnx", "-o", "out", code=1, says=["1000000 candidates", "16384", "a.png"])

    def test_sends_no_one_to_flags_that_it_does_not_have(self):
        fake_detectnet_v2(self.folder / "m.onnx", np.zeros((1, 4, 4)), metadata={"etalon.preprocessing": {"mean": "grey"}})
        save_photo(self.folder / "a.png")
        done = self.refuses("detectnet_v2", "inference", "a.png", "-m", "m.onnx", "-o", "out", code=1, says=["'etalon.preprocessing' is damaged", "export the model again"])
        self.assertNotIn("--mean", done.err)

    @needs_real_numbers
    def test_takes_nvidias_own_onnx(self):
        self.infer(PHOTOS / NAMES[0], "-m", data("models/detectnet_v2/bccd_resnet18.nvidia.onnx"), "-e", SPEC, "-o", "out")
        self.assertGreater(len(self.document()["images"][0]["detections"]), 3)


class MaskRcnn(ProgramTest):
    ROWS = [[8, 4, 40, 36, 1, 0.9], [10, 30, 60, 62, 2, 0.7], [1, 1, 9, 9, 1, 0.59], [0, 0, 0, 0, -1, 0]]

    def setUp(self):
        super().setUp()
        logits = np.full((4, 3, 28, 28), -4.0)
        logits[0, 1, :14] = 4  # the upper half of the first, in its own class
        logits[1, 2] = 4
        fake_mask_rcnn(self.folder / "m.onnx", self.ROWS, logits)
        Image.new("RGB", (128, 96), (90, 90, 90)).save(self.folder / "a.png")

    @needs_real_numbers
    def test_paints_masks_in_the_photos_pixels(self):
        self.passes("mask_rcnn", "inference", "a.png", "-m", "m.onnx", "-o", "out")
        image = json.loads((self.folder / "out/detections.json").read_text())["images"][0]
        self.assertEqual([d["label"] for d in image["detections"]], ["cell", "dust"])
        first, second = image["detections"]
        self.assertEqual(first["box"], [8, 16, 72, 80])  # the network saw the photo at half its size, padding below
        self.assertEqual(second["box"], [60, 20, 124, 96])
        self.assertEqual(first["mask"]["size"], [96, 128])
        mask = decoded(first["mask"]["counts"], (96, 128))
        self.assertEqual(mask.shape, (96, 128))
        self.assertTrue(mask[20:46, 12:68].all())
        self.assertFalse(mask[50:].any() or mask[:12].any() or mask[:, :5].any() or mask[:, 75:].any())
        drawn = np.asarray(Image.open(self.folder / "out/images_annotated/a.png"))
        self.assertEqual(drawn.shape, (96, 128, 3))
        self.assertNotEqual(tuple(drawn[30, 40]), (90, 90, 90))
        self.assertEqual(tuple(drawn[90, 20]), (90, 90, 90))
        self.assertFalse((self.folder / "out/labels").exists())

    @needs_real_numbers
    def test_takes_taos_flags(self):
        (self.folder / "labels.txt").write_text("one\ntwo\n")
        (self.folder / "spec.txt").write_text('data_config { image_size: "(64, 64)" num_classes: 3 }\n'
                                              "maskrcnn_config { nlayers: 10 include_mask: true }\n")
        done = self.passes("mask_rcnn", "inference", "-i", self.folder, "-m", "m.onnx", "-r", "out", "-e", "spec.txt", "-k", "x", "-t", "0.5", "-c", "labels.txt",
                           "--include_mask", "-b", "1")
        detections = json.loads((self.folder / "out/detections.json").read_text())["images"][0]["detections"]
        self.assertEqual([d["label"] for d in detections], ["one", "two", "one"])
        self.assertIn("--batch_size", done.err)

    @needs_real_numbers
    def test_refuses_by_name_what_it_cannot_do(self):
        logits = np.zeros((4, 3, 28, 28))
        infer = ("mask_rcnn", "inference", "a.png", "-o", "out", "-m")
        fake_mask_rcnn(self.folder / "plugins.onnx", self.ROWS, logits, node="GenerateDetection_TRT")
        fake_mask_rcnn(self.folder / "names.onnx", self.ROWS, logits, names=("a", "b"))
        fake_mask_rcnn(self.folder / "class.onnx", [[0, 0, 9, 9, 7, 0.9]] * 4, logits)
        self.refuses(*infer, "plugins.onnx", code=1, says=["GenerateDetection_TRT", "--plugins none"])
        self.refuses(*infer, "names.onnx", code=1, says=["no Mask R-CNN"])
        self.refuses(*infer, "class.onnx", code=1, says=["class 7", "a.png"])
        self.refuses(*infer, MODEL, code=1, says=["Keras model", "Mask R-CNN"])
        fake_mask_rcnn(self.folder / "other.onnx", self.ROWS, logits, metadata={"etalon.network": "detectnet_v2"})
        self.refuses(*infer, "other.onnx", code=1, says=["'detectnet_v2'", "'mask_rcnn'", "etalon detectnet_v2 inference takes it"])
        (self.folder / "m.plan").write_bytes(b"ptrt" * 99)
        (self.folder / "m.etlt").write_bytes(b"\0\0\0\7abcdefg" * 99)
        self.refuses(*infer, "m.plan", code=1, says=["TensorRT engine", "--plugins none"])
        self.refuses(*infer, "m.etlt", code=1, says=["m.etlt", "not an .etlt"])

    @needs_real_numbers
    def test_refuses_a_specification_or_class_map_that_does_not_fit(self):
        spec = "data_config {{ image_size: \"({}, {})\" num_classes: {} }}\nmaskrcnn_config {{ nlayers: 10 include_mask: true }}\n"
        # The second leaves the number of classes open, so that only what comes out tells it.
        fake_mask_rcnn(self.folder / "open.onnx", self.ROWS, np.zeros((4, 3, 28, 28)), shapes=((1, 4, 6), (1, 4, "C", 28, 28)))
        for model in ("m.onnx", "open.onnx"):
            infer = ("mask_rcnn", "inference", "a.png", "-o", "out", "-m", model)
            (self.folder / "spec.txt").write_text(spec.format(64, 64, 4))
            self.refuses(*infer, "-e", "spec.txt", code=1, says=["num_classes", "'spec.txt'", " 4 ", "model has 3"])
            (self.folder / "spec.txt").write_text(spec.format(64, 128, 3))
            self.refuses(*infer, "-e", "spec.txt", code=1, says=["image_size is 64 x 128", "64 x 64", "'spec.txt'"])
            for names, count in (("one", 2), ("one\ntwo\nthree", 4), ("BG\none", 2)):
                (self.folder / "names.txt").write_text(names)
                self.refuses(*infer, "-c", "names.txt", code=1, says=["'names.txt'", f"names {count} classes", "model has 3"])
            (self.folder / "names.txt").write_text("BG\none\ntwo")
            (self.folder / "spec.txt").write_text(spec.format(64, 64, 3))
            self.passes(*infer, "-c", "names.txt", "-e", "spec.txt")
            shutil.rmtree(self.folder / "out")

    @needs_real_numbers
    def test_a_class_without_a_name_is_called_by_its_number(self):
        infer = ("mask_rcnn", "inference", "a.png", "-o", "out", "-m", "bare.onnx", "--force")
        fake_mask_rcnn(self.folder / "bare.onnx", self.ROWS, np.zeros((4, 3, 28, 28)), metadata={})
        for called in ("class 2", "2"):
            self.passes(*infer, "--classes", called)
            found = json.loads((self.folder / "out/detections.json").read_text())["images"][0]["detections"]
            self.assertEqual([(d["class"], d["label"]) for d in found], [(2, "class 2")])
        self.refuses(*infer, "--classes", "cell", code=2, says=["the model has no class 'cell', its classes are 'class 0' to 'class 2'"])
        self.refuses(*infer[:-2], "m.onnx", "--force", "--classes", "cel", code=2, says=["the model has no class 'cel', its classes are BG, cell, dust"])


if __name__ == "__main__":
    main()
