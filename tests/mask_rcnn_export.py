"""What `etalon mask_rcnn export` writes beside the graph, from which containers and images, and what uses it afterwards.

The network is a narrow one that is made here (mask_rcnn.Narrow); the graph's numbers are tests/mask_rcnn.py's business.
"""
import io
import json
import struct
import zipfile

import numpy as np
import onnx
import onnxruntime
from PIL import Image

import tf_checkpoint
from mask_rcnn import SPEC, Narrow
from program import IMAGES, ProgramTest, main, needs_real_numbers
from records import write_examples

HEIGHT, WIDTH = 128, 256


def read_cache(path):
    header, *lines = path.read_text().splitlines()
    return header, {name: struct.unpack(">f", bytes.fromhex(digits))[0] for name, _, digits in (line.rpartition(": ") for line in lines)}


class MaskRcnnExport(ProgramTest):
    @classmethod
    def setUpClass(cls):
        packed = io.BytesIO()
        tf_checkpoint.save(packed, Narrow(10, 6, HEIGHT, WIDTH).variables)
        cls.checkpoint = packed.getvalue()

    def setUp(self):
        super().setUp()
        (self.folder / "m.tlt").write_bytes(self.checkpoint)
        text = SPEC.format(layers=10, max_level=6, height=HEIGHT, width=WIDTH)
        files = 'training_file_pattern: "train*.tfrecord" validation_file_pattern: "val.tfrecord" val_json_file: "val.json"'
        self.assertIn('val_json_file: "none.json"', text)
        (self.folder / "spec.txt").write_text(text.replace('val_json_file: "none.json"', files))

    WORDS = ("mask_rcnn", "export", "-m", "m.tlt", "-e", "spec.txt", "-k", "key")

    def int8(self, name, *words, source=("--cal_image_dir", IMAGES, "--batches", 2, "--batch_size", 2)):
        return self.passes(*self.WORDS, "-o", f"{name}.onnx", "--data_type", "int8", "--cal_cache_file", f"{name}.bin", *source, *words)

    def cache(self, name):
        return read_cache(self.folder / f"{name}.bin")[1]

    def content(self, name):
        return (self.folder / name).read_bytes()


