"""What docs/benchmarks.md reports of Mask R-CNN: a full-width ResNet-50, made here with random weights.

    python benchmarks/mask_rcnn.py --build build-benchmark

Conversion is measured from the whole process; where inference goes by OpenVINO's counters (operators_benchmark); what
calibration costs over plain inference of the same graph, of the tensors that export counts (calibration_benchmark). An image
of 832x1344 takes seconds, so images are few. At 448x640 the region stages, whose cost does not depend on the picture's size,
weigh more; in the narrow network there is little arithmetic for each value that is counted.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

from processes import run_measured, show

ROOT = pathlib.Path(__file__).resolve().parent.parent
HERE = ROOT / "benchmarks"
PICTURES = ROOT / "examples/bccd/calibration"
NETWORKS = (  # title, options of make_mask_rcnn.py, images and rounds of the calibration
    ("832x1344 (goals: the rest <= 15 %, every line >= 0.85)", (), 2, 3),
    ("448x640", ("--size", 448, 640), 2, 5),
    ("448x640, an eighth of the channels", ("--size", 448, 640, "--narrow", 8), 8, 5),
)


def make(folder, name, *options):
    """(checkpoint, spec) of a network."""
    model, spec = folder / f"{name}.tlt", folder / f"{name}.txt"
    subprocess.run([sys.executable, HERE / "make_mask_rcnn.py", model, spec, *map(str, options)], check=True)
    return model, spec


def conversion(program, folder, model, spec):
    """A row for each kind of graph: the fastest of five runs, the highest peak of all."""
    for plugins in ("tensorrt", "none"):
        words = [program, "mask_rcnn", "export", "-m", model, "-e", spec, "--plugins", plugins]
        runs = []
        for n in range(5):
            runs.append(run_measured([*words, "-o", folder / "graph.onnx"], folder))
            (folder / "graph.onnx").unlink()
        seconds, peak = min(r[0] for r in runs), max(r[1] for r in runs)
        yield f"conversion, ResNet-50 of {model.stat().st_size / 1e6:.0f} MB, --plugins {plugins}", f"{seconds:.2f} s", "<= 1.5 s"
        yield "its peak memory over the model's size", f"{peak / model.stat().st_size:.2f}", "<= 2.5"


def calibrated(program, model, spec):
    """(portable graph, its cache): the cache's lines say what export counts."""
    graph, cache = model.with_suffix(".onnx"), model.with_suffix(".bin")
    subprocess.run([program, "mask_rcnn", "export", "-m", model, "-e", spec, "--plugins", "none", "-o", graph, "--data_type", "int8",
                    "--cal_random", "--batches", "1", "--batch_size", "1", "--cal_cache_file", cache, "--force"], check=True, capture_output=True)
    return graph, cache


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=pathlib.Path, required=True, help="folder built with ETALON_BENCHMARKS=ON")
    build = parser.parse_args().build.resolve()
    program = build / "etalon"
    image = sorted(PICTURES.glob("*.jpg"))[0]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        full = make(folder, "full")
        print("| Mask R-CNN's conversion | measured | goal |\n|---|---|---|")
        for row in conversion(program, folder, *full):
            print("| " + " | ".join(row) + " |", flush=True)
        for title, options, count, rounds in NETWORKS:
            graph, cache = calibrated(program, *(make(folder, "cut", *options) if options else full))
            show(f"Mask R-CNN's operators, {title}", [build / "benchmarks/operators_benchmark", graph, image, "--runs", 3])
            show(f"Mask R-CNN's calibration, {title}",
                 [build / "benchmarks/calibration_benchmark", graph, "--images", PICTURES, "--cache", cache, "--brief",
                  "--rounds", rounds, "--count", count])


if __name__ == "__main__":
    main()
