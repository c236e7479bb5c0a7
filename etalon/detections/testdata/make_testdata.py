"""Clusters by scikit-learn, masks by OpenCV and pycocotools, for the tests of detections/.

python make_testdata.py  (needs numpy, scikit-learn, opencv-python-headless and pycocotools; writes beside itself)
"""
import pathlib

import cv2
import numpy as np
from pycocotools import mask as coco
from sklearn.cluster import DBSCAN

HERE = pathlib.Path(__file__).resolve().parent


def distances(boxes):
    """1 - IoU of all pairs, 0.01 added to the union."""
    a, b = boxes[:, None], boxes[None, :]
    wide = np.maximum(0, np.minimum(a[..., 2], b[..., 2]) - np.maximum(a[..., 0], b[..., 0]))
    high = np.maximum(0, np.minimum(a[..., 3], b[..., 3]) - np.maximum(a[..., 1], b[..., 1]))
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return 1 - wide * high / (area[:, None] + area[None, :] - wide * high + 0.01)


def labels(boxes, weights, eps, samples):
    made = DBSCAN(eps=eps + 1e-12, min_samples=max(int(samples), 1), metric="precomputed")
    return made.fit_predict(distances(boxes), sample_weight=weights)


def clusters_txt():
    """Boxes around some places, with labels; -1 is noise."""
    random = np.random.RandomState(7)
    rows = []
    for eps, samples, spread in ((0.3, 1, 3.0), (0.45, 2, 5.0), (0.6, 3, 9.0)):
        centres = random.uniform(20, 180, (9, 2))
        at = centres[random.randint(0, 9, 120)] + random.normal(0, spread, (120, 2))
        half = random.uniform(8, 20, (120, 2))
        boxes = np.round(np.concatenate([at - half, at + half], 1), 3)
        weights = np.round(random.uniform(0.02, 1, 120), 3)
        found = labels(boxes, weights, eps, samples)
        rows.append(f"{eps} {samples} {len(boxes)}")
        rows += [" ".join(map(str, [*box, w, label])) for box, w, label in zip(boxes.tolist(), weights.tolist(), found)]
    (HERE / "clusters.txt").write_text("# eps, samples, boxes; then left top right bottom weight label\n" + "\n".join(rows) + "\n")


def proposals(threshold):
    numbers = np.fromfile(HERE / "bccd_grid.f32", "<f4").astype(np.float64)
    coverage, sides = numbers[: 3 * 300].reshape(3, 300), numbers[3 * 300:].reshape(3, 4, 300)
    x, y = 0.5 + 16 * (np.arange(300) % 20), 0.5 + 16 * (np.arange(300) // 20)
    for cov, (left, top, right, bottom) in zip(coverage, sides):
        left, top = np.clip(x - 35 * left, 0, 320), np.clip(y - 35 * top, 0, 240)
        boxes = np.stack([left, top, np.clip(x + 35 * right, left, 320), np.clip(y + 35 * bottom, top, 240)], 1)
        keep = cov > np.float32(threshold)
        yield boxes[keep], cov[keep]


def suppressed(boxes, cov, iou):
    kept = []
    for i in np.argsort(-cov, kind="stable"):
        a = boxes[i]
        for j in kept:
            b = boxes[j]
            common = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
            total = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common + 1e-5
            if common / total > iou:
                break
        else:
            kept.append(i)
    return boxes[kept], cov[kept]


def bccd_txt(name, algorithm, confidence, threshold):
    """The picture of bccd_grid.f32: coverage above 0.05, eps 0.35, 1 sample; boxes higher than 4 pixels."""
    lines = []
    for number, (boxes, cov) in enumerate(proposals(0.05)):
        found = labels(boxes, cov, 0.35, 1)
        means, raw_boxes, raw_cov = [], [], []
        for label in range(found.max() + 1):
            b, w = boxes[found == label], cov[found == label]
            mean = (b * (w / w.sum())[:, None]).sum(0)
            with np.errstate(invalid="ignore"):
                score = w.sum() if confidence == "sum" else (w.mean() - w.min()) / (w.max() - w.min())
            if mean[3] - mean[1] > 4 and score > np.float32(threshold):
                means.append((score, mean))
                raw_boxes.append(b)
                raw_cov.append(w)
        if algorithm == "hybrid" and means:
            b, w = suppressed(np.concatenate(raw_boxes), np.concatenate(raw_cov), 0.4)
            means = [(s, box) for s, box in zip(w, b) if s > np.float32(0.2) and box[3] - box[1] > 4]
        for score, box in sorted(means, key=lambda one: -one[0]):
            lines.append(" ".join(map(repr, [number, *map(float, box), float(score)])))
    (HERE / name).write_text("# class left top right bottom confidence\n" + "\n".join(lines) + "\n")


def pasted(logits, box, width, height):
    """Sigmoid, a border of zeros, the box grown by (R + 2) / R, corners cut off, OpenCV's resize."""
    size = len(logits)
    cells = np.zeros((size + 2, size + 2), np.float32)
    cells[1:-1, 1:-1] = 1 / (1 + np.exp(-logits))
    left, top, right, bottom = box
    half_x, half_y = (right - left) / 2 * (size + 2) / size, (bottom - top) / 2 * (size + 2) / size
    x, y = (left + right) / 2, (top + bottom) / 2
    x0, y0, x1, y1 = (int(v) for v in (x - half_x, y - half_y, x + half_x, y + half_y))
    on_box = cv2.resize(cells, (x1 - x0 + 1, y1 - y0 + 1), interpolation=cv2.INTER_LINEAR) > 0.5
    picture = np.zeros((height, width), np.uint8)
    l, t, r, b = max(x0, 0), max(y0, 0), min(x1 + 1, width), min(y1 + 1, height)
    picture[t:b, l:r] = on_box[t - y0:b - y0, l - x0:r - x0]
    return picture


def masks_txt():
    random = np.random.RandomState(11)
    lines = ["# width height left top right bottom R, R x R logits, pixels covered, counts"]
    for size, width, height, box in ((1, 20, 15, (4, 3, 12, 9)), (2, 20, 15, (4.5, 3.25, 12, 9)), (7, 64, 48, (10.3, 5.1, 50.9, 40.2)),
                                     (7, 64, 48, (-20.5, -7.5, 30, 60)), (7, 64, 48, (40, 30, 90, 70)), (28, 300, 200, (20.7, 30.2, 280.1, 190.9)),
                                     (28, 300, 200, (100, 100, 107.5, 109.5)), (28, 40, 30, (5, 5, 5.25, 5.25)), (2, 9, 9, (0, 0, 9, 9))):
        smooth = random.normal(0, 1, (size // 3 + 2, size // 3 + 2))
        logits = np.round(4 * cv2.resize(smooth, (size, size), interpolation=cv2.INTER_CUBIC) + 0.5, 2).astype(np.float32)
        picture = pasted(logits, box, width, height)
        counts = coco.encode(np.asfortranarray(picture))["counts"].decode()
        lines.append(" ".join(map(str, [width, height, *box, size])))
        lines.append(" ".join(f"{v:.2f}" for v in logits.ravel()))
        lines.append(f"{picture.sum()} {counts}")
    (HERE / "masks.txt").write_text("\n".join(lines) + "\n")


clusters_txt()
bccd_txt("bccd_dbscan.txt", "dbscan", "sum", 0.3)
bccd_txt("bccd_dbscan_mean.txt", "dbscan", "mean", 0.3)
bccd_txt("bccd_hybrid.txt", "hybrid", "sum", 0.3)
masks_txt()
