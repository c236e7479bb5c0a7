"""Calibration beside its peers: the same ONNX, the same images, each program in a process of its own, in turn.

    .deps/peers/bin/python benchmarks/peers.py --build build-benchmark [--counts 40 200] [--rounds 3] [--only WORD]

Prints images/s while calibrating, processor time an image and the peak memory of the process, for each count of images (the sample's, again and
again through links). The clock runs from the model's file to the ranges: sessions are made, images are loaded (decoded,
resized, scaled, by Pillow for the peers), the network is computed, ranges are chosen. Imports are outside; "start" says
how long they take, and for etalon, which imports nothing, how long the process takes beyond calibrating. What cannot be
taken apart: ModelOpt's and NNCF's calls also make the quantized model, `etalon export` also converts.
A process that needs more memory than --memory_limit is stopped and said to.
"""
import argparse
import importlib.machinery
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import types

ROOT = pathlib.Path(__file__).resolve().parent.parent
WIDTH, HEIGHT = 320, 240
GIB = 1 << 30


# Peers. Each takes the model and the images' files and returns a function that calibrates; what is imported and looked up
# before it returns is its start.

def load(path):  # as TAO's exporter does it
    import numpy as np
    from PIL import Image
    with Image.open(path) as image:
        x = np.asarray(image.convert("RGB").resize((WIDTH, HEIGHT), Image.LANCZOS), dtype=np.float32)
    return np.ascontiguousarray(x.transpose(2, 0, 1) * np.float32(1 / 255))[None]


def data_reader(images, name):
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):
        def __init__(self):
            self.left = iter(images)

        def get_next(self):
            path = next(self.left, None)
            return None if path is None else {name: load(path)}

        def get_first(self):
            return {name: load(images[0])}

        def rewind(self):
            self.left = iter(images)

    return Reader()


def input_name(model):
    import onnx
    return onnx.load(model, load_external_data=False).graph.input[0].name


def onnx_runtime(method):
    def prepare(model, images):
        from onnxruntime.quantization import CalibrationMethod, create_calibrator
        name = input_name(model)

        def calibrate():
            with tempfile.TemporaryDirectory() as folder:
                calibrator = create_calibrator(str(model), augmented_model_path=f"{folder}/augmented.onnx", extra_options={"symmetric": True},
                                               calibrate_method=getattr(CalibrationMethod, method))
                calibrator.collect_data(data_reader(images, name))
                return len(calibrator.compute_data().data)
        return calibrate
    return prepare


def nncf_min_max(**advanced):
    def prepare(model, images):
        os.environ["NNCF_CI"] = "1"  # no telemetry
        import nncf
        import openvino

        def calibrate():
            network = openvino.Core().read_model(str(model))
            network.reshape([1, 3, HEIGHT, WIDTH])
            quantized = nncf.quantize(network, nncf.Dataset(images, load), subset_size=len(images), target_device=nncf.TargetDevice.CPU,
                                      advanced_parameters=nncf.AdvancedQuantizationParameters(**advanced))
            fakes = [op for op in quantized.get_ops() if op.get_type_name() == "FakeQuantize"]
            return sum(op.input_value(0).get_node().get_type_name() != "Constant" for op in fakes)
        return calibrate
    return prepare


def without_torch():
    """ModelOpt imports torch for FP8 alone; it is half a dozen GB, so INT8 is given an empty one."""
    torch = types.ModuleType("torch")
    torch.__spec__ = importlib.machinery.ModuleSpec("torch", None)
    sys.modules["torch"] = torch


def model_opt(method):
    def prepare(model, images):
        without_torch()
        import onnx
        from modelopt.onnx.quantization import quantize
        name = input_name(model)

        def calibrate():
            with tempfile.TemporaryDirectory() as folder:
                out = f"{folder}/quantized.onnx"
                quantize(str(model), quantize_mode="int8", calibration_method=method, calibration_data_reader=data_reader(images, name),
                         calibration_eps=["cpu"], high_precision_dtype="fp32", output_path=out, log_level="ERROR")
                graph = onnx.load(out).graph
                constants = {tensor.name for tensor in graph.initializer} | {node.output[0] for node in graph.node if node.op_type == "Constant"}
                return len({node.input[0] for node in graph.node if node.op_type == "QuantizeLinear"} - constants)
        return calibrate
    return prepare


PEERS = {
    "ONNX Runtime minmax": (onnx_runtime("MinMax"), "f32, all tensors, symmetric"),
    "ONNX Runtime entropy": (onnx_runtime("Entropy"), "f32, all tensors, symmetric, 128 bins"),
    "ONNX Runtime percentile": (onnx_runtime("Percentile"), "f32, all tensors, symmetric, 2048 bins"),
    "NNCF, without bias correction": (nncf_min_max(disable_bias_correction=True), "f32, min-max where it quantizes"),
    "NNCF": (nncf_min_max(), "f32, min-max where it quantizes, fast bias correction"),
    "ModelOpt max": (model_opt("max"), "f32, where it quantizes"),
    "ModelOpt entropy": (model_opt("entropy"), "f32, where it quantizes"),
}


def work(way, model, images, memory_limit):
    """In the process that is measured: one line of JSON."""
    resource.setrlimit(resource.RLIMIT_DATA, (memory_limit, memory_limit))
    started = time.perf_counter()
    calibrate = PEERS[way][0](model, images)
    load(images[0])
    ready, processor = time.perf_counter(), time.process_time()
    stdout, sys.stdout = sys.stdout, sys.stderr
    tensors = calibrate()
    seconds, processor = time.perf_counter() - ready, time.process_time() - processor
    sys.stdout = stdout
    peak = next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM:"))
    print(json.dumps({"seconds": seconds, "processor": processor, "start": ready - started, "peak_bytes": peak, "tensors": tensors}))


