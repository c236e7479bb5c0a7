#!/usr/bin/env python3
"""Makes mask_rcnn_stages.npz, the part of the data of tests/mask_rcnn_stages.py that is in the repository.

    python make_mask_rcnn_stages.py DATA/models/mask_rcnn

The results are those of NVIDIA's CUDA kernels (plugins_gpu.npz) and of TensorFlow 1.15 running TAO's code (tensorflow.npz);
the inputs are random numbers, and for the crops one channel of a small network's feature maps.
"""
import pathlib
import sys

import numpy as np

CASES = ("p_few", "p_pre1", "p_pre100", "p_pre512", "d_background", "d_empty", "d_iou_eq", "d_keep300", "d_pairs", "d_pairs34",
         "d_small2")
CHANNEL = slice(0, 1)


def main():
    folder = pathlib.Path(sys.argv[1])
    kernels, tensorflow = (np.load(folder / (name + ".npz")) for name in ("plugins_gpu", "tensorflow"))
    sample = {key: kernels[key] for key in kernels.files if key.split(".")[0] in CASES}
    for level in range(2, 7):
        sample["crop_P%d" % level] = tensorflow["crop_P%d" % level][:, CHANNEL]
    for name in ("crop_feature", "crop_mask_feature"):
        sample[name] = tensorflow[name][:, CHANNEL]
    sample["crop_feature_rois"] = tensorflow["crop_feature_rois"]
    sample["roi"], sample["detection_boxes"] = tensorflow["roi"][:1], tensorflow["detection_boxes"][:1]
    sample["image_size"] = tensorflow["image_size"]
    np.savez_compressed(pathlib.Path(__file__).parent / "mask_rcnn_stages.npz", **sample)


if __name__ == "__main__":
    main()
