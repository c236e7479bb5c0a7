"""Bad input: one clear line, exit 1, nothing left behind, nothing that existed changed."""
import os
import pathlib
import shutil
import unittest

import h5py
import numpy as np
from PIL import Image

from program import IMAGES, MODEL, SPEC, ProgramTest, data, main, needs_real_numbers

GOOD = MODEL.read_bytes()
# Under sanitizers a stand-in takes the place of the library that runs networks.


class BadModel(ProgramTest):
    def refused(self, path, *says):
        self.refuses("detectnet_v2", "export", "-m", path, "-o", "x.onnx", code=1, says=[pathlib.Path(path).name, *says])

    def edited(self, name, change):
        path = self.folder / name
        path.write_bytes(GOOD)
        with h5py.File(path, "r+") as file:
            change(file)
        return path

    def test_files_that_are_no_model(self):
        self.refused("absent.hdf5")
        self.refused(self.folder)
        for name, content, word in (("empty.hdf5", b"", "empty"), ("cut.hdf5", GOOD[:200000], ""), ("text.hdf5", b"hello" * 1000, ""),
                                    ("lfs.hdf5", b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 1\n", "Git LFS"),
                                    ("zip.tlt", b"PK\x03\x04" + bytes(60), "ZIP")):
            (self.folder / name).write_bytes(content)
            self.refused(self.folder / name, word)

    def test_hdf5_that_is_no_detectnet(self):
        self.refused(self.edited("noconfig.hdf5", lambda f: f.attrs.__delitem__("model_config")), "model_config")

        def replace(old, new):
            def change(f):
                text = f.attrs["model_config"]
                text = text.decode() if isinstance(text, bytes) else text
                assert old in text
                f.attrs["model_config"] = text.replace(old, new)
            return change
        self.refused(self.edited("unknown.hdf5", replace('"class_name": "Add"', '"class_name": "Fold3D"')), "Fold3D", "add_1")
        self.refused(self.edited("json.hdf5", replace('{"class_name"', '{{')), "model_config")
        self.refused(self.edited("heads.hdf5", replace("output_cov", "output_cow")), "output_cov")

    def test_weights_that_do_not_fit(self):
        kernel = "model_weights/conv1/conv1/kernel:0"

        def reshape(f):
            values = f[kernel][...][:, :, :2]
            del f[kernel]
            f[kernel] = values

        def poison(f):
            values = f[kernel][...]
            values[0, 0, 0, 0] = np.nan
            f[kernel][...] = values
        self.refused(self.edited("shape.hdf5", reshape), "conv1")
        self.refused(self.edited("nan.hdf5", poison), "conv1", "nan")
        self.refused(self.edited("missing.hdf5", lambda f: f.__delitem__("model_weights/conv1")), "conv1")

    def test_a_spec_of_other_classes(self):
        spec = self.folder / "spec.txt"
        text = SPEC.read_text()
        spec.write_text(text.replace("cost_function_config {", 'cost_function_config {\n target_classes { name: "dog" }', 1))
        self.refuses("detectnet_v2", "export", "-m", MODEL, "-e", spec, "-o", "x.onnx", code=1, says=["3", "4", "dog"])
        spec.write_text(text.replace("num_layers: 18", "num_layers: eighteen"))
        line = text[:text.index("num_layers")].count("\n") + 1
        self.refuses("detectnet_v2", "export", "-m", MODEL, "-e", spec, "-o", "x.onnx", code=1, says=["spec.txt", f"line {line}", "column"])
        self.refuses("detectnet_v2", "export", "-m", MODEL, "-e", "absent.txt", "-o", "x.onnx", code=1, says=["absent.txt"])


class BadOutput(ProgramTest):
    def test_what_exists_is_not_overwritten(self):
        (self.folder / "taken.onnx").write_text("mine")
        self.refuses("detectnet_v2", "export", "-m", MODEL, "-o", "taken.onnx", code=1, says=["taken.onnx", "exists already"])
        self.export("-o", "taken.onnx", "--force")

    def test_places_that_cannot_be_written(self):
        self.refuses("detectnet_v2", "export", "-m", MODEL, "-o", "/proc/nowhere/x.onnx", code=1, says=["/proc/nowhere"])
        (self.folder / "file").write_text("x")
        self.refuses("detectnet_v2", "export", "-m", MODEL, "-o", "file/x.onnx", code=1, says=["file"])

    @unittest.skipIf(os.geteuid() == 0, "root may write anywhere")
    def test_a_read_only_folder(self):
        (self.folder / "locked").mkdir(mode=0o500)
        self.refuses("detectnet_v2", "export", "-m", MODEL, "-o", "locked/x.onnx", code=1, says=["locked"])

    def test_a_full_disk(self):
        # A limit on the size of files stands for the disk: the same write fails.
        result = self.run_program("-c", f"ulimit -f 1000; exec {self._program()} detectnet_v2 export -m {MODEL} -o x.onnx", program="/bin/bash")
        self.assertNotEqual(result.code, 0)
        self.assertEqual(list(self.folder.iterdir()), [])

    @staticmethod
    def _program():
        from program import PROGRAM
        return PROGRAM


class BadImages(ProgramTest):
    words = ("detectnet_v2", "export", "-m", MODEL, "-o", "x.onnx", "--data_type", "int8", "--batch_size", 1)

    def some(self, count):
        folder = self.folder / "images"
        folder.mkdir()
        for path in sorted(IMAGES.glob("*.jpg"))[:count]:
            shutil.copy(path, folder)
        return folder

    def test_sources_that_are_not_there(self):
        self.refuses(*self.words, code=2, says=["--cal_image_dir"])
        self.refuses(*self.words, "--cal_image_dir", "absent", code=1, says=["absent"])
        self.refuses(*self.words, "--cal_image_dir", self.some(3), "--batches", 4, code=1, says=["3 images", "asks for 4"])

    def test_pictures_that_are_none(self):
        some = self.some(3)
        good = sorted(IMAGES.glob("*.jpg"))[0].read_bytes()
        for name, content in (("cut.jpg", good[:3000]), ("not.png", b"no picture"), ("empty.jpg", b"")):
            (some / name).write_bytes(content)
            self.refuses(*self.words, "--cal_image_dir", some, "--batches", 4, code=1, says=[name])
            (some / name).unlink()

    def test_grey_palette_alpha_and_deep_pictures_are_pictures(self):
        some = self.some(1)
        picture = Image.open(sorted(IMAGES.glob("*.jpg"))[0])
        picture.convert("L").save(some / "grey.png")
        picture.convert("P").save(some / "palette.png")
        picture.convert("RGBA").save(some / "alpha.png")
        picture.convert("CMYK").save(some / "cmyk.jpg")
        Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257).save(some / "deep.png")
        self.passes(*self.words, "--cal_image_dir", some, "--batches", 6)

    @needs_real_numbers
    def test_a_single_image_and_black_images_give_ranges(self):
        folder = self.folder / "black"
        folder.mkdir()
        for n in range(2):
            Image.new("RGB", (64, 48)).save(folder / f"{n}.png")
        self.passes(*self.words, "--cal_image_dir", folder, "--batches", 1)
        lines = (self.folder / "cal.bin").read_text().splitlines()
        self.assertEqual(lines[1], "input_1: 30810204", "TensorRT's range of a tensor that is zero: FLT_EPSILON")

    @needs_real_numbers
    def test_an_overflow_names_tensor_and_image(self):
        path = self.folder / "huge.hdf5"
        path.write_bytes(GOOD)
        with h5py.File(path, "r+") as file:
            for name in ("conv1", "block_1a_conv_1", "block_1a_conv_2"):
                file[f"model_weights/{name}/{name}/kernel:0"][...] *= np.float32(1e30)
        self.refuses("detectnet_v2", "export", "-m", path, "-o", "x.onnx", "--data_type", "int8", "--cal_image_dir", self.some(2), "--batches", 2, "--batch_size", 1,
                     code=1, says=["BloodImage_", "batchnorm/add_1"])


if __name__ == "__main__":
    main()
