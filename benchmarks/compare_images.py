#!/usr/bin/env python3
"""Decoding and resizing a picture: Pillow against images_benchmark, both on one core, turn by turn.

  compare_images.py IMAGES_BENCHMARK PICTURE [WIDTH HEIGHT] [--rounds N]

Each round runs the one and then the other; the median of the rounds' ratios is what counts, so that a machine that
is busy for a while disturbs both sides alike. Prints milliseconds a picture (medians) and the ratios.
"""

import argparse
import io
import json
import statistics
import subprocess
import time

import numpy as np
import PIL
from PIL import Image

WORK = ["decode", "resize", "decode_and_resize", "decode_and_prepare"]


def pillow_work(data, size):
    def decode():
        image = Image.open(io.BytesIO(data))
        image.load()
        return image

    def prepare():  # as TAO's exporter does it
        x = np.array(decode().resize(size, Image.LANCZOS).convert("RGB")).astype(np.float32)
        return np.ascontiguousarray(x.transpose(2, 0, 1) * np.float32(1 / 255))

    decoded = decode()
    return {"decode": decode, "resize": lambda: decoded.resize(size, Image.LANCZOS),
            "decode_and_resize": lambda: decode().resize(size, Image.LANCZOS), "decode_and_prepare": prepare}


def pillow_ms(body, seconds):
    body()
    count, start = 0, time.process_time()
    while time.process_time() - start < seconds:
        body()
        count += 1
    return (time.process_time() - start) / count * 1e3


def ours_ms(program, picture, size, work, seconds):
    out = subprocess.run([program, picture, *map(str, size), f"--benchmark_filter=^{work}$", "--benchmark_format=json",
                          f"--benchmark_min_time={seconds}"], check=True, capture_output=True, text=True).stdout
    return json.loads(out)["benchmarks"][0]["cpu_time"]


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("program")
parser.add_argument("picture")
parser.add_argument("width", nargs="?", type=int, default=320)
parser.add_argument("height", nargs="?", type=int, default=240)
parser.add_argument("--rounds", type=int, default=7)
parser.add_argument("--seconds", type=float, default=0.3, help="per measurement")
options = parser.parse_args()
size = (options.width, options.height)
with open(options.picture, "rb") as file:
    bodies = pillow_work(file.read(), size)

print(f"{options.picture} to {size[0]}x{size[1]}, Pillow {PIL.__version__}, {options.rounds} rounds")
print(f"{'':20}{'Pillow ms':>11}{'etalon ms':>11}{'ratio':>8}{'from':>8}{'to':>8}")
for work in WORK:
    pairs = [(pillow_ms(bodies[work], options.seconds),
              ours_ms(options.program, options.picture, size, work, options.seconds)) for _ in range(options.rounds)]
    ratios = [theirs / ours for theirs, ours in pairs]
    print(f"{work:20}{statistics.median(p[0] for p in pairs):11.3f}{statistics.median(p[1] for p in pairs):11.3f}"
          f"{statistics.median(ratios):8.2f}{min(ratios):8.2f}{max(ratios):8.2f}")
