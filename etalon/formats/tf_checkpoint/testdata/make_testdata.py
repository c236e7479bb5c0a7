"""Makes the checkpoints beside it, with NumPy and Python's zipfile: python make_testdata.py

A writer of docs/formats/tf_checkpoint.md of its own. `expected.txt`: name, type, shape and CRC-32 of the bytes of each
variable, which both archives hold.
"""
import pathlib
import struct
import zipfile
import zlib

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
TYPES = {"float32": 1, "float64": 2, "int32": 3, "int64": 9, "bool": 10, "float16": 19}
ENTRIES_A_RESTART, ENTRIES_A_BLOCK = 16, 20  # TensorFlow cuts blocks by size, at 256 KiB


def masked_crc(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def block(entries):
    out, restarts, last = b"", [], b""
    for i, (key, value) in enumerate(entries):
        shared = 0
        if i % ENTRIES_A_RESTART == 0:
            restarts.append(len(out))
        else:
            while shared < min(len(last), len(key)) and last[shared] == key[shared]:
                shared += 1
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        last = key
    return out + b"".join(struct.pack("<I", n) for n in restarts or [0]) + struct.pack("<I", len(restarts or [0]))


def table(entries):
    out, handles = b"", []

    def add(content):
        nonlocal out
        handle = varint(len(out)) + varint(len(content))
        out += content + b"\0" + struct.pack("<I", masked_crc(content + b"\0"))
        return handle

    for begin in range(0, len(entries), ENTRIES_A_BLOCK):
        part = entries[begin:begin + ENTRIES_A_BLOCK]
        handles.append((part[-1][0], add(block(part))))
    footer = add(block([])) + add(block(handles))
    return out + footer.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


def number(field, value):
    return varint(field << 3) + varint(value) if value else b""


def message(field, content):
    return varint(field << 3 | 2) + varint(len(content)) + content


def bundle(stem, variables, shards):
    """name -> bytes of the files of a checkpoint; variable i goes to shard i % shards."""
    data, entries = [b""] * shards, [(b"", number(1, shards) + message(3, number(1, 1)))]
    for i, name in enumerate(sorted(variables)):
        value, shard = variables[name], i % shards
        raw = value.tobytes()
        shape = b"".join(message(2, number(1, side)) for side in value.shape)
        entries.append((name.encode(), number(1, TYPES[value.dtype.name]) + message(2, shape) + number(3, shard) +
                        number(4, len(data[shard])) + number(5, len(raw)) + b"\x35" + struct.pack("<I", masked_crc(raw))))
        data[shard] += raw
    return {f"{stem}.index": table(entries), **{f"{stem}.data-{i:05}-of-{shards:05}": d for i, d in enumerate(data)}}


def save(name, members, method):
    with zipfile.ZipFile(HERE / name, "w", method) as archive:
        for member, content in members.items():
            archive.writestr(zipfile.ZipInfo(member, (2020, 1, 1, 0, 0, 0)), content, method)


random = np.random.default_rng(1)
VARIABLES = {
    "conv1/kernel": random.normal(size=(3, 3, 2, 4)).astype("float32"),
    "conv1/kernel/Momentum": np.zeros((3, 3, 2, 4), "float32"),
    "empty": np.zeros((0, 3), "float32"),
    "flag": np.array([True, False, True]),
    "global_step": np.array(10, "int64"),
    "half": random.normal(size=(2, 5)).astype("float16"),
    "numbers": np.arange(-3, 3, dtype="int32"),
    "wide": random.normal(size=7),
}
for block_name in ("block_1a_bn_1", "block_1a_bn_2", "bn_conv1"):
    for part in ("beta", "gamma", "moving_mean", "moving_variance"):
        VARIABLES[f"{block_name}/{part}"] = random.normal(size=4).astype("float32")

TEMPORARY = b'model_checkpoint_path: "/tmp/tmpk2x8q1/model.ckpt-10"\n'
save("trained.zip", {**bundle("model.ckpt-10", VARIABLES, 1), "model.ckpt-10.meta": b"not needed", "checkpoint": TEMPORARY},
     zipfile.ZIP_STORED)
save("pruned.zip", {"train_graph.json": b"{}", **bundle("pruned.ckpt", VARIABLES, 2), "checkpoint": TEMPORARY, "pruned.ckpt": b""},
     zipfile.ZIP_DEFLATED)
(HERE / "expected.txt").write_text("".join(
    f"{name} {value.dtype} {'x'.join(map(str, value.shape)) or '-'} {zlib.crc32(value.tobytes()):08x}\n"
    for name, value in sorted(VARIABLES.items())))
