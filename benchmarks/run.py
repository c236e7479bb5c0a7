"""Measures what docs/benchmarks.md reports and prints it as a table. Ratios are taken within one run.

    python benchmarks/run.py --build build-benchmark
"""
import argparse
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
HERE = ROOT / "benchmarks"


def run_measured(words, cwd):
    """(seconds, peak memory in bytes) of a command, itself and what it starts."""
    reader, writer = os.pipe()
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(reader)
        done = subprocess.run(words, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        os.write(writer, f"{done.returncode} {peak}".encode())
        os._exit(0)
    os.close(writer)
    answer = os.read(reader, 100).decode().split()
    os.close(reader)
    os.waitpid(child, 0)
    seconds = time.monotonic() - started
    if answer[0] != "0":
        sys.exit(f"failed: {' '.join(map(str, words))}")
    return seconds, int(answer[1])


def conversion(program, folder):
    model = folder / "resnet18.hdf5"
    subprocess.run([sys.executable, HERE / "make_resnet18.py", model], check=True)
    runs = [run_measured([program, "detectnet_v2", "export", "-m", model, "-o", folder / f"{n}.onnx"], folder) for n in range(7)]
    seconds, peak = min(r[0] for r in runs), max(r[1] for r in runs)
    size = model.stat().st_size
    return [("conversion, ResNet-18 of 46 MB, whole process", f"{seconds:.2f} s", "<= 0.4 s"),
            ("its peak memory over the model's size", f"{peak / size:.2f}", "<= 2.5")]


def calibration_memory(program, folder):
    """Peak memory of an INT8 export for 8 and for 400 images (the sample's, repeated under other names)."""
    images = folder / "images"
    images.mkdir()
    pictures = sorted((ROOT / "examples/bccd/calibration").glob("*.jpg"))
    for n in range(400):
        (images / f"{n:03}.jpg").symlink_to(pictures[n % len(pictures)])
    peaks = []
    for batches in (1, 50):
        words = [program, "detectnet_v2", "export", "-m", ROOT / "examples/bccd/resnet18.hdf5", "-o", folder / f"i{batches}.onnx", "--data_type", "int8",
                 "--cal_image_dir", images, "--batches", batches, "--batch_size", 8, "--cal_cache_file", folder / f"i{batches}.bin"]
        peaks.append(run_measured(list(map(str, words)), folder)[1])
    return [("calibration's peak memory, 400 images over 8", f"{peaks[1] / peaks[0]:.2f} ({peaks[1] / 2**20:.0f} MiB)", "flat")]


def lines_of(words):
    """Rows that another benchmark prints as `name | figure | goal`."""
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"failed: {' '.join(map(str, words))}\n{done.stderr}")
    return [tuple(part.strip() for part in line.split("|")) for line in done.stdout.splitlines() if line.count("|") == 2]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="folder built with ETALON_BENCHMARKS=ON")
    build = parser.parse_args().build.resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        rows = conversion(build / "etalon", folder) + calibration_memory(build / "etalon", folder)
        rows += lines_of([build / "benchmarks/calibration_benchmark", folder / "0.onnx", 1, 12])
        subprocess.run([build / "etalon", "detectnet_v2", "export", "-m", ROOT / "examples/bccd/resnet18.hdf5", "-o", folder / "small.onnx"],
                       check=True, capture_output=True)
        rows += lines_of([build / "benchmarks/calibration_benchmark", folder / "small.onnx", 20, 20])
        rows += lines_of([sys.executable, HERE / "compare_images.py", build / "benchmarks/images_benchmark"])
    print("| what | measured | goal |\n|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


main()
