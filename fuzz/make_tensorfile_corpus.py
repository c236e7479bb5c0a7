"""Makes corpus/tensorfile, with h5py: python make_tensorfile_corpus.py

Small tensorfiles, and answers as the reader's own process sends them (tensorfile_fuzz.cpp).
"""
import pathlib
import struct

import h5py
import numpy as np

OUT = pathlib.Path(__file__).resolve().parent / "corpus/tensorfile"
KEY = "_tensorfile_array_key_"


def tensorfile(name, dtype="float16", libver=("v110", "v110"), images=None, batches=2, **dataset):
    with h5py.File(OUT / name, "w", libver=libver) as file:
        for i in range(batches):
            values = np.arange(12, dtype="float64").reshape(2, 1, 2, 3).astype(dtype) + i
            file.create_group(f"{KEY}_{i}").create_dataset(KEY, data=values.astype(dtype), **dataset)
            if images:
                file[f"{KEY}_{i}"].attrs["images"] = np.array(images)
        file.attrs["count"] = np.int64(batches)
        file.attrs["shape"] = np.array([2, 1, 2, 3], "int64")


def number(value):
    return b"n" + struct.pack("<Q", value % 2**64)


def text(value):
    return b"t" + struct.pack("<Q", len(value)) + value


def floats(values):
    return b"f" + struct.pack("<Q", len(values)) + struct.pack(f"<{len(values)}f", *values)


def facts(batches, has_count, count, shape, images):
    return (b"F" + number(batches) + number(has_count) + number(count) + b"".join(map(number, shape)) + text(b"float64") +
            text(b"gzip 4, chunks 1x1x2x3") + number(len(images)) + b"".join(map(text, images)))


def batch(shape, values):
    return b"".join(map(number, shape)) + floats(values)


OUT.mkdir(parents=True, exist_ok=True)
tensorfile("earliest.h5", dtype="float32", libver="earliest", batches=1)
tensorfile("float16.h5", images=[b"a.png", b"b.png"])
tensorfile("gzip.h5", dtype="float64", chunks=(1, 1, 2, 3), compression="gzip", shuffle=True, fletcher32=True)
(OUT / "facts").write_bytes(facts(3, 1, 3, (2, 1, 2, 3), [b"a.png", b"b.png"]))
(OUT / "facts_without_count").write_bytes(facts(1, 0, 0, (1, 1, 1, 1), []))
(OUT / "facts_with_a_count_of_two").write_bytes(facts(1, 2, -1, (1, 1, 1, 1), []))
(OUT / "batches").write_bytes(b"B" + batch((2, 1, 1, 2), [1, 2, 3, 4]) + batch((1, 1, 1, 2), [5, 6]))
(OUT / "batch_too_short").write_bytes(b"B" + batch((2, 1, 1, 2), [1, 2, 3]))
(OUT / "batch_of_no_image").write_bytes(b"B" + batch((0, 1, 1, 2), []))
(OUT / "batch_too_large").write_bytes(b"B" + batch((1 << 20, 1 << 20, 1, 1), []))
(OUT / "batch_below_zero").write_bytes(b"B" + batch((-1, 1, 1, 1), [1]))
(OUT / "error").write_bytes(b"Be" + struct.pack("<Q", 0) + text(b"it is broken") + text(b"") + number(1) + text(b"group 'a'"))
