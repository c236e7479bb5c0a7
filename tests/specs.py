"""`etalon spec check`: what a specification is, what matters to export, what is wrong and where."""
import json

from program import ROOT, SPEC, ProgramTest, data, main

NO_DATA = {"DATA_BASE_PATH": "/nonexistent"}


class SpecCheck(ProgramTest):
    def edited(self, *replacements, name="edited.txt"):
        text = SPEC.read_text()
        for old, new in replacements:
            self.assertIn(old, text)
            text = text.replace(old, new, 1)
        (self.folder / name).write_text(text)
        return name

    def line_of(self, name, word):
        return next(i for i, line in enumerate((self.folder / name).read_text().splitlines(), 1) if word in line)

    def checked(self, *words, code=0, **more):
        done = self.run_program("spec", "check", *words, "--json", **more)
        self.assertEqual(done.code, code, done.text)
        return json.loads(done.out)

    def test_tells_what_matters_to_export(self):
        seen = self.checked(SPEC, env=NO_DATA)
        self.assertEqual((seen["version"], seen["kind"]), (1, "experiment specification of DetectNet_v2"))
        matters = seen["matters_to_export"]
        self.assertEqual(matters["classes"], ["rbc", "wbc", "platelets"])
        self.assertEqual(matters["architecture"], "resnet 18")
        self.assertEqual(matters["input"], {"width": 320, "height": 240, "channels": 3})
        self.assertEqual(matters["preprocessing"], {"enable_auto_resize": True})
        self.assertEqual(matters["box_code"], {"scale": 35.0, "offset": 0.5})
        self.assertEqual([(row["class"], row["algorithm"], row["nms_iou_threshold"]) for row in matters["clustering"]],
                         [("rbc", "NMS", 0.4), ("wbc", "NMS", 0.4), ("platelets", "NMS", 0.4)])
        self.assertEqual([(row["for"], row["image_directory_path"]) for row in matters["data_sources"]],
                         [("training", "bccd/train"), ("validation", "bccd/validation")])
        self.assertEqual({key: matters[key] for key in ("validation", "image_extension", "dataloader_mode", "sampling_mode", "batch_size_per_gpu", "random_seed")},
                         {"validation": "a source of its own", "image_extension": "jpg", "dataloader_mode": "MULTISOURCE", "sampling_mode": "USER_DEFINED",
                          "batch_size_per_gpu": 32, "random_seed": 42})
        text = self.passes("spec", "check", SPEC, env=NO_DATA).out
        self.assertIn("classes: rbc, wbc, platelets\n", text)
        self.assertTrue(text.endswith("errors: 0, warnings: 0, notes: 4\n"), text)

    def test_the_size_is_what_the_data_loader_makes(self):
        width = "output_image_width: 320"
        cropped = self.edited((width, width + " crop_left: 100 crop_top: 60 crop_right: 420 crop_bottom: 284"))
        self.assertEqual(self.checked(cropped)["matters_to_export"]["input"], {"width": 320, "height": 224, "channels": 3})
        padded = self.edited((width, width + " crop_left: 100 crop_right: 420"), ('image_extension: "jpg"', 'image_extension: "jpg" dataloader_mode: LEGACY'))
        self.assertEqual(self.checked(padded)["matters_to_export"]["input"], {"width": 320, "height": 240, "channels": 3})
        free = self.edited((width, width + " output_image_min: 300 output_image_max: 400"))
        self.assertEqual(self.checked(free)["matters_to_export"]["input"], {"shorter_side": 300, "longer_side": 400, "channels": 3})

    def test_wrong_values_are_told_with_file_line_column_and_the_source(self):
        name = self.edited(("output_image_width: 320", "output_image_width: 0"), ("num_epochs: 700", "num_epochs: 0"))
        done = self.run_program("spec", "check", name, env=NO_DATA)
        self.assertEqual((done.code, done.err), (1, ""))
        line = self.line_of(name, "output_image_width")
        self.assertIn(f"{name}:{line}:25: error: augmentation_config.preprocessing.output_image_width: it is 0, expected more than 0\n"
                      f"{line:6} |     output_image_width: 0\n", done.out)
        line = self.line_of(name, "num_epochs")
        self.assertIn(f"{name}:{line}:15: warning: training_config.num_epochs: TAO refuses this: it is 0, expected more than 0\n", done.out)
        self.assertTrue(done.out.endswith("errors: 1, warnings: 1, notes: 4\n"), done.out)
        rows = self.checked(name, code=1, env=NO_DATA)["findings"]
        self.assertEqual([row["severity"] for row in rows].count("error"), 1)
        self.assertEqual(list(rows[0]), ["severity", "line", "column", "field", "text", "source"])
        self.assertEqual([row["line"] for row in rows], sorted(row["line"] for row in rows))

    def test_what_only_tao_refuses_is_a_warning(self):
        name = self.edited(("clustering_algorithm: NMS", "clustering_algorithm: NMS dbscan_min_samples: 4"))
        rows = [row for row in self.checked(name)["findings"] if row["severity"] != "note"]
        self.assertEqual([(row["severity"], row["text"]) for row in rows], [("warning", "TAO refuses this: it is 4, expected 0 or 1")])

    def test_an_unknown_field_warns_with_the_nearest_name(self):
        name = self.edited(("random_seed", "random_sead"))
        done = self.passes("spec", "check", name)
        self.assertIn(f"{name}:{self.line_of(name, 'random_sead')}:1: warning: random_sead: unknown field 'random_sead' of Experiment is passed over, "
                      "did you mean 'random_seed'?\n", done.out)

    def test_a_wrong_type_fails_with_its_line(self):
        name = self.edited(("output_image_width: 320", "output_image_width: wide"))
        line = self.line_of(name, "wide")
        self.refuses("spec", "check", name, code=1, says=["Expected integer, got: wide", f"line {line}, column 25", name])
        document = self.checked(name, code=1)
        self.assertEqual((document["status"], document["error"]["kind"]), ("FAIL", "bad_input"))
        self.assertEqual(document["error"]["places"], [f"line {line}, column 25", f"'{name}'"])

    def test_data_are_looked_for_where_tao_looks(self):
        records = self.folder / "base/bccd/tfrecords"
        records.mkdir(parents=True)
        (records / "train-fold-000-of-001").touch()
        (self.folder / "base/bccd/validation").mkdir()
        notes = [row["text"] for row in self.checked(SPEC, env={"DATA_BASE_PATH": "base"})["findings"]]
        self.assertEqual(notes, ["there is no folder 'base/bccd/train'", "no file matches 'base/bccd/tfrecords/validation-fold-*'"])
        home = self.checked(SPEC, env={"DATA_BASE_PATH": "", "HOME": str(self.folder / "home")})["findings"]
        self.assertEqual(home[0]["text"], f"no file matches '{self.folder}/home/datasets/bccd/tfrecords/train-fold-*'")

    def test_other_kinds_are_recognised_and_named(self):
        kinds = {"inference.txt": "inference specification of DetectNet_v2", "convert.txt": "dataset_convert specification of DetectNet_v2"}
        for name, kind in kinds.items():
            path = ROOT / "fuzz/corpus/spec" / name
            seen = self.checked(path)
            self.assertEqual(seen["kind"], kind)
            self.assertEqual(seen["holds"]["network"], "detectnet_v2")
            self.assertEqual(json.loads(self.passes("inspect", path, "--json").out)["kind"], kind)
        path = self.folder / "ssd.txt"
        path.write_text("random_seed: 42\nssd_config {\n  arch: \"resnet\"\n}\n")
        self.refuses("spec", "check", path, code=1, says=["specification of SSD", "'ssd_config' in line 2, column 1", "not supported yet", str(path)])
        self.assertEqual(self.checked(path, code=1)["error"]["kind"], "unsupported")
        seen = json.loads(self.passes("inspect", path, "--json").out)
        self.assertEqual((seen["kind"], seen["network"]), ("specification of SSD", "SSD"))

    def test_what_is_no_specification_is_refused(self):
        for content, says in ((b"", "is empty"), (b"\x00\x01", "binary"), (b"hello", "does not parse"), (b"a: 1", "no field of a DetectNet_v2 specification")):
            (self.folder / "x").write_bytes(content)
            self.refuses("spec", "check", "x", code=1, says=[says, "'x'"])
        (self.folder / "large").write_bytes(b"# " * (3 << 20))
        self.refuses("spec", "check", "large", code=1, says=["large"])
        self.refuses("spec", "check", "absent", code=1, says=["absent"])
        self.refuses("spec", "check", ".", code=1, says=["."])

    def test_wrong_usage(self):
        self.refuses("spec", "check", code=2, says=["FILE"])
        self.refuses("spec", "check", SPEC, "--nope", code=2, says=["--nope"])
        self.refuses("spec", "chekc", SPEC, code=2, says=["did you mean check?"])
        self.assertEqual(self.run_program("spec").code, 2)
        self.assertIn("Examples:", self.passes("spec", "check", "--help").out)
        self.assertIn("etalon spec check", self.passes("--help").out)

    def test_control_characters_do_not_reach_the_terminal(self):
        path = self.folder / "hostile.txt"
        path.write_bytes(b'random_seed: 1 # \x1b[2J\ncost_function_config { target_classes { name: "\\033[2J" } target_classes { name: "\xff\x1b[31m" } } # \x1b[1m\n')
        done = self.run_program("spec", "check", path)
        self.assertNotIn("\x1b", done.text)
        json.loads(self.run_program("spec", "check", path, "--json").out)

    def test_the_published_specifications_have_no_error(self):
        for folder in ("azureml/specs", "models/detectnet_v2/dataset/specs"):
            paths = sorted(data(folder).glob("*.txt"))
            self.assertTrue(paths)
            for path in paths + [data("models/detectnet_v2/bccd.spec.txt")]:
                self.checked(path)
        self.checked(data("models/mask_rcnn/spec.txt"))