# The table.

def run(words):
    """(output, seconds, usage) of a process; None where it fails."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as errors, subprocess.Popen(list(map(str, words)), stdout=subprocess.PIPE, stderr=errors) as process:
        output = process.stdout.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode == 0:
            return output, time.perf_counter() - started, usage
        errors.seek(0)
        lines = errors.read().decode(errors="replace").strip().splitlines() or ["no word"]
        print(f"# exit {process.returncode} of {' '.join(map(str, words[:5]))} ...: {lines[-1]}", file=sys.stderr, flush=True)


def peer(way, options, model, folder, count):
    done = run([sys.executable, __file__, "--work", way, "--model", model, "--images", folder, "--counts", count, "--memory_limit", options.memory_limit])
    return done and json.loads(done[0].splitlines()[-1])


def etalon_alone(*flags):
    def measure(options, model, folder, count):
        done = run([options.build / "benchmarks/calibration_benchmark", model, "--images", folder, "--count", count, *flags])
        if not done:
            return None
        facts = json.loads(done[0].splitlines()[-1])
        return {**facts, "start": done[1] - facts["seconds"]}
    return measure


def etalon_export(options, model, folder, count):
    out = folder.parent
    for made in ("exported.onnx", "cal.bin"):
        (out / made).unlink(missing_ok=True)
    done = run([options.build / "etalon", "detectnet_v2", "export", "-m", ROOT / "examples/bccd/resnet18.hdf5", "-o", out / "exported.onnx", "--data_type",
                "int8", "--cal_image_dir", folder, "--cal_cache_file", out / "cal.bin", "--batches", count, "--batch_size", 1])
    if not done:
        return None
    lines = len((out / "cal.bin").read_text().splitlines()) - 1  # the first is the header
    return {"seconds": done[1], "processor": done[2].ru_utime + done[2].ru_stime, "start": 0, "peak_bytes": done[2].ru_maxrss * 1024, "tensors": lines}


ETALON = {
    "etalon entropy": (etalon_alone("--once", "entropy"), "f32, all tensors"),
    "etalon minmax": (etalon_alone("--once", "minmax"), "f32, all tensors"),
    "etalon entropy, bf16": (etalon_alone("--once", "entropy", "--precision", "bf16"), "bf16, all tensors"),
    "etalon export, whole process": (etalon_export, "f32, all tensors, entropy, and the conversion"),
}


def table(options):
    pictures = sorted((ROOT / "examples/bccd/calibration").glob("*.jpg"))
    ways = {name: (lambda *rest, name=name: peer(name, *rest), settings) for name, (_, settings) in PEERS.items()} | ETALON
    ways = {name: way for name, way in ways.items() if options.only.lower() in name.lower()}
    results = {}
    with tempfile.TemporaryDirectory() as name:
        top = pathlib.Path(name)
        model = top / "model.onnx"
        subprocess.run([options.build / "etalon", "detectnet_v2", "export", "-m", ROOT / "examples/bccd/resnet18.hdf5", "-o", model], check=True, capture_output=True)
        for count in options.counts:
            folder = top / str(count) / "images"
            folder.mkdir(parents=True)
            for n in range(count):
                (folder / f"{n:04}.jpg").symlink_to(pictures[n % len(pictures)])
            for n in range(options.rounds):
                for way in ways if n % 2 == 0 else reversed(ways):
                    results.setdefault((way, count), []).append(ways[way][0](options, model, folder, count))
    print(f"{HEIGHT}x{WIDTH}, {os.cpu_count()} cores, {options.rounds} rounds, medians; CPU: processor time of all threads an image\n")
    columns = [f"{count} images: images/s | CPU, ms | peak, MB" for count in options.counts]
    print(f"| program | precision, settings | tensors | start, s | {' | '.join(columns)} |\n|{'---|' * (4 + 3 * len(columns))}")
    for way, (_, settings) in ways.items():
        done = [[fact for fact in results[way, count] if fact] for count in options.counts]
        known = [fact for facts in done for fact in facts]
        cells = [way, settings, str(known[0]["tensors"]) if known else "", f"{statistics.median(f['start'] for f in known):.1f}" if known else ""]
        for count, facts in zip(options.counts, done, strict=True):
            median = lambda key, facts=facts: statistics.median(fact[key] for fact in facts)  # noqa: E731
            cells += [f"{count / median('seconds'):.1f}", f"{median('processor') / count * 1e3:.0f}", f"{median('peak_bytes') / 1e6:.0f}"] if facts else ["failed", "", ""]
        print("| " + " | ".join(cells) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, help="folder built with ETALON_BENCHMARKS=ON")
    parser.add_argument("--counts", type=int, nargs="+", default=[40, 200])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="the programs with this word in their names")
    parser.add_argument("--memory_limit", type=float, default=12, help="GiB for a peer's process")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--model", help=argparse.SUPPRESS)
    parser.add_argument("--images", type=pathlib.Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work, options.model, sorted(options.images.iterdir())[:options.counts[0]], int(options.memory_limit * GIB))
    elif options.build:
        options.build = options.build.resolve()
        table(options)
    else:
        parser.error("--build is missing")


if __name__ == "__main__":
    main()
