"""Measures what docs/benchmarks.md reports and prints it as a table. Ratios are taken within one run.

    python benchmarks/run.py --build build-benchmark
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

from processes import run_measured, show

ROOT = pathlib.Path(__file__).resolve().parent.parent
HERE = ROOT / "benchmarks"


def conversion(program, folder):
    model = folder / "resnet18.hdf5"
    subprocess.run([sys.executable, HERE / "make_resnet18.py", model], check=True)
    runs = [run_measured([program, "detectnet_v2", "export", "-m", model, "-o", folder / f"{n}.onnx"], folder) for n in range(7)]
    seconds, peak = min(r[0] for r in runs), max(r[1] for r in runs)
    size = model.stat().st_size
    return [("conversion, ResNet-18 of 46 MB, whole process", f"{seconds:.2f} s", "<= 0.4 s"),
            ("its peak memory over the model's size", f"{peak / size:.2f}", "<= 2.5")]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="folder built with ETALON_BENCHMARKS=ON")
    build = parser.parse_args().build.resolve()
    program, calibration = build / "etalon", build / "benchmarks/calibration_benchmark"
    pictures = ROOT / "examples/bccd/calibration"
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        print("| conversion | measured | goal |\n|---|---|---|")
        for row in conversion(program, folder):
            print("| " + " | ".join(row) + " |", flush=True)
        small = folder / "small.onnx"
        subprocess.run([program, "detectnet_v2", "export", "-m", ROOT / "examples/bccd/resnet18.hdf5", "-o", small], check=True, capture_output=True)
        show("calibration at 240x320 (the sample's network)", [calibration, small, "--images", pictures, "--rounds", 9, "--count", 12])
        show("calibration at 544x960 (ResNet-18, full width)", [calibration, folder / "0.onnx", "--images", pictures, "--rounds", 7, "--count", 4])
        many = folder / "images"
        many.mkdir()
        files = sorted(pictures.glob("*.jpg"))
        for n in range(400):
            (many / f"{n:03}.jpg").symlink_to(files[n % len(files)])
        for way in ("plain", "entropy"):
            for count in (8, 400):
                show(f"once, {way}, {count} images", [calibration, small, "--images", many, "--once", way, "--count", count])
        for height, width, count in ((240, 320, 64), (544, 960, 16)):
            show(f"writing tensorfiles, {height}x{width}",
                 [build / "benchmarks/tensorfile_benchmark", pictures, height, width, count, os.cpu_count()])
        show("decoding and resizing", [sys.executable, HERE / "compare_images.py", build / "benchmarks/images_benchmark", files[0]])
    subprocess.run([sys.executable, HERE / "mask_rcnn.py", "--build", build], check=True)


main()
