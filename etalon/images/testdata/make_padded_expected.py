#!/usr/bin/env python3
"""Writes padded_expected.txt and its pictures padded_*.png: what TAO's Mask R-CNN made of two pictures with TensorFlow
1.15 (out of tensorflow.npz, thinned out), and NumPy's answers for sizes and for one enlarged picture, written after the
facts: whole images at once. The NumPy code must agree with TensorFlow's numbers first.

  make_padded_expected.py FOLDER_WITH_tensorflow.npz
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
F = np.float32


def scaled_size(h, w, height, width):
    scale = min(F(height) / F(h), F(width) / F(w))
    return int(scale * F(h)), int(scale * F(w)), scale


def resize(image, height, width):
    for axis, out in ((0, height), (1, width)):
        n = image.shape[axis]
        at = np.arange(out, dtype=F) * (F(n) / F(out))
        low = np.floor(at).astype(int)
        weight = (at - low.astype(F)).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        if axis == 0:
            rows = image[low.clip(0, n - 1)], image[(low + 1).clip(0, n - 1)], weight
        else:
            def across(part):
                first, second = part[:, low.clip(0, n - 1)], part[:, (low + 1).clip(0, n - 1)]
                return first + (second - first) * weight
    top, bottom, y_weight = rows
    top, bottom = across(top), across(bottom)
    return top + (bottom - top) * y_weight


def prepared(pixels, height, width, stride=64):
    image = (pixels.astype(F) * F(1 / 255) - np.array([0.485, 0.456, 0.406], F)) / F(0.224)
    h, w, _ = scaled_size(*pixels.shape[:2], height, width)
    out = np.zeros((-(-height // stride) * stride, -(-width // stride) * stride, 3), F)
    out[:h, :w] = resize(image, h, w)
    return out


def values(array):
    return " ".join(f"{v:.9g}" for v in array.ravel())


tf = np.load(Path(sys.argv[1]) / "tensorflow.npz")
odd, even = tf["odd_u8"], np.ascontiguousarray(tf["image_u8"][0][:64, :64])
assert np.abs(prepared(odd, 192, 256)[::4, ::4] - tf["odd_x"]).max() <= 2e-7
assert np.abs(prepared(even, 64, 64)[::8, ::8] - tf["image_x"][0][:8, :8]).max() <= 2e-7
assert scaled_size(150, 301, 192, 256)[:2] == tuple(tf["odd_info"][:2])
small = odd[20:27, 100:105]
for name, image in ("odd", odd), ("even", even), ("small", small):
    Image.fromarray(image).save(HERE / f"padded_{name}.png", optimize=True)

lines = ["# TensorFlow 1.15: picture, height, width, every n-th pixel (rows, columns, RGB)",
         "picture padded_odd.png 192 256 12 " + values(tf["odd_x"][::3, ::3]),
         "picture padded_even.png 64 64 8 " + values(tf["image_x"][0][:8, :8]),
         "# NumPy",
         "picture padded_small.png 60 100 7 " + values(prepared(small, 60, 100)[::7, ::7]),
         "# TensorFlow 1.15, then NumPy: picture's height and width, network's, scaled height and width, 1 / scale",
         "size 150 301 192 256 " + " ".join(f"{v:.9g}" for v in tf["odd_info"][:3])]
random = np.random.default_rng(3)
lost = 0
for _ in range(4000):
    h, w = (int(v) for v in random.integers(8, 4000, 2))
    height, width = ((832, 1344), (576, 960), (192, 256), (1024, 1024))[random.integers(4)]
    new_h, new_w, scale = scaled_size(h, w, height, width)
    loses = new_h < height and new_w < width
    lost += loses
    if (loses and lost <= 20) or random.random() < 0.01:
        lines.append(f"size {h} {w} {height} {width} {new_h} {new_w} {F(1) / scale:.9g}")
assert lost
(HERE / "padded_expected.txt").write_text("\n".join(lines) + "\n")
