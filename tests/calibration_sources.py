"""Where calibration images come from: folders, tensorfiles, the specification's data loader; calibration_tensorfile."""
import json
import pathlib
import re
import shutil
import unittest

import h5py
import numpy as np
from PIL import Image

from program import IMAGES, MODEL, SPEC, ProgramTest, data, main
from records import write_frames

KEY = "_tensorfile_array_key_"
INT8 = ("detectnet_v2", "export", "-m", MODEL, "--data_type", "int8")
PICTURES = sorted(IMAGES.glob("*.jpg"))


def batches(path):
    """As NVIDIA's reader: groups 0, 1, ... as long as there are any."""
    with h5py.File(path, "r") as file:
        found = []
        while f"{KEY}_{len(found)}" in file:
            found.append(file[f"{KEY}_{len(found)}"][KEY][...])
        assert int(file.attrs["count"]) == len(found)
        assert list(file.attrs["shape"]) == list(found[0].shape)
        return found


def order(path):
    with h5py.File(path, "r") as file:
        return [name.decode() if isinstance(name, bytes) else name
                for i in range(int(file.attrs["count"])) for name in file[f"{KEY}_{i}"].attrs["images"]]


def lanczos(path):
    image = Image.open(path).resize((320, 240), Image.LANCZOS).convert("RGB")
    return np.asarray(image).astype(np.float32).transpose(2, 0, 1) * np.float32(1 / 255)


class Folders(ProgramTest):
    def test_several_folders_are_one(self):
        for number, picture in enumerate(PICTURES[:6]):
            folder = self.folder / ("a" if number % 2 else "b")
            folder.mkdir(exist_ok=True)
            shutil.copy(picture, folder)
            (self.folder / "all").mkdir(exist_ok=True)
            shutil.copy(picture, self.folder / "all")
        words = ("--batches", 3, "--batch_size", 2)
        self.passes(*INT8, "-o", "1.onnx", "--cal_cache_file", "1.bin", "--cal_image_dir", "a", "--cal_image_dir", "b", *words)
        self.passes(*INT8, "-o", "2.onnx", "--cal_cache_file", "2.bin", "--cal_image_dir", "all", *words)
        self.assertEqual((self.folder / "1.bin").read_bytes(), (self.folder / "2.bin").read_bytes())
        self.refuses(*INT8, "--cal_image_dir", "a", "--cal_image_dir", "absent", code=1, says=["absent", "does not exist"])
        self.refuses(*INT8, "--cal_image_dir", "a", *words, code=1, says=["'a' has 3 images", "asks for 6"])


