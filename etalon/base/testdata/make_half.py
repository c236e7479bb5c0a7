#!/usr/bin/env python3
"""Prints what half_test.cpp expects: CRC-32 of NumPy's conversions between float32 and float16."""

import zlib

import numpy as np


def crc(values):
    return f"0x{zlib.crc32(values.tobytes()):08x}"


with np.errstate(over="ignore"):
    halves = np.arange(65536, dtype=np.uint16)
    numbers = halves[~np.isnan(halves.view(np.float16))]  # the bits of a NaN differ from machine to machine
    print("every half as a float:", crc(numbers.view(np.float16).astype(np.float32)))

    # Every 2^16 / 3rd float, and around the middle of each two neighbouring halves the five nearest floats.
    floats = np.arange(0, 1 << 32, 21845, dtype=np.uint64).astype(np.uint32)
    floats = floats[~np.isnan(floats.view(np.float32))]
    print("a sweep over the floats:", len(floats), crc(floats.view(np.float32).astype(np.float16).view(np.uint16)))

    ladder = halves[:0x7c00].view(np.float16).astype(np.float64)
    middles = ((ladder[:-1] + ladder[1:]) / 2).astype(np.float32).view(np.uint32)
    around = (middles[:, None].astype(np.int64) + np.arange(-2, 3)).astype(np.uint32).reshape(-1)
    print("around the ties:", len(around), crc(around.view(np.float32).astype(np.float16).view(np.uint16)))
