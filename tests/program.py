"""The program under test, run in a folder of its own, and the sample it is tried on."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

PROGRAM = pathlib.Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else None
ROOT = pathlib.Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "examples/bccd"
MODEL = SAMPLE / "resnet18.hdf5"
SPEC = SAMPLE / "spec.txt"
IMAGES = SAMPLE / "calibration"
needs_real_numbers = unittest.skipIf(os.environ.get("ETALON_STAND_IN"), "the stand-in computes nothing")


def data(path):
    """A file of the supplied data; the test is skipped when there is none."""
    folder = os.environ.get("ETALON_DATA")
    if not folder:
        raise unittest.SkipTest(f"ETALON_DATA is not set: {path} is not looked at")
    return pathlib.Path(folder) / path


class Result:
    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout.decode(), done.stderr.decode()
        self.text = self.out + self.err


class ProgramTest(unittest.TestCase):
    """`self.run_program(words)` runs in `self.folder`, which is new for each test and removed after it."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="etalon-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def run_program(self, *words, program=None, env=None, timeout=300, **more):
        done = subprocess.run([str(program or PROGRAM), *map(str, words)], cwd=self.folder, capture_output=True,
                              env={**os.environ, **(env or {})}, timeout=timeout, check=False, **more)
        return Result(done)

    def passes(self, *words, **more):
        result = self.run_program(*words, **more)
        self.assertEqual(result.code, 0, result.text)
        return result

    def export(self, *words, **more):
        return self.passes("detectnet_v2", "export", "-m", MODEL, *words, **more)

    def listing(self):
        return {str(p.relative_to(self.folder)): (p.stat().st_size, p.stat().st_mtime_ns, p.stat().st_mode)
                for p in self.folder.rglob("*") if not p.is_symlink()}

    def refuses(self, *words, code, says, **more):
        """Exits with `code`, one error line that holds all of `says`, and leaves the folder as it was."""
        before = self.listing()
        result = self.run_program(*words, **more)
        self.assertEqual(result.code, code, result.text)
        lines = [line for line in result.err.splitlines() if line.startswith("error: ")]
        self.assertEqual(len(lines), 1, result.text)
        for word in says:
            self.assertIn(word, lines[0])
        self.assertEqual(self.listing(), before)
        return result


def main():
    if PROGRAM is None:
        sys.exit("usage: python TEST.py PROGRAM")
    unittest.main(verbosity=1)
