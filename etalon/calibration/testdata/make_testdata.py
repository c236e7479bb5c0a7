"""Expected numbers for ranges_test.cpp and image_folder_test.cpp, by plain NumPy code that shares nothing with etalon's.

usage: make_testdata.py   (numpy); writes ranges.txt, clipped.txt and draws.txt beside itself
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


def histogram(values):
    """What TensorStatistics keep of values that are not zero: lower and upper edges, counts, largest."""
    a = np.abs(values.astype(np.float32))
    bits = a.view(np.uint32)
    keys, counts = np.unique(bits[bits >> 16 > 0] >> 16, return_counts=True)
    largest = float(a.max())
    edge = lambda k: (k.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    lows, highs = edge(keys), np.minimum(edge(keys + 1), largest)
    if len(keys) == 1:
        lows = highs = np.array([largest])
    return lows, highs, counts, largest


def percentile_range(values, percent):
    lows, highs, counts, largest = histogram(values)
    wanted = counts.sum() * percent / 100
    i = np.searchsorted(np.cumsum(counts), wanted)
    return np.float32(lows[i] + (highs - lows)[i] * (1 - (counts[:i + 1].sum() - wanted) / counts[i]))


def squared_error(values, largest_kept, clipping_counts=1):
    """Cut at every edge of a bucket and wherever rounding changes, integrated piece by piece."""
    lows, highs, counts, _ = histogram(values)
    step = largest_kept / 127
    wide = highs > lows
    cuts = np.unique(np.concatenate([lows, highs, (np.arange(127) + 0.5) * step, [largest_kept]]))
    left, right = cuts[:-1], cuts[1:]
    middle = (left + right) / 2
    bucket = np.searchsorted(lows, middle, side="right") - 1
    inside = (bucket >= 0) & (middle < highs[bucket])
    left, right, middle, bucket = left[inside], right[inside], middle[inside], bucket[inside]
    level = np.minimum(np.rint(middle / step), 127) * step
    errors = counts[bucket] / (highs - lows)[bucket] * ((right - level) ** 3 - (left - level) ** 3) / 3
    points, point_counts = lows[~wide], counts[~wide]
    point_errors = point_counts * (points - np.minimum(np.rint(points / step), 127) * step) ** 2
    weigh = lambda at: np.where(at > largest_kept, clipping_counts, 1)
    return (weigh(middle) * errors).sum() + (weigh(points) * point_errors).sum()


def mse_range(values):
    largest = float(np.abs(values.astype(np.float32)).max())
    candidates = largest * np.arange(1, 2049) / 2048
    errors = np.array([squared_error(values, r) for r in candidates])
    return np.float32(candidates[2047 - np.argmin(errors[::-1])])


def signal_to_noise_db(values, largest_kept, clipping_counts=1):
    lows, highs, counts, _ = histogram(values)
    noise = squared_error(values, float(largest_kept), clipping_counts)
    return 10 * np.log10((counts * (lows * lows + lows * highs + highs * highs) / 3).sum() / noise) if noise else np.inf


def entropy_range(values):
    """The search as written in entropy_range.cpp's essay, done naively: every distribution is built and compared in full."""
    lows, highs, counts, largest = histogram(values)
    h = np.zeros(2048)
    edges = np.arange(2049) * (largest / 2048)
    for low, high, count in zip(lows, highs, counts):
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
PERCENTILES = (50, 99, 99.999)
with open(HERE / "ranges.txt", "w") as out:  # a line a case and calibrator: range, signal to noise in dB, with clipping counted twice
    for name, values in CASES.items():
        ranges = {"entropy": entropy_range(values), "minmax": np.float32(np.abs(values).max()),
                  **{f"percentile_{p}": percentile_range(values, p) for p in PERCENTILES}, "mse": mse_range(values)}
        for calibrator, r in ranges.items():
            print(name, calibrator, f"{r.view(np.uint32):08x} {signal_to_noise_db(values, r):.9g} {signal_to_noise_db(values, r, 2):.9g}", file=out)
with open(HERE / "draws.txt", "w") as out:
    for available, count, seed in ((10, 10, 42), (40, 12, 42), (1000, 8, 0), (1000, 8, MASK), (3, 1, 7), (1, 1, 1)):
        print(available, count, seed, *draw(available, count, seed), file=out)

with open(HERE / "clipped.txt", "w") as out:  # a line a case and part of the largest: the range, the part of all values that are beyond it
    for name, values in CASES.items():
        sizes = np.abs(values.astype(np.float32))
        for part in (0.3, 0.6, 0.9, 1):
            limit = np.float32(sizes.max() * part)
            out.write(f"{name} {limit.view(np.uint32):08x} {(sizes > limit).mean():.9g}\n")
