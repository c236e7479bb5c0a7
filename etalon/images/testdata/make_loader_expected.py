#!/usr/bin/env python3
"""Writes loader_expected.txt: what TensorFlow's decoders make of this folder's pictures, and what TAO's DetectNet_v2
data loaders make of them: decoding and resizing by TensorFlow, everything else by NumPy, written after the facts (and
not after our code: whole images at once, 3 x 3 matrices). With the folder of the data at hand also the CRC-32 of
numbers that NVIDIA's loaders made. Writes rgb_gamma.png, cmyk_unmarked.jpg and colours.fp16 too. Run with TensorFlow 2
(its kernels for these operations compute as those of 1.15).

  make_loader_expected.py [FOLDER_WITH_bccd_AND_models]
"""

import os
import re
import struct
import sys
import zlib
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

HERE = Path(__file__).parent
F = np.float32


def crc(array):
    return zlib.crc32(np.ascontiguousarray(array).tobytes())


def decode(data, channels, transform):
    """Either decoder reads both formats, but only decode_jpeg lets one choose the transform."""
    if data.startswith(b"\x89PNG"):
        return tf.image.decode_png(data, channels).numpy()
    return tf.image.decode_jpeg(data, channels, dct_method={"accurate": "INTEGER_ACCURATE", "fast": ""}[transform]).numpy()


def sample(image, matrix, width, height, outside):
    """NVIDIA's spatial transform of (h, w, c): the output pixel's centre as a row vector times `matrix`."""
    image, matrix = image.astype(F), matrix.astype(F)
    y, x = (v.astype(F) + F(0.5) for v in np.mgrid[0:height, 0:width])
    at = [matrix[0, i] * x + matrix[1, i] * y + matrix[2, i] for i in range(3)]
    at = [at[0] / at[2] - F(0.5), at[1] / at[2] - F(0.5)]
    corner = [np.floor(a).astype(np.int64) for a in at]
    far = [a - c.astype(F) for a, c in zip(at, corner)]
    near = [F(1) - f for f in far]
    total = np.zeros((height, width, image.shape[2]), F)
    for dy, y_weight in ((0, near[1]), (1, far[1])):
        for dx, x_weight in ((0, near[0]), (1, far[0])):
            xx, yy = corner[0] + dx, corner[1] + dy
            inside = (xx >= 0) & (xx < image.shape[1]) & (yy >= 0) & (yy < image.shape[0])
            value = np.where(inside[..., None], image[yy.clip(0, image.shape[0] - 1), xx.clip(0, image.shape[1] - 1)], F(outside))
            total = total + value * x_weight[..., None] * y_weight[..., None]
    return total


def scaling(x, y):
    return np.diag(np.array([x, y, 1], F))


def shift(x, y):
    return np.array([[1, 0, 0], [0, 1, 0], [x, y, 1]], F)


def multisource(pixels, how):
    image = pixels.astype(np.float16) * np.float16(1 / 255)
    if how["auto"]:
        height, width = how["height"], how["width"]
        if image.shape[:2] != (height, width):
            image = tf.compat.v1.image.resize_bilinear(image[None], (height, width)).numpy()[0].astype(np.float16)
    else:
        height, width = how["canvas_height"], how["canvas_width"]
        image = np.pad(image, ((0, height - image.shape[0]), (0, width - image.shape[1]), (0, 0)))
    matrix = np.eye(3, dtype=F)
    if how["scale_width"] or how["scale_height"]:
        new_width = width * (float(F(how["scale_width"])) or 1)
        new_height = height * (float(F(how["scale_height"])) or 1)
        matrix = scaling(width / new_width, height / new_height)
    left, top, right, bottom = how["crop"]
    if not any(how["crop"]):
        right, bottom = how["width"], how["height"]
    image = sample(image, shift(left, top) @ matrix, right - left, bottom - top, 0.5).astype(np.float16)
    return image.clip(0, 1) if image.shape[2] == 3 else image


def legacy(image, how):
    if image.dtype == np.uint8:
        image = image.astype(F) * F(1 / 255)
    matrix = np.eye(3)
    left, top, right, bottom = how["crop"]
    if right > left and bottom > top:
        matrix = shift(-left, -top)
    if how["scale_width"] > 0 and how["scale_height"] > 0:
        matrix = scaling(how["scale_width"], how["scale_height"]) @ matrix
    # The inverse in exact arithmetic. TensorFlow's has errors of rounding if there is a crop, another on each device.
    inverse = np.diag([1 / matrix[0, 0], 1 / matrix[1, 1], 1]).astype(F)
    inverse[2, :2] = -matrix[2, :2] * inverse.diagonal()[:2]
    image = sample(image, inverse, how["width"], how["height"], 0.0)
    return image.clip(0, 1) if image.shape[2] == 3 else image


def case(numerics, channels, width, height, auto=0, canvas=(0, 0), scale=(0, 0), crop=(0, 0, 0, 0)):
    return dict(numerics=numerics, channels=channels, width=width, height=height, auto=auto, canvas_width=canvas[0],
                canvas_height=canvas[1], scale_width=scale[0], scale_height=scale[1], crop=crop)


def words(how):
    return " ".join(f"{w:g}" if isinstance(w, float) else str(w) for w in (
        how["numerics"], how["channels"], how["width"], how["height"], how["auto"], how["canvas_width"],
        how["canvas_height"], how["scale_width"], how["scale_height"], *how["crop"]))


def loaded(data, how):
    transform = "accurate" if how["numerics"] == "multisource" else "fast"
    pixels = decode(data, how["channels"], transform)
    image = (multisource if how["numerics"] == "multisource" else legacy)(pixels, how)
    return image.astype(F).transpose(2, 0, 1)


