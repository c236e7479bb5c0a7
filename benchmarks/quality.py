"""INT8 quality beside peers: each tool quantizes the same float ONNX with the same images, all convolutions, weights per
output channel, activations per tensor and symmetric. What it makes is run node by node (integer kernels and fusions stay
out) on images that no tool has seen. Where a tool rounds addends of residual sums too, the column "sums" says so.

    ETALON_DATA=DIR .deps/peers/bin/python benchmarks/quality.py --build build [--models bccd_resnet18 ...] [--only WORD]

Prints for each output the ratio of signal to noise in dB against the float model, and the average precision of the boxes
with the difference from the float model's, if --eval_ap is given (a program that takes an .npz of
outputs and a folder of labels, and writes JSON); without it that column is left out.
ETALON_DATA: bccd/train/images (calibration), bccd/validation (judged), models/detectnet_v2/NAME.hdf5.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from peers import data_reader, input_name, load, without_torch

IMAGES = 40  # for calibration: all there are


# Peers: each writes an explicitly quantized ONNX.

def onnx_runtime(method):
    def quantize(model, images, out):
        from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
        # Only the convolutions' inputs, a float bias: what TensorRT takes.
        options = {"ActivationSymmetric": True, "WeightSymmetric": True, "QuantizeBias": False, "OpTypesToExcludeOutputQuantization": ["Conv"]}
        quantize_static(model, out, data_reader(images, input_name(model)), quant_format=QuantFormat.QDQ, op_types_to_quantize=["Conv"], per_channel=True,
                        activation_type=QuantType.QInt8, weight_type=QuantType.QInt8, calibrate_method=getattr(CalibrationMethod, method), extra_options=options)
    return quantize


def nncf(signed, **advanced):
    """NNCF quantizes what comes out of a Relu to 0 .. 255, and has no setting against it. TensorRT has no such type: it refuses zero points and reads
    uint8 as int8. `signed`: the same ranges on -127 .. 127, what is left of it there."""
    def quantize(model, images, out):
        os.environ["NNCF_CI"] = "1"  # no telemetry
        import nncf
        import onnx
        from nncf.quantization.advanced_parameters import OverflowFix, QuantizationParameters
        name = input_name(model)
        how = nncf.AdvancedQuantizationParameters(overflow_fix=OverflowFix.DISABLE, activations_quantization_params=QuantizationParameters(per_channel=False), **advanced)
        made = nncf.quantize(onnx.load(model), nncf.Dataset(images, lambda path: {name: load(path)}), subset_size=len(images), preset=nncf.QuantizationPreset.PERFORMANCE,
                             ignored_scope=nncf.IgnoredScope(types=["Add", "Relu", "Sigmoid"], validate=False), advanced_parameters=how)
        if signed:
            make_signed(made)
        onnx.save(made, out)
    return quantize


def make_signed(model):
    import numpy as np
    from onnx import TensorProto, numpy_helper
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    done = set()
    for node in model.graph.node:
        if node.op_type not in ("QuantizeLinear", "DequantizeLinear") or constants[node.input[2]].data_type != TensorProto.UINT8:
            continue
        scale, zero = (constants[name] for name in node.input[1:3])
        assert not numpy_helper.to_array(zero).any(), "a zero point"
        if scale.name not in done:
            done.add(scale.name)
            scale.CopyFrom(numpy_helper.from_array((numpy_helper.to_array(scale) * np.float32(255 / 127)).astype(np.float32), scale.name))
        zero_name = zero.name + "/signed"
        if zero_name not in constants:
            constants[zero_name] = numpy_helper.from_array(numpy_helper.to_array(zero).astype(np.int8), zero_name)
            model.graph.initializer.append(constants[zero_name])
        node.input[2] = zero_name
    del model.graph.value_info[:]  # names the old types


def model_opt(method, operators=("Conv",)):
    def quantize(model, images, out):
        without_torch()
        from modelopt.onnx.quantization import quantize as quantize_onnx
        quantize_onnx(str(model), quantize_mode="int8", calibration_method=method, calibration_data_reader=data_reader(images, input_name(model)), calibration_eps=["cpu"],
                      op_types_to_quantize=operators and list(operators), high_precision_dtype="fp32", output_path=str(out), log_level="ERROR")
    return quantize


PEERS = {
    "ONNX Runtime minmax": onnx_runtime("MinMax"),
    "ONNX Runtime entropy": onnx_runtime("Entropy"),
    "ONNX Runtime percentile": onnx_runtime("Percentile"),
    "NNCF on signed steps, without bias correction": nncf(True, disable_bias_correction=True),
    "NNCF on signed steps, fast bias correction": nncf(True),
    "NNCF on 0 .. 255 (not for TensorRT), fast bias correction": nncf(False),
    "ModelOpt max": model_opt("max"),
    "ModelOpt entropy": model_opt("entropy"),
    "ModelOpt max, its own placement": model_opt("max", None),
    "ModelOpt entropy, its own placement": model_opt("entropy", None),
}

# etalon: what `export` is told besides, and whether its sums are rounded as it writes them.
PLAIN = ["--balance_channels", "off", "--bias_correction", "off"]
ETALON = {
    "etalon, ranges alone, convolutions only": (PLAIN, False),
    "etalon, and bias correction, convolutions only": (["--balance_channels", "off"], False),
    "etalon, and balanced channels, convolutions only": (["--bias_correction", "off"], False),
    "etalon, convolutions only": ([], False),
    "etalon, ranges by least squares, convolutions only": (["--calibrator", "mse"], False),
    "etalon, ranges alone": (PLAIN, True),
    "etalon": ([], True),
    "etalon, ranges by least squares": (["--calibrator", "mse"], True),
}


def etalon(options, name, folder, flags=None):
    """(float model, explicit model); without flags the float model alone."""
    out = folder / "model.onnx"
    words = [options.build / "etalon", "detectnet_v2", "export", "-m", options.data / f"models/detectnet_v2/{name}.hdf5", "-o", out]
    if flags is not None:
        words += ["--data_type", "int8", "--cal_image_dir", options.data / "bccd/train/images", "--batches", IMAGES // 8, "--batch_size", 8,
                  "--cal_cache_file", folder / "cal.bin", "--explicit", "int8", *flags]
    subprocess.run(list(map(str, words)), check=True, capture_output=True)
    return out, folder / "model.int8.onnx"


# Residual sums. TensorRT makes one kernel of convolution, sum and activation if the other addend is rounded as well: etalon and ModelOpt do so, the others'
# sums are in floating point.

def rounded_sums(graph):
    """(node, input, the tensor that is rounded there)"""
    made = {name: node for node in graph.node for name in node.output}
    for node in graph.node:
        for k, name in enumerate(node.input if node.op_type == "Add" else []):
            if name in made and made[name].op_type == "DequantizeLinear" and made[name].input[0] in made:
                yield node, k, made[made[name].input[0]].input[0]


def without_rounded_sums(path, out):
    import onnx
    model = onnx.load(path)
    for node, k, tensor in list(rounded_sums(model.graph)):
        node.input[k] = tensor
    onnx.save(model, out)
    return out


# Judging.

def outputs_of(model, images):
    import numpy as np
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    rows = [session.run(names, {session.get_inputs()[0].name: load(path)}) for path in images]
    return {name: np.concatenate([row[k] for row in rows]) for k, name in enumerate(names)}


def decibel(exact, rough):
    import numpy as np
    exact = exact.astype(np.float64)
    noise = ((exact - rough) ** 2).sum()
    return float("inf") if noise == 0 else 10 * np.log10((exact ** 2).sum() / noise)


def average_precision(options, outputs, images, folder):
    import numpy as np
    np.savez(folder / "outputs.npz", names=[path.name for path in images], cov=outputs["output_cov/Sigmoid"], bbox=outputs["output_bbox/BiasAdd"])
    subprocess.run([sys.executable, str(options.eval_ap), str(folder / "outputs.npz"), str(options.data / "bccd/validation/labels"), "--bootstrap", "0", "--json", str(folder / "ap.json")],
                   check=True, capture_output=True)
    return json.loads((folder / "ap.json").read_text())["classes"]["mean"]["ap"]


def quantized_layers(model):
    import onnx
    graph = onnx.load(model).graph
    made = {name: node.op_type for node in graph.node for name in node.output}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    return [f"{sum(made.get(node.input[0]) == 'DequantizeLinear' for node in convolutions)} of {len(convolutions)}",
            str(len({node.output[0] for node, _, _ in rounded_sums(graph)}))]


def table(options, name):
    calibration = sorted((options.data / "bccd/train/images").glob("*.jpg"))[:IMAGES]
    judged = sorted((options.data / "bccd/validation/images").glob("*.jpg"))
    with tempfile.TemporaryDirectory() as top:
        top = pathlib.Path(top)
        (top / "float").mkdir()
        model, _ = etalon(options, name, top / "float")
        exact = outputs_of(model, judged)
        outputs = ["output_cov/Sigmoid", "output_bbox/BiasAdd"]
        score = average_precision(options, exact, judged, top) if options.eval_ap else None
        print(f"\n{name}, calibrated on {len(calibration)} images, judged on {len(judged)}"
              + (f"; average precision in floating point {score:.4f}" if score is not None else ""))
        print("\n| tool | convolutions in INT8 | sums | " + " | ".join(f"{output}, dB" for output in outputs)
              + (" | average precision |" if options.eval_ap else " |") + "\n|" + "---|" * (3 + len(outputs) + bool(options.eval_ap)))
        exported = {}  # etalon's flags -> model
        for way in [*PEERS, *ETALON]:
            if options.only.lower() not in way.lower():
                continue
            folder = top / way.replace(" ", "_")
            folder.mkdir()
            try:
                if way in ETALON:
                    flags, sums = ETALON[way]
                    key = tuple(flags)
                    if key not in exported:
                        exported[key] = etalon(options, name, folder, flags)[1]
                    made = exported[key] if sums else without_rounded_sums(exported[key], folder / "convolutions.onnx")
                else:
                    made = folder / "made.onnx"
                    words = [sys.executable, __file__, "--work", way, "--model", model, "--out", made, "--images", *calibration]
                    subprocess.run(list(map(str, words)), check=True, capture_output=True)
                rough = outputs_of(made, judged)
            except subprocess.CalledProcessError as error:
                lines = error.stderr.decode(errors="replace").strip().splitlines() or ["no word"]
                print(f"# {way}: {lines[-1]}", file=sys.stderr, flush=True)
                print(f"| {way} | failed |", flush=True)
                continue
            cells = quantized_layers(made) + [f"{decibel(exact[output], rough[output]):.1f}" for output in outputs]
            if score is not None:
                precision = average_precision(options, rough, judged, folder)
                cells.append(f"{precision:.4f} ({precision - score:+.4f})")
            print(f"| {way} | " + " | ".join(cells) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"), help="folder with the program etalon")
    parser.add_argument("--models", nargs="+", default=["bccd_resnet10", "bccd_resnet18"])
    parser.add_argument("--only", default="", help="the tools with this word in their names")
    parser.add_argument("--eval_ap", type=pathlib.Path, help="program that gives the average precision")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--model", help=argparse.SUPPRESS)
    parser.add_argument("--out", help=argparse.SUPPRESS)
    parser.add_argument("--images", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        PEERS[options.work](options.model, options.images, options.out)
        return
    if not os.environ.get("ETALON_DATA"):
        parser.error("ETALON_DATA names no folder with bccd/ and models/")
    options.data = pathlib.Path(os.environ["ETALON_DATA"]).resolve()
    if options.eval_ap and not options.eval_ap.is_file():
        parser.error(f"there is no {options.eval_ap}")
    for name in options.models:
        table(options, name)


if __name__ == "__main__":
    main()
