"""Statistics on disk: parts that merge, runs that go on, ranges chosen again."""
import json
import os
import shutil
import signal
import subprocess
import time
import unittest

from program import IMAGES, MODEL, PROGRAM, ProgramTest, main

RUN = ("detectnet_v2", "export", "-m", MODEL, "--data_type", "int8", "--cal_image_dir", IMAGES, "--batches", 5, "--batch_size", 2)


class Merge(ProgramTest):
    def part(self, index, count, *more):
        name = f"{count}-{index}"
        self.passes(*RUN, "-o", f"{name}.onnx", "--shard", f"{index}/{count}", "--statistics", f"{name}.stats", "--cal_cache_file", f"{name}.bin", *more)
        self.assertFalse((self.folder / f"{name}.bin").exists(), "a part of the images makes no cache")
        return f"{name}.stats"

    def whole(self, *more):
        self.passes(*RUN, "-o", "whole.onnx", "--cal_cache_file", "whole.bin", *more)
        return (self.folder / "whole.bin").read_bytes()

    def merge(self, name, *words):
        self.passes("calibrate", "merge", *words, "--model", "whole.onnx", "-o", name)
        return (self.folder / name).read_bytes()

    def test_parts_give_the_bytes_of_the_whole_for_any_split_order_and_threads(self):
        whole = self.whole()
        for count in (2, 7, 12):  # 12 parts of 10 images: some are empty
            parts = [self.part(i, count, "--threads", 1 + i % 2) for i in range(count)]
            self.assertEqual(self.merge(f"{count}.bin", *parts[1:], parts[0]), whole)
        self.merge("mse.bin", "2-0.stats", "2-1.stats", "--calibrator", "mse", "--statistics", "all.stats")
        self.passes(*RUN, "-o", "m.onnx", "--cal_cache_file", "m.bin", "--calibrator", "mse")
        self.assertEqual((self.folder / "mse.bin").read_bytes(), (self.folder / "m.bin").read_bytes())
        self.assertEqual(self.merge("again.bin", "all.stats"), whole)
        seen = json.loads(self.passes("inspect", "all.stats", "--json").out)
        self.assertEqual((seen["kind"], seen["part"], seen["images"]), ("calibration statistics", "0/1", 10))

    def test_what_is_no_run_is_refused(self):
        self.whole()
        a, b, c = (self.part(i, 3) for i in range(3))
        other = self.part(1, 2)
        self.passes(*RUN, "-o", "s.onnx", "--shard", "1/3", "--statistics", "seed.stats", "--seed", 7)
        self.passes(*RUN, "-o", "n.onnx", "--shard", "1/3", "--statistics", "names.stats", "--tensor_names", "tf")
        to = ("--model", "whole.onnx", "-o", "x.bin")
        merge = ("calibrate", "merge")
        self.refuses(*merge, a, b, *to, code=1, says=["missing: 2"])
        self.refuses(*merge, a, b, b, c, *to, code=1, says=[b, "again"])
        self.refuses(*merge, a, other, c, *to, code=1, says=[other])
        self.refuses(*merge, a, "seed.stats", c, *to, code=1, says=["seed.stats", "another run"])
        self.refuses(*merge, a, "names.stats", c, *to, code=1, says=["names.stats", "another network"])
        self.refuses(*merge, a, b, c, "--model", "n.onnx", "-o", "x.bin", code=1, says=[a, "another network"])
        self.refuses(*merge, a, b, c, "--model", "whole.onnx", code=2, says=["-o"])
        self.refuses(*merge, a, b, c, "--model", "whole.onnx", "-o", a, "--force", code=2, says=[a, "input"])
        damaged = bytearray((self.folder / b).read_bytes())
        damaged[len(damaged) // 3] ^= 16
        (self.folder / "damaged.stats").write_bytes(damaged)
        self.refuses(*merge, a, "damaged.stats", c, *to, code=1, says=["damaged.stats", "checksum"])
        (self.folder / "cut.stats").write_bytes(damaged[:100])
        self.refuses(*merge, a, "cut.stats", c, *to, code=1, says=["cut.stats"])

    def test_a_part_needs_a_place_for_its_statistics(self):
        self.refuses(*RUN, "--shard", "0/2", code=2, says=["--shard", "--statistics"])
        for wrong in ("2/2", "1", "x/3", "-1/3"):
            self.refuses(*RUN, f"--shard={wrong}", "--statistics", "s.stats", code=2, says=["shard"])
        for more in ((), ("--shard", "0/2")):
            self.refuses(*RUN, *more, "--statistics", "s.stats", "--cal_data_file", "new.h5", code=2, says=["new.h5"])

    def test_a_tensorfile_is_split_as_well(self):
        self.whole("--cal_data_file", "t.h5")
        words = ("detectnet_v2", "export", "-m", MODEL, "--data_type", "int8", "--cal_data_file", "t.h5", "--batches", 5, "--batch_size", 2)
        for i in range(3):
            self.passes(*words, "-o", f"{i}.onnx", "--shard", f"{i}/3", "--statistics", f"{i}.stats")
        self.assertEqual(self.merge("m.bin", "0.stats", "1.stats", "2.stats"), (self.folder / "whole.bin").read_bytes())


class Again(ProgramTest):
    def test_statistics_that_exist_are_used_and_those_of_another_run_refused(self):
        run = (*RUN, "--statistics", "s.stats")
        self.passes(*run, "-o", "a.onnx", "--cal_cache_file", "a.bin")
        before = self.listing()["s.stats"]
        said = self.passes(*run, "-o", "b.onnx", "--cal_cache_file", "b.bin")
        self.assertIn("nothing is computed", said.err)
        self.assertEqual(self.listing()["s.stats"], before)
        self.assertEqual((self.folder / "a.bin").read_bytes(), (self.folder / "b.bin").read_bytes())
        self.passes(*run, "-o", "c.onnx", "--cal_cache_file", "c.bin", "--calibrator", "minmax")
        self.refuses(*run, "--seed", 1, "-o", "d.onnx", "--cal_cache_file", "d.bin", code=1, says=["s.stats", "another run", "--force"])
        again = self.passes(*run, "-o", "c.onnx", "--cal_cache_file", "c.bin", "--calibrator", "mse", "--force")
        self.assertIn("nothing is computed", again.err, "--force replaces outputs; what was counted is of the same run")
        self.assertIn("is replaced", self.passes(*run, "--seed", 1, "-o", "d.onnx", "--cal_cache_file", "d.bin", "--force").err)
        shutil.copy(MODEL, self.folder / "no.stats")
        self.refuses(*RUN, "--statistics", "no.stats", "-o", "e.onnx", "--cal_cache_file", "e.bin", code=1, says=["no.stats"])

    @unittest.skipIf(os.environ.get("ETALON_STAND_IN"), "the stand-in is done at once")
    def test_an_interrupted_run_goes_on_to_the_same_cache(self):
        pictures = sorted(IMAGES.glob("*.jpg"))
        (self.folder / "many").mkdir()
        for number in range(300):
            (self.folder / f"many/{number}.jpg").symlink_to(pictures[number % len(pictures)])
        run = [str(word) for word in (PROGRAM, "detectnet_v2", "export", "-m", MODEL, "--data_type", "int8", "--cal_image_dir", "many", "--batches", 300,
                                      "--batch_size", 1)]
        resumable = [*run, "--threads", "1", "--statistics", "s.stats", "-o", "a.onnx", "--cal_cache_file", "a.bin"]
        # Stopped later and later, until the first block (of eight images) was done by then.
        for wait_s in (1, 2, 4, 8, 16, 32):
            running = subprocess.Popen(resumable, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            while "parameters" not in running.stderr.readline():
                self.assertIsNone(running.poll())
            time.sleep(wait_s)
            running.send_signal(signal.SIGINT)
            rest = running.stderr.read()
            running.stderr.close()
            self.assertEqual(running.wait(), 130, rest)
            if (self.folder / "s.stats").exists():
                break
        self.assertIn("goes on from there", rest)
        self.assertEqual([p.name for p in self.folder.glob("a.*")], [])
        self.assertIn("interrupted after", json.loads(self.passes("inspect", "s.stats", "--json").out)["warning"])
        self.passes(*run[1:], "-o", "b.onnx", "--cal_cache_file", "b.bin")
        self.refuses("calibrate", "merge", "s.stats", "--model", "b.onnx", "-o", "x.bin", code=1, says=["s.stats", "interrupted"])
        self.assertRegex(self.passes(*resumable[1:]).err, r"going on where 's.stats' ends, after \d+ of 300 images")
        self.assertEqual((self.folder / "a.bin").read_bytes(), (self.folder / "b.bin").read_bytes())


if __name__ == "__main__":
    main()
