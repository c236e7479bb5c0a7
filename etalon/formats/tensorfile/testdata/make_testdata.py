"""Makes the small tensorfiles beside it, with h5py: python make_testdata.py

They have the layout of NVIDIA's TensorFile class (docs/formats/tensorfile.md). Batch i holds (2, 3, 4, 5) numbers that count
up in steps of 1/8 from i - 10: exact in float16, so every file holds the same values. Most are written as HDF5 1.10 does it,
which is smaller.
"""
import os

import h5py
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
KEY = "_tensorfile_array_key_"
SHAPE = (2, 3, 4, 5)


def batch(i, rows=SHAPE[0]):
    shape = (rows,) + SHAPE[1:]
    return i - 10 + np.arange(int(np.prod(shape)), dtype="float64").reshape(shape) / 8


def save(name, batches=2, dtype="float64", libver=("v110", "v110"), count=True, edit=None, rows=lambda i: SHAPE[0], **dataset):
    with h5py.File(os.path.join(HERE, name + ".h5"), "w", libver=libver) as file:
        for i in range(batches):
            file.create_group(f"{KEY}_{i}").create_dataset(KEY, data=batch(i, rows(i)).astype(dtype), **dataset)
        if count:
            file.attrs["count"] = np.int64(batches)
            file.attrs["shape"] = np.array(SHAPE, "int64")
        if edit:
            edit(file)


def other_count(file):
    file.attrs["count"] = np.int64(7)
    file[f"{KEY}_0"].attrs["images"] = np.array([b"b.png", b"a/c.jpg"])


def dictionary(file):
    file[f"{KEY}_1"]["labels"] = np.zeros(3)


save("float64_gzip", libver="earliest", compression="gzip")  # as NVIDIA's writer
save("contiguous", libver="earliest", dtype="float32")
save("float32_gzip", dtype="float32", compression="gzip", compression_opts=9, shuffle=True)
save("float16_chunks", dtype="float16", chunks=(1, 2, 3, 4))  # chunks that stick out
save("big_endian", dtype=">f4", chunks=SHAPE, fletcher32=True)
save("szip", dtype="float32", chunks=(1, 3, 4, 5), compression="szip")
save("eleven_batches", batches=11, dtype="float16")
save("rows_differ", dtype="float16", rows=lambda i: 2 + i)
save("without_count", dtype="float16", count=False)
save("other_count", dtype="float16", edit=other_count)
save("dictionary", dtype="float16", edit=dictionary)
save("lzf", dtype="float16", chunks=SHAPE, compression="lzf")  # h5py's own filter