# The pictures are 37 x 23.
CASES = [
    case("multisource", 3, 37, 23, auto=1),
    case("multisource", 3, 18, 11, auto=1),
    case("multisource", 1, 61, 50, auto=1),
    case("multisource", 3, 16, 9, auto=1, crop=(2, 1, 20, 8)),
    case("multisource", 1, 16, 32, auto=1, scale=(0.7, 1.3)),
    case("multisource", 3, 20, 10, canvas=(37, 23)),
    case("multisource", 3, 48, 32, canvas=(48, 32)),
    case("multisource", 1, 20, 10, canvas=(40, 30), crop=(30, 15, 45, 35)),
    case("multisource", 3, 20, 12, canvas=(40, 30), scale=(0.5, 0.5)),
    case("multisource", 3, 64, 12, canvas=(37, 23), scale=(1.7, 0)),
    case("multisource", 1, 20, 40, canvas=(37, 23), scale=(0, 0.3), crop=(3, 2, 33, 12)),
    case("legacy", 3, 37, 23),
    case("legacy", 1, 20, 30),
    case("legacy", 3, 48, 10, crop=(7, 5, 8, 6)),
    case("legacy", 1, 48, 30, crop=(7, 5, 7, 50)),
    case("legacy", 3, 20, 12, scale=(0.5, 0.5)),
    case("legacy", 1, 64, 40, scale=(1.7, 1.3)),
    case("legacy", 3, 20, 12, scale=(0.6, 0)),
    case("legacy", 3, 20, 12, scale=(0.5, 0.25), crop=(4, 2, 30, 20)),
]
LOADED = ["rgb_420.jpg", "grey.jpg", "rgb.png", "palette.png", "rgba_16_bits.png"]

rgb = (HERE / "rgb.png").read_bytes()
gamma = b"gAMA" + struct.pack(">I", 45455)
(HERE / "rgb_gamma.png").write_bytes(rgb[:33] + struct.pack(">I", 4) + gamma + struct.pack(">I", zlib.crc32(gamma)) + rgb[33:])
cmyk = (HERE / "cmyk.jpg").read_bytes()
mark = cmyk.index(b"\xff\xee")  # Adobe's segment: its length follows
(HERE / "cmyk_unmarked.jpg").write_bytes(cmyk[:mark] + cmyk[mark + 2 + int.from_bytes(cmyk[mark + 2:mark + 4], "big"):])

lines = [f"# Written by make_loader_expected.py with TensorFlow {tf.__version__}, NumPy {np.__version__}; CRC-32 of bytes or float32.",
         "# decode NAME CHANNELS TRANSFORM PIXELS|refused",
         "# HOW: LOADER CHANNELS WIDTH HEIGHT AUTO_RESIZE CANVAS_WIDTH CANVAS_HEIGHT SCALE_X SCALE_Y LEFT TOP RIGHT BOTTOM",
         "# loader NAME HOW FLOATS | halves NAME WIDTH HEIGHT HOW FLOATS | nvidia FILE HOW floats|levels FLOATS|BYTES"]
for path in sorted([*HERE.glob("*.png"), *HERE.glob("*.jpg")]):
    for channels in (1, 3):
        for transform in ("accurate", "fast") if path.suffix == ".jpg" else ("accurate",):
            try:
                found = crc(decode(path.read_bytes(), channels, transform))
            except tf.errors.InvalidArgumentError:
                found = "refused"
            lines.append(f"decode {path.name} {channels} {transform} {found}")
for name in LOADED:
    for how in CASES:
        lines.append(f"loader {name} {words(how)} {crc(loaded((HERE / name).read_bytes(), how))}")

halves = np.random.default_rng(5).uniform(-0.1, 1.1, (3, 5, 7)).astype("<f2")  # outside of 0 .. 1 too: clipped
(HERE / "colours.fp16").write_bytes(halves.tobytes())
for how in (case("legacy", 3, 7, 5), case("legacy", 3, 10, 4), case("legacy", 3, 9, 9, scale=(1.5, 0.7))):
    image = legacy(halves.transpose(1, 2, 0).astype(F), how)
    lines.append(f"halves colours.fp16 7 5 {words(how)} {crc(image.astype(F).transpose(2, 0, 1))}")

if len(sys.argv) > 1:
    data = Path(sys.argv[1]) / "models/detectnet_v2/dataset"
    for path in sorted(data.glob("dataloader_*.npz")):
        spec = (data / "specs" / f"{path.stem.removeprefix('dataloader_')}.spec.txt").read_text()

        def field(name, kind, otherwise):
            found = re.search(rf"\b{name}: (\S+)", spec)
            return kind(found.group(1)) if found else otherwise

        how = case("multisource" if field("dataloader_mode", str, "") == "MULTISOURCE" else "legacy",
                   field("output_image_channel", int, 3), field("output_image_width", int, 0),
                   field("output_image_height", int, 0), field("enable_auto_resize", lambda w: int(w == "true"), 0),
                   scale=(field("scale_width", float, 0), field("scale_height", float, 0)),
                   crop=tuple(field(f"crop_{side}", int, 0) for side in ("left", "top", "right", "bottom")))
        how["canvas_width"], how["canvas_height"] = max(how["width"], 640), max(how["height"], 480)  # BCCD's size
        with np.load(path) as made:
            for image, frame in zip(made["images"], made["frame_id"]):
                kind = "levels" if image.dtype == np.uint8 else "floats"  # NVIDIA's floats times 255, kept as bytes
                lines.append(f"nvidia bccd/validation/{frame}.jpg {words(how)} {kind} "
                             f"{crc(image if kind == 'levels' else image.astype(F))}")
(HERE / "loader_expected.txt").write_text("\n".join(lines) + "\n")