class Tensorfile(ProgramTest):
    words = ("--batches", 2, "--batch_size", 3)

    def calibrate(self, stem, *more, **env):
        return self.passes(*INT8, "-o", f"{stem}.onnx", "--cal_cache_file", f"{stem}.bin", *self.words, *more, **env)

    def cache(self, stem):
        return (self.folder / f"{stem}.bin").read_bytes()

    def write(self, path, arrays, **how):
        with h5py.File(self.folder / path, "w") as file:
            file.attrs["count"], file.attrs["shape"] = len(arrays), arrays[0].shape
            for i, array in enumerate(arrays):
                file.create_group(f"{KEY}_{i}").create_dataset(KEY, data=array, **how)

    def test_a_name_that_does_not_exist_is_written_from_the_pictures_and_gives_the_same_cache(self):
        self.calibrate("written", "--cal_image_dir", IMAGES, "--cal_data_file", "new/t.h5")
        self.calibrate("pictures", "--cal_image_dir", IMAGES)
        said = self.calibrate("read", "--cal_image_dir", IMAGES, "--cal_data_file", "new/t.h5")
        self.assertIn("tensorfile 'new/t.h5'", said.err)
        self.assertEqual(self.cache("written"), self.cache("pictures"))
        self.assertEqual(self.cache("read"), self.cache("pictures"))
        file = self.folder / "new/t.h5"
        self.assertEqual([b.dtype for b in batches(file)], [np.float64] * 2)
        got = np.concatenate(batches(file)).astype(np.float32)
        expected = np.stack([lanczos(IMAGES / name) for name in order(file)])
        self.assertEqual(float(np.abs(got - expected).max()), 0)

    def test_numbers_of_any_width_and_packing_are_the_same_images(self):
        self.calibrate("pictures", "--cal_image_dir", IMAGES, "--cal_data_file", "t.h5")
        arrays = batches(self.folder / "t.h5")
        for number, (dtype, how) in enumerate([(np.float32, {}), (np.float64, {"compression": "gzip", "shuffle": True}),
                                               (np.float32, {"chunks": (1, 1, 16, 16), "compression": "gzip", "fletcher32": True})]):
            self.write(f"{number}.h5", [a.astype(dtype) for a in arrays], **how)
            self.calibrate(str(number), "--cal_data_file", f"{number}.h5")
            self.assertEqual(self.cache(str(number)), self.cache("pictures"))
        self.write("half.h5", [a.astype(np.float16) for a in arrays])
        self.calibrate("half", "--cal_data_file", "half.h5", "--calibrator", "minmax")

    def test_rows_beyond_the_batch_size_and_batches_beyond_are_not_read(self):
        rows = np.stack([lanczos(p) for p in PICTURES[:6]])
        self.write("exact.h5", [rows[:3], rows[3:]])
        noise = np.full_like(rows[:1], 0.987)
        self.write("more.h5", [np.concatenate([rows[:3], noise]), np.concatenate([rows[3:], noise]), np.repeat(noise, 4, 0)])
        self.calibrate("exact", "--cal_data_file", "exact.h5")
        self.calibrate("more", "--cal_data_file", "more.h5")
        self.assertEqual(self.cache("exact"), self.cache("more"))

    def test_what_does_not_fit_is_refused(self):
        rows = np.stack([lanczos(p) for p in PICTURES[:3]])
        self.write("t.h5", [rows])
        use = (*INT8, "--cal_data_file")
        self.refuses(*use, "t.h5", "--batches", 2, "--batch_size", 3, code=1, says=["t.h5", "1 batches", "asks for 2"])
        self.refuses(*use, "t.h5", "--batches", 1, "--batch_size", 4, code=1, says=["3 rows", "--batch_size"])
        self.write("small.h5", [rows[:, :, :96, :160]])
        self.refuses(*use, "small.h5", "--batches", 1, "--batch_size", 1, code=1, says=["3x3x96x160", "3x240x320"])
        broken = rows.copy()
        broken[2, 0, 5, 5] = np.inf
        self.write("inf.h5", [broken])
        self.refuses(*use, "inf.h5", "--batches", 1, "--batch_size", 3, code=1, says=["inf.h5", "row 2 of batch 0", "infinite"])
        self.refuses(*use, "absent.h5", code=1, says=["absent.h5", "does not exist"])
        shutil.copy(MODEL, self.folder / "model.h5")
        self.refuses(*use, "model.h5", code=1, says=["model.h5"])
        with h5py.File(self.folder / "dict.h5", "w") as file:
            file.attrs["count"] = 1
            file.create_group(f"{KEY}_0").create_dataset("x", data=rows)
        self.refuses(*use, "dict.h5", "--batches", 1, "--batch_size", 1, code=1, says=["dict.h5"])

    def test_numbers_that_no_picture_can_give_draw_a_warning(self):
        rows = np.stack([lanczos(p) for p in PICTURES[:3]]) * 255
        self.write("t.h5", [rows, rows])
        self.assertRegex(self.calibrate("a", "--cal_data_file", "t.h5").err, "warning: .*reaches 255")

    def test_nvidias_own_files_are_read(self):
        file = data("models/detectnet_v2/dataset/tensorfile_from_dataloader.h5")
        shape = batches(file)[0].shape
        self.assertEqual(shape[1:], (3, 240, 320))
        self.passes(*INT8, "-o", "a.onnx", "--cal_data_file", file, "--batches", 1, "--batch_size", shape[0])
        for path in sorted(file.parent.glob("tensorfile_*.h5")):
            seen = json.loads(self.passes("inspect", path, "--json").out)
            self.assertEqual((seen["kind"], seen["batch"]), ("calibration tensorfile", "x".join(map(str, batches(path)[0].shape))))


