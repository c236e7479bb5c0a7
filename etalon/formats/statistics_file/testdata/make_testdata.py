"""Makes the statistics file beside it: python make_testdata.py

An implementation of docs/formats/statistics_file.md of its own, over values that NumPy counts. Prints what the file holds.
"""
import pathlib
import struct

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
MAGIC = b"\x89ETST\r\n\x1a"


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n % 128 + 128)
        n //= 128
    out.append(n)
    return bytes(out)


def text(s):
    return varint(len(s.encode())) + s.encode()


def zigzag(difference):
    return 2 * difference if difference >= 0 else -2 * difference - 1


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def tensor(name, values):
    values = np.asarray(values, dtype=np.float32)
    finite = np.abs(values[np.isfinite(values)])
    keys, counts = np.unique(finite.view(np.uint32) >> 16, return_counts=True)
    nans, infinities = int(np.isnan(values).sum()), int(np.isinf(values).sum())
    largest = int(finite.view(np.uint32).max()) if finite.size else 0
    print(f"{name}: {values.size} values, {nans} nans, {infinities} infinities, largest {largest:#010x}")
    print("  ", ", ".join(f"{{{key:#x}, {count}}}" for key, count in zip(keys, counts)))
    out = text(name) + varint(values.size) + varint(nans) + varint(infinities) + struct.pack("<I", largest) + varint(len(keys))
    runs = np.split(np.arange(len(keys)), np.flatnonzero(np.diff(keys.astype(int)) != 1) + 1) if len(keys) else []
    next_key = before = 0
    for run in runs:
        out += varint(int(keys[run[0]]) - next_key) + varint(len(run))
        for i in run:
            out += varint(zigzag(int(counts[i]) - before))
            before = int(counts[i])
        next_key = int(keys[run[-1]]) + 1
    return out


def section(name, content):
    return name + struct.pack("<I", len(content)) + content


run = bytes(range(16)) + bytes(range(240, 256)) + struct.pack("<4Q", 1, 3, 20, 7)
facts = [("source", "images in 'pictures'"), ("precision", "f32"), ("etalon", "0.1.0 \u00e4")]
near_one = [1.0] * 5 + [1.0078125] * 300 + [1.015625, -1.015625]  # three neighbouring buckets
tensors = [tensor("activation_1/Relu", [0.0] * 7 + [0.25, 0.26] + near_one + [300.5]), tensor("empty", []),
           tensor("input_1", near_one + [np.nan, np.inf, -np.inf, -np.inf, 1e-45, -0.0, -3.4028235e38]),
           tensor("nan", [np.nan] * 2)]
body = MAGIC + struct.pack("<I", 1) + section(b"run ", run) \
    + section(b"fact", varint(len(facts)) + b"".join(text(k) + text(v) for k, v in facts)) \
    + section(b"tens", varint(len(tensors)) + b"".join(tensors))
(HERE / "part_1_of_3.stats").write_bytes(body + struct.pack("<I", crc32c(body)))