MASK_RCNN = """\
data_config {
  image_size: "(192, 256)"
  num_classes: 4
  val_json_file: "val.json"
  training_file_pattern: "records/train*.tfrecord"
}
maskrcnn_config {
  nlayers: 50
  arch: "resnet"
  include_mask: True
  bbox_reg_weights: "(10., 10., 5., 5.)"
  mrcnn_resolution: 28
  fast_rcnn_mlp_head_dim: 1024
  test_detections_per_image: 20
  test_nms: 0.5
  test_rpn_post_nms_topn: 200
  test_rpn_nms_thresh: 0.7
  min_level: 2
  max_level: 6
  num_scales: 1
  aspect_ratios: "[(1.0, 1.0), (1.4, 0.7), (0.7, 1.4)]"
  anchor_scale: 8
}
"""


class MaskRcnnSpecCheck(ProgramTest):
    def checked(self, *replacements, code=0):
        text = MASK_RCNN
        for old, new in replacements:
            self.assertIn(old, text)
            text = text.replace(old, new, 1)
        (self.folder / "spec.txt").write_text(text)
        done = self.run_program("spec", "check", "spec.txt", "--json", env=NO_DATA)
        self.assertEqual(done.code, code, done.text)
        return json.loads(done.out)

    def rows(self, seen):
        return [(row["severity"], row["line"], row["field"], row["text"]) for row in seen["findings"]]

    def test_tells_what_matters_to_export(self):
        seen = self.checked()
        self.assertEqual(seen["kind"], "experiment specification of Mask R-CNN")
        matters = seen["matters_to_export"]
        self.assertEqual((matters["network"], matters["architecture"], matters["num_classes"]), ("mask_rcnn", "resnet 50", 4))
        self.assertEqual(matters["input"], {"width": 256, "height": 192, "channels": 3})
        self.assertEqual(matters["proposals"], {"test_rpn_post_nms_topn": 200, "test_rpn_nms_thresh": 0.7, "rpn_min_size": 0})
        self.assertEqual(matters["detections"], {"test_detections_per_image": 20, "test_nms": 0.5, "bbox_reg_weights": [10, 10, 5, 5]})
        self.assertEqual(matters["plugins"], "tensorrt, none")
        self.assertEqual(json.loads(self.passes("inspect", "spec.txt", "--json").out)["architecture"], "resnet 50")

    def test_data_are_looked_for_in_the_working_directory(self):
        self.assertEqual(self.rows(self.checked()),
                         [("note", 4, "data_config.val_json_file", "no file matches 'val.json'"),
                          ("note", 5, "data_config.training_file_pattern", "no file matches 'records/train*.tfrecord'")])
        (self.folder / "records").mkdir()
        (self.folder / "records/train-0.tfrecord").touch()
        (self.folder / "val.json").touch()
        self.assertEqual(self.rows(self.checked()), [])

    def test_wrong_values_are_told_with_field_and_place(self):
        for old, new, line, field, text in (
                ("(192, 256)", "(200, 256)", 2, "data_config.image_size", "the nearest is (192, 256)"),
                ("(192, 256)", "__import__('os')", 2, "data_config.image_size", "column 1: found '__import__('os')', expected a number"),
                ("num_classes: 4", "num_classes: 0", 3, "data_config.num_classes", "it is 0, expected 2 to 4096"),
                ("nlayers: 50", "nlayers: 49", 8, "maskrcnn_config.nlayers", "it is 49, expected one of 10, 18, 34, 50, 101"),
                ("include_mask: True", "include_mask: False", 10, "maskrcnn_config.include_mask", "expected true")):
            rows = [row for row in self.rows(self.checked((old, new), code=1)) if row[0] == "error"]
            self.assertEqual([row[:3] for row in rows], [("error", line, field)])
            self.assertIn(text, rows[0][3])

    def test_an_absent_field_has_its_built_in_value_and_a_warning(self):
        seen = self.checked(("  test_nms: 0.5\n", ""))
        self.assertEqual(seen["matters_to_export"]["detections"]["test_nms"], 0.5)
        self.assertIn(("warning", 7, "maskrcnn_config.test_nms", "test_nms is missing: 0.5 is taken, TAO's built-in value (TAO itself would read 0)"),
                      self.rows(seen))

    def test_what_the_plugins_cannot_do_is_listed(self):
        matters = self.checked(("anchor_scale: 8", "anchor_scale: 4"), ("topn: 200", "topn: 2000"))["matters_to_export"]
        self.assertEqual(matters["plugins"], "none")
        self.assertEqual(matters["plugins_cannot"], ["maskrcnn_config.anchor_scale is 4, TensorRT's plugins have 8 built in",
                                                     "maskrcnn_config.test_rpn_post_nms_topn is 2000, TensorRT's plugins crash above 1024"])

    def test_the_other_networks_verbs_refuse_it_by_name(self):
        (self.folder / "spec.txt").write_text(MASK_RCNN)
        self.refuses("detectnet_v2", "calibration_tensorfile", "-e", "spec.txt", "-o", "t.h5", code=1, says=["Mask R-CNN", "'maskrcnn_config'", "DetectNet_v2"])


if __name__ == "__main__":
    main()