class Ranges(MaskRcnnExport):
    @needs_real_numbers
    def test_are_the_same_for_both_graphs_and_leave_boxes_out(self):
        self.int8("plugins")
        self.int8("portable", "--plugins", "none")
        plugins, portable = self.cache("plugins"), self.cache("portable")
        self.assertEqual([n for n in plugins if plugins[n] != portable.get(n)], [])
        graph = onnx.load(str(self.folder / "plugins.onnx")).graph
        made = [o for node in graph.node for o in node.output]
        boxes = {"multilevel_propose_rois", "generate_detections", "mrcnn_detection_bboxes"}
        self.assertEqual({"Input", *made} - set(plugins), boxes)
        self.assertEqual(list(portable), list(plugins))  # nothing of the stages' insides either

    @needs_real_numbers
    def test_are_the_largest_that_onnx_runtime_computes(self):
        picture = np.random.RandomState(3).randint(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
        (self.folder / "images").mkdir()
        Image.fromarray(picture).save(self.folder / "images/a.png")
        self.int8("m", "--plugins", "none", "--calibrator", "minmax", source=("--cal_image_dir", "images", "--batches", 1, "--batch_size", 1))
        ranges = {name: scale * 127 for name, scale in self.cache("m").items() if name != "Input"}
        model = onnx.load(str(self.folder / "m.onnx"))
        del model.graph.output[:]
        model.graph.output.extend(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in ranges)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        batch = ((picture - np.float32([123.675, 116.28, 103.53])) * np.float32(0.017507)).transpose(2, 0, 1)[None]
        for name, values in zip(ranges, session.run(list(ranges), {"Input": batch.astype(np.float32)})):
            if name.startswith(("p6/", "pyramid_cells/level_6", "max_pooling2d")):  # a pool has its input's range
                continue
            largest = float(np.abs(values).max())
            self.assertAlmostEqual(ranges[name], largest, delta=1e-3 * largest + 1e-9, msg=name)

    @needs_real_numbers
    def test_of_the_exported_onnx_are_those_of_the_export(self):
        self.int8("m", "--plugins", "none")
        self.passes("calibrate", "m.onnx", "--cal_image_dir", IMAGES, "--batches", 2, "--batch_size", 2, "--cal_cache_file", "onnx.bin")
        self.assertEqual(self.content("onnx.bin"), self.content("m.bin"))

    @needs_real_numbers
    def test_of_a_run_in_parts_are_those_of_the_whole_run(self):
        for plugins in ("tensorrt", "none"):
            self.int8(plugins, "--plugins", plugins)
            for part in range(2):
                self.int8(f"{plugins}{part}", "--plugins", plugins, "--shard", f"{part}/2", "--statistics", f"{plugins}{part}.stats")
            self.passes("calibrate", "merge", "-m", f"{plugins}.onnx", f"{plugins}0.stats", f"{plugins}1.stats", "--cal_cache_file", "merged.bin",
                        "--force")
            self.assertEqual(self.content("merged.bin"), self.content(f"{plugins}.bin"))

    @needs_real_numbers
    def test_are_the_same_for_any_number_of_threads(self):
        self.int8("one", "--threads", 1)
        self.int8("two", "--threads", 2)
        self.assertEqual(self.content("one.bin"), self.content("two.bin"))

    @needs_real_numbers
    def test_that_exist_are_used_if_they_are_this_networks(self):
        self.int8("first")
        for name, words in (("again", ()), ("portable", ("--plugins", "none"))):
            (self.folder / f"{name}.bin").write_bytes(self.content("first.bin"))
            done = self.int8(name, *words, source=())
            self.assertIn("using the cache", done.err)
            self.assertNotIn("spells", done.err)
        done = self.int8("again", "--tensor_names", "tf", "--force", source=("--cal_image_dir", IMAGES, "--batches", 2, "--batch_size", 2))
        self.assertEqual([n.removesuffix(":0") for n in self.cache("again")], list(self.cache("first")))
        done = self.int8("other_names", "--cal_cache_file", "again.bin", source=())
        self.assertIn("spells", done.err)
        lines = (self.folder / "first.bin").read_text().splitlines()
        (self.folder / "other.bin").write_text("\n".join(line for line in lines if not line.startswith("rpn/")) + "\n")
        self.refuses(*self.WORDS, "-o", "other.onnx", "--data_type", "int8", "--cal_cache_file", "other.bin", code=1, says=["other.bin", "rpn/BiasAdd"])


class Sources(MaskRcnnExport):
    def picture(self, seed, size=(WIDTH, HEIGHT), brightest=255):
        pixels = np.random.RandomState(seed).randint(0, brightest + 1, (size[1], size[0], 3), np.uint8)
        packed = io.BytesIO()
        Image.fromarray(pixels).save(packed, "png")
        return packed.getvalue(), pixels

    @staticmethod
    def largest(pictures):
        """Of the numbers that TAO's loader makes of pictures of the network's size."""
        return max(np.abs((p.astype(np.float32) / 255 - np.float32([0.485, 0.456, 0.406])) / np.float32(0.224)).max() for p in pictures)

    @needs_real_numbers
    def test_the_records_of_the_specification_are_the_source_without_another(self):
        train, validation = [self.picture(n, brightest=200) for n in range(3)], [self.picture(9)]
        write_examples(self.folder / "train-0.tfrecord", [{"image/encoded": p, "image/source_id": str(n)} for n, (p, _) in enumerate(train[:2])])
        write_examples(self.folder / "train-1.tfrecord", [{"image/encoded": train[2][0], "image/source_id": "2"}])
        write_examples(self.folder / "val.tfrecord", [{"image/encoded": validation[0][0], "image/source_id": "9"}])
        source = ("--calibrator", "minmax", "--batches", 3, "--batch_size", 1)
        done = self.int8("train", source=source)
        self.assertIn("data loader", done.err)
        self.assertAlmostEqual(self.cache("train")["Input"] * 127, self.largest(p for _, p in train), places=5)
        done = self.int8("val", "--use_validation_set", source=source)
        self.assertIn("they repeat", done.err)
        self.assertAlmostEqual(self.cache("val")["Input"] * 127, self.largest(p for _, p in validation), places=5)

    def test_records_that_are_not_there_or_hold_no_picture_are_named(self):
        words = (*self.WORDS, "-o", "x.onnx", "--data_type", "int8", "--batches", 1, "--batch_size", 1)
        self.refuses(*words, code=1, says=["training_file_pattern", "train*.tfrecord"])
        write_examples(self.folder / "train.tfrecord", [{"image/source_id": "7"}])
        self.refuses(*words, code=1, says=["train.tfrecord", "image/encoded"])
        write_examples(self.folder / "train.tfrecord", [{"image/encoded": self.picture(1)[0][:500], "image/source_id": "7"}])
        self.refuses(*words, code=1, says=["train.tfrecord"])

    @needs_real_numbers
    def test_a_tensorfile_is_written_from_pictures_and_read_back(self):
        self.int8("written", "--cal_data_file", "t.h5")
        self.assertTrue((self.folder / "t.h5").exists())
        self.int8("read", source=("--cal_data_file", "t.h5", "--batches", 2, "--batch_size", 2))
        self.assertEqual(self.content("read.bin"), self.content("written.bin"))


class Files(MaskRcnnExport):
    def test_deepstream_gets_a_whole_configuration_and_a_name_a_class(self):
        (self.folder / "val.json").write_text(json.dumps({"images": [], "categories": [{"id": 2, "name": "dog"}, {"id": 1, "name": "cat"}]}))
        self.passes(*self.WORDS, "-o", "m.onnx", "--gen_ds_config")
        self.assertEqual((self.folder / "labels.txt").read_text(), "BG\ncat\ndog\n")
        lines = (self.folder / "nvinfer_config.txt").read_text().splitlines()
        for line in ("net-scale-factor=0.017507", "offsets=123.675;116.28;103.53", f"infer-dims=3;{HEIGHT};{WIDTH}", "network-type=3",
                     "num-detected-classes=3", "output-blob-names=generate_detections;mask_fcn_logits/BiasAdd", "cluster-mode=4",
                     "output-instance-mask=1", "parse-bbox-instance-mask-func-name=NvDsInferParseCustomMrcnnTLTV2",
                     "labelfile-path=labels.txt", "onnx-file=m.onnx", "[class-attrs-all]"):
            self.assertIn(line, lines)

    def test_without_annotations_there_are_no_labels(self):
        done = self.passes(*self.WORDS, "-o", "m.onnx", "--gen_ds_config")
        self.assertIn("val.json", done.err)
        self.assertFalse((self.folder / "labels.txt").exists())
        self.assertNotIn("labelfile-path", (self.folder / "nvinfer_config.txt").read_text())

    def test_a_folder_may_end_in_a_slash_and_names_the_model(self):
        with zipfile.ZipFile(self.folder / "m.tlt") as members:
            members.extractall(self.folder / "trained")
        for name in ("trained/", "./trained/."):
            self.passes("mask_rcnn", "export", "-m", name, "-e", "spec.txt")
            (self.folder / "trained.onnx").unlink()

    def test_one_checkpoint_of_a_folder_is_named_by_its_index(self):
        with zipfile.ZipFile(self.folder / "m.tlt") as members:
            members.extractall(self.folder / "trained")
        files = list((self.folder / "trained").glob("*.ckpt*"))
        stem = next(f.name for f in files if f.suffix == ".index").removesuffix(".index")
        for file in files:
            (file.parent / file.name.replace(stem, "model.ckpt-77")).write_bytes(file.read_bytes())
        self.refuses("mask_rcnn", "export", "-m", "trained", "-e", "spec.txt", "-o", "x.onnx", code=1, says=["trained", stem, "model.ckpt-77"])
        self.passes("mask_rcnn", "export", "-m", "trained/model.ckpt-77.index", "-e", "spec.txt")
        self.passes(*self.WORDS, "-o", "zip.onnx")
        self.assertEqual(self.content("model.ckpt-77.onnx"), self.content("zip.onnx"))

    def test_a_folder_without_a_checkpoint_is_said_to_be_one(self):
        (self.folder / "empty").mkdir()
        self.refuses("mask_rcnn", "export", "-m", "empty", "-e", "spec.txt", code=1, says=["empty", "no checkpoint"])

    def test_what_does_not_fit_the_model_comes_before_what_plugins_cannot_do(self):
        spec = (self.folder / "spec.txt").read_text()
        (self.folder / "other.txt").write_text(spec.replace("num_scales: 1", "num_scales: 2"))
        done = self.refuses("mask_rcnn", "export", "-m", "m.tlt", "-e", "other.txt", "-o", "x.onnx", code=1, says=["m.tlt", "rpn-class", "num_scales"])
        self.assertNotIn("--plugins none", done.err)

    def test_what_spec_check_warns_of_export_warns_of(self):
        spec = (self.folder / "spec.txt").read_text()
        (self.folder / "other.txt").write_text(spec.replace("test_rpn_nms_thresh: 0.7", 'test_rpn_nms_thresh: 0 freeze_blocks: "[0, 1"'))
        done = self.passes("mask_rcnn", "export", "-m", "m.tlt", "-e", "other.txt", "-o", "x.onnx")
        for field in ("test_rpn_nms_thresh", "freeze_blocks"):
            self.assertIn(f"{field}:", done.err)
            self.assertIn(field, self.passes("spec", "check", "other.txt").text)

    def test_nothing_in_a_checkpoints_folder_is_written_over(self):
        with zipfile.ZipFile(self.folder / "m.tlt") as members:
            members.extractall(self.folder / "trained")
        index = next((self.folder / "trained").glob("*.index"))
        self.refuses("mask_rcnn", "export", "-m", "trained", "-e", "spec.txt", "-o", "x.onnx", "--force", "--data_type", "int8",
                     "--cal_image_dir", IMAGES, "--batches", 1, "--cal_cache_file", index, code=2, says=[index.name])

    def test_uff_and_qat_are_answered_in_a_line(self):
        self.refuses(*self.WORDS, "-o", "m.uff", code=2, says=["m.uff", "UFF", "TensorRT"])
        done = self.passes(*self.WORDS, "-o", "m.onnx", "--force_ptq", "--gpu_index", "0")
        self.assertIn("QAT", done.err)

    def test_the_batch_is_fixed_with_plugins_and_may_be_without(self):
        for words, batch in (((), 1), (("--static_batch_size", 4), 4), (("--plugins", "none"), None), (("--plugins", "none", "--static_batch_size", 2), 2)):
            self.passes(*self.WORDS, "-o", "m.onnx", "--force", *words)
            first = onnx.load(str(self.folder / "m.onnx")).graph.input[0].type.tensor_type.shape.dim[0]
            self.assertEqual(first.dim_value if first.HasField("dim_value") else None, batch)

    def test_what_the_plugins_cannot_do_is_refused_with_them_and_done_without(self):
        spec = (self.folder / "spec.txt").read_text()
        for field, old, new in (("anchor_scale", "anchor_scale: 8", "anchor_scale: 4"), ("aspect_ratios", "(1.4, 0.7)", "(1.5, 0.7)"),
                                ("bbox_reg_weights", "(10., 10., 5., 5.)", "(1., 1., 1., 1.)"), ("rpn_min_size", "rpn_min_size: 0.", "rpn_min_size: 3."),
                                ("test_rpn_post_nms_topn", "post_nms_topn: 20", "post_nms_topn: 1025"), ("min_level", "min_level: 2", "min_level: 3"),
                                ("image_size", f"({HEIGHT}, {WIDTH})", "(1536, 1536)")):
            with self.subTest(field=field):
                self.assertIn(old, spec)
                (self.folder / "other.txt").write_text(spec.replace(old, new))
                words = ("mask_rcnn", "export", "-m", "m.tlt", "-e", "other.txt", "-o", f"{field}.onnx")
                self.refuses(*words, code=1, says=["other.txt", field, "--plugins none"])
                self.passes(*words, "--plugins", "none")


class Afterwards(MaskRcnnExport):
    @needs_real_numbers
    def test_a_trained_model_and_its_onnx_find_the_same(self):
        self.passes(*self.WORDS, "-o", "m.onnx", "--plugins", "none")
        self.passes("mask_rcnn", "inference", IMAGES, "-m", "m.onnx", "-o", "exported", "--threshold", "0.05")
        self.passes("mask_rcnn", "inference", IMAGES, "-m", "m.tlt", "-e", "spec.txt", "-o", "trained", "--threshold", "0.05")
        documents = [json.loads((self.folder / name / "detections.json").read_text()) for name in ("exported", "trained")]
        self.assertEqual(documents[0]["images"], documents[1]["images"])
        self.assertGreater(sum(len(image["detections"]) for image in documents[0]["images"]), 0)

    def test_a_trained_model_needs_its_specification(self):
        self.refuses("mask_rcnn", "inference", IMAGES, "-m", "m.tlt", "-o", "found", code=2, says=["m.tlt", "-e SPEC"])

    def test_plugins_run_on_no_cpu(self):
        self.passes(*self.WORDS, "-o", "m.onnx")
        self.refuses("mask_rcnn", "inference", IMAGES, "-m", "m.onnx", "-o", "found", code=1, says=["m.onnx", "_TRT", "--plugins none"])

    def test_inspect_and_doctor_say_what_a_checkpoint_is(self):
        seen = json.loads(self.passes("inspect", "m.tlt", "--json").out)
        self.assertEqual((seen["network"], seen["backbone"], seen["pruned"], seen["classes"]), ("mask_rcnn", "ResNet-10", True, 3))
        self.assertEqual(seen["widths"]["C2 .. C5"], "5, 6, 7, 8")
        rows = {row["what"]: row for row in json.loads(self.passes("doctor", "-m", "m.tlt", "-e", "spec.txt", "--json").out)["checks"]}
        self.assertEqual((rows["spec"]["result"], rows["model"]["result"]), ("ok", "ok"))
        self.assertIn("ResNet-10", rows["model"]["detail"])
        self.passes(*self.WORDS, "-o", "m.onnx", "--plugins", "none")
        self.passes("doctor", "-m", "m.onnx", "-e", "spec.txt")
        (self.folder / "other.txt").write_text((self.folder / "spec.txt").read_text().replace("num_classes: 3", "num_classes: 9"))
        done = self.run_program("doctor", "-m", "m.tlt", "-e", "other.txt")
        self.assertEqual(done.code, 1)
        self.assertIn("num_classes", done.out)


if __name__ == "__main__":
    main()
