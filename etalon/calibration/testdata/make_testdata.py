"""Expected numbers for ranges_test.cpp and image_folder_test.cpp, by plain NumPy code that shares nothing with etalon's.

usage: make_testdata.py   (numpy); writes ranges.txt and draws.txt beside itself
"""
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).parent
MASK = 2**64 - 1


def splitmix64(seed):
    state = seed
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield z ^ (z >> 31)


def draw(available, count, seed):
    numbers, generator = list(range(available)), splitmix64(seed)
    for i in range(count):
        bound = available - i
        while True:
            r = next(generator)
            if r >= 2**64 % bound:
                break
        j = i + r % bound
        numbers[i], numbers[j] = numbers[j], numbers[i]
    return numbers[:count]


def bell(n, seed):
    """Sums of four 16-bit numbers: nearly a normal distribution, exact in float32."""
    generator, values = splitmix64(seed), np.zeros(n)
    for i in range(n):
        z = next(generator)
        values[i] = (sum(z >> s & 0xFFFF for s in (0, 16, 32, 48)) - 131070) / 65536
    return values


def entropy_range(values):
    """The search as written in ranges.cpp's essay, done naively: every distribution is built and compared in full."""
    a = np.abs(values.astype(np.float32))
    bits = a.view(np.uint32)
    keys, counts = np.unique(bits[bits >> 16 > 0] >> 16, return_counts=True)
    largest = float(a.max())
    h = np.zeros(2048)
    edges = np.arange(2049) * (largest / 2048)
    for key, count in zip(keys, counts):
        low = float(np.array([key << 16], np.uint32).view(np.float32)[0])
        high = min(float(np.array([(key + 1) << 16], np.uint32).view(np.float32)[0]), largest)
        if high == low:
            h[min(2047, int(low / (largest / 2048)))] += count
        else:
            overlap = np.clip(np.minimum(edges[1:], high) - np.maximum(edges[:-1], low), 0, None)
            h += count * overlap / overlap.sum()
    best, chosen = np.inf, 2048
    for i in range(2048, 127, -1):
        outliers = h[i:].sum()
        if outliers > 0.01 * h.sum():
            break
        p = h[:i].copy()
        p[-1] += outliers
        q = np.zeros(i)
        for group in range(128):
            part = slice(group * i // 128, (group + 1) * i // 128)
            alive = p[part] > 0
            if alive.any():
                q[part][alive] = h[:i][part].sum() / alive.sum()
        if (q[p > 0] <= 0).any():
            continue
        p, q = p / p.sum(), q / q.sum()
        d = float((p[p > 0] * np.log(p[p > 0] / q[p > 0])).sum())
        if d < best - 1e-13:
            best, chosen = d, i
    return np.float32(min((chosen + 0.5) * largest / 2048, float(np.finfo(np.float32).max)))


N = 40000
b, c = bell(N, 1), bell(N, 2)
CASES = {  # ranges_test.cpp makes the same values
    "bell": b,
    "relu": np.maximum(b, 0),
    "heavy": b * c * c * c,
    "rare": np.where(np.arange(N) % 50 == 0, np.abs(b), np.abs(c) * np.abs(c) * 0.01),
    "mostly_zero": np.where(np.arange(N) % 100 == 0, b, 0),
    "outlier": np.where(np.arange(N) == 7, 1000.0, b),
    "two_peaks": np.where(np.arange(N) % 2 == 0, 1 + b / 64, 3 + c / 64),
}
with open(HERE / "ranges.txt", "w") as out:
    for name, values in CASES.items():
        r = entropy_range(values)
        print(name, f"{r.view(np.uint32):08x}", f"{np.float32(np.abs(values).max()).view(np.uint32):08x}", file=out)
        print(name, r, np.abs(values).max())
with open(HERE / "draws.txt", "w") as out:
    for available, count, seed in ((10, 10, 42), (40, 12, 42), (1000, 8, 0), (1000, 8, MASK), (3, 1, 7), (1, 1, 1)):
        print(available, count, seed, *draw(available, count, seed), file=out)