class DataLoader(ProgramTest):
    """A data set of six pictures of 320x240 in two folds, below the folder `root`."""

    def setUp(self):
        super().setUp()
        self.root = self.folder / "root"
        (self.root / "set/images").mkdir(parents=True)
        for number, picture in enumerate(PICTURES[:6]):
            Image.open(picture).resize((320, 240)).save(self.root / f"set/images/{number}.png")
        frames = [(f"images/{number}", 320, 240) for number in range(6)]
        write_frames(self.root / "records/x-fold-000-of-002", frames[:2])
        write_frames(self.root / "records/x-fold-001-of-002", frames[2:])
        text = SPEC.read_text()
        text = re.sub(r"dataset_config \{.*?\n\}", 'dataset_config { data_sources { tfrecords_path: "records/*" image_directory_path: "set" } '
                      'image_extension: "png" target_class_mapping { key: "rbc" value: "rbc" } validation_fold: 0 }', text, flags=re.S)
        text = re.sub(r"batch_size_per_gpu: \d+", "batch_size_per_gpu: 2", text)
        self.spec = self.folder / "spec.txt"
        self.spec.write_text(text)
        self.env = {"DATA_BASE_PATH": str(self.root)}

    def tensorfile(self, name, *words, **more):
        return self.passes("detectnet_v2", "calibration_tensorfile", "-e", self.spec, "-o", name, *words, env=self.env, **more)

    def expected(self, name):
        """MULTISOURCE: to float16, times float16(1/255)."""
        pixels = np.asarray(Image.open(self.root / "set" / name).convert("RGB")).transpose(2, 0, 1)
        return (pixels.astype(np.float16) * np.float16(1 / 255)).astype(np.float32)

    def test_the_tensorfile_holds_the_loaders_numbers_in_the_recorded_order(self):
        said = self.tensorfile("all.h5")
        self.assertTrue(said.out.endswith("Execution status: PASS\n"))
        got, names = np.concatenate(batches(self.folder / "all.h5")), order(self.folder / "all.h5")
        self.assertEqual(got.dtype, np.float32)
        self.assertEqual(sorted(names), [f"images/{n}.png" for n in range(2, 6)], "the training folds, each image once")
        self.assertNotEqual(names, sorted(names), "in a drawn order")
        for image, name in zip(got, names):
            self.assertTrue(np.array_equal(image, self.expected(name)), name)
        self.tensorfile("again.h5", "--threads", 1)
        self.assertEqual((self.folder / "all.h5").read_bytes(), (self.folder / "again.h5").read_bytes())
        self.spec.write_text(re.sub(r"random_seed: \d+", "random_seed: 8", self.spec.read_text()))
        self.tensorfile("other.h5")
        self.assertNotEqual(order(self.folder / "other.h5"), names)

    def test_both_spellings_of_the_flags(self):
        words = ("detectnet_v2", "calibration_tensorfile")
        self.passes(*words, "--experiment_spec_file", self.spec, "--output_path", "a.h5", "--max_batches", 1, env=self.env)
        self.passes(*words, "--experiment_spec", self.spec, "--output", "deep/b.h5", "-m", 1, env=self.env)
        self.assertEqual((self.folder / "a.h5").read_bytes(), (self.folder / "deep/b.h5").read_bytes())
        self.assertEqual(len(batches(self.folder / "a.h5")), 1)

    def test_the_validation_set_comes_in_its_order(self):
        self.tensorfile("v.h5", "--use_validation_set")
        self.assertEqual(order(self.folder / "v.h5"), ["images/0.png", "images/1.png"])

    def test_what_cannot_be_is_refused(self):
        words = ("detectnet_v2", "calibration_tensorfile", "-e", self.spec, "-o", "t.h5")
        self.refuses(*words, "-m", 3, code=1, env=self.env, says=["spec.txt", "contains 2 minibatches", "requested amount is 3"])
        self.refuses(*words, "-m", 0, code=2, env=self.env, says=["--max_batches"])
        self.refuses(*words, code=1, env={"DATA_BASE_PATH": str(self.folder / "nowhere")}, says=["tfrecords_path", "nowhere"])
        self.refuses("detectnet_v2", "calibration_tensorfile", "-o", "t.h5", code=2, says=["--experiment_spec"])
        (self.root / "set/images/3.png").write_bytes(b"no picture")
        self.refuses(*words, code=1, env=self.env, says=["images/3.png"])
        (self.folder / "there.h5").write_bytes(b"x")
        self.refuses(*words[:-1], "there.h5", code=1, env=self.env, says=["there.h5", "exists"])
        other = self.folder / "mask.txt"
        other.write_text("maskrcnn_config { nlayers: 10 }\n")
        self.refuses("detectnet_v2", "calibration_tensorfile", "-e", other, "-o", "t.h5", code=1, says=["Mask R-CNN"])

    def test_export_calibrates_from_the_specification_alone(self):
        words = ("--batches", 2, "--batch_size", 2)
        said = self.passes(*INT8, "-o", "a.onnx", "--cal_cache_file", "a.bin", "-e", self.spec, *words, env=self.env)
        self.assertIn("data loader of --experiment_spec", said.err)
        self.tensorfile("t.h5")
        self.passes(*INT8, "-o", "b.onnx", "--cal_cache_file", "b.bin", "-e", self.spec, "--cal_data_file", "t.h5", *words, env=self.env)
        self.assertEqual((self.folder / "a.bin").read_bytes(), (self.folder / "b.bin").read_bytes(), "all four training images, in any order")
        self.passes(*INT8, "-o", "v.onnx", "--cal_cache_file", "v.bin", "-e", self.spec, "--use_validation_set", "--batches", 1, "--batch_size", 2, env=self.env)
        self.assertNotEqual((self.folder / "v.bin").read_bytes(), (self.folder / "a.bin").read_bytes())
        many = self.passes(*INT8, "-o", "m.onnx", "--cal_cache_file", "m.bin", "-e", self.spec, "--batches", 4, "--batch_size", 2, env=self.env)
        self.assertRegex(many.err, "warning: .*4 frames: they repeat")

    def test_given_flags_win_over_the_specification(self):
        words = ("-e", self.spec, "--batches", 1, "--batch_size", 2)
        said = self.passes(*INT8, "-o", "a.onnx", "--cal_cache_file", "a.bin", "--cal_image_dir", IMAGES, *words, env=self.env)
        self.assertRegex(said.err, "--cal_image_dir, which was given; TAO would take the data loader")
        self.passes(*INT8, "-o", "b.onnx", "--cal_cache_file", "b.bin", "--cal_image_dir", IMAGES, *words[2:])
        self.assertEqual((self.folder / "a.bin").read_bytes(), (self.folder / "b.bin").read_bytes())

    def test_a_loader_of_another_size_is_refused(self):
        self.spec.write_text(self.spec.read_text().replace("output_image_width: 320", "output_image_width: 640"))
        self.refuses(*INT8, "-e", self.spec, code=1, env=self.env, says=["3x240x640", "3x240x320"])

    def test_a_broken_record_is_named(self):
        path = self.root / "records/x-fold-001-of-002"
        content = bytearray(path.read_bytes())
        content[60] ^= 1
        path.write_bytes(content)
        self.refuses(*INT8, "-e", self.spec, code=1, env=self.env, says=["crc", "x-fold-001-of-002", "record"])
        self.refuses("inspect", path, code=1, says=["crc"])

    def test_inspect_knows_records(self):
        seen = json.loads(self.passes("inspect", self.root / "records/x-fold-001-of-002", "--json").out)
        self.assertEqual((seen["kind"], seen["records"], seen["frames"], seen["first_frame"]), ("TFRecord file", 4, 4, "images/2"))
        self.assertEqual(seen["sizes"], [{"width": 320, "height": 240, "frames": 4}])


class Noise(ProgramTest):
    def test_random_numbers_only_when_asked_for_and_said_loudly(self):
        self.refuses(*INT8, "--cal_random", "--cal_image_dir", IMAGES, code=2, says=["--cal_random"])
        self.refuses(*INT8, code=2, says=["--cal_image_dir"])
        said = self.passes(*INT8, "-o", "a.onnx", "--cal_random", "--batches", 1, "--batch_size", 1)
        self.assertRegex(said.err, "warning: CALIBRATING ON RANDOM NOISE")


if __name__ == "__main__":
    main()
