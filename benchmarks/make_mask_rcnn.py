"""Writes a full-width Mask R-CNN as TAO 5 saves it after training (ResNet-50: 176 MB), with random weights, and a spec for it.

    python make_mask_rcnn.py OUT.tlt SPEC.txt [--layers 50] [--size HEIGHT WIDTH] [--classes 91] [--narrow 1] [--slots]

Names and shapes are those of TAO's network (ResNet 10, 18, 34, 50, 101 with a feature pyramid). The weights are scaled so that
activations stay near 1 whatever the depth: He's rule before a ReLU, and small last batch norms in blocks, which would double
the variance otherwise. The bundle's layout: docs/formats/tf_checkpoint.md.
"""
import argparse
import struct
import zipfile

import numpy as np

REPEATS = {10: (1, 1, 1, 1), 18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
STEM = "model.ckpt-1000"
ANCHORS = 3  # a place: aspect ratios x scales
MLP, POOLED = 1024, 7
TYPES = {"float32": 1, "int64": 9}


# --- the network ---

class Weights:
    def __init__(self):
        self.random = np.random.default_rng(0)
        self.variables = {"global_step": np.array(1000, "int64")}

    def normal(self, shape, deviation):
        return self.random.standard_normal(shape, np.float32) * np.float32(deviation)

    def kernel(self, name, shape, gain, fan_in=None, bias=True):
        """`gain`: of the variance; 2 before a ReLU."""
        self.variables[f"{name}/kernel"] = self.normal(shape, np.sqrt(gain / (fan_in or np.prod(shape[:-1]))))
        if bias:
            self.variables[f"{name}/bias"] = self.normal(shape[-1:], 0.01)

    def conv(self, name, norm, size, inputs, outputs, gamma=1.0):
        """A convolution without bias and its batch norm."""
        self.kernel(name, (size, size, inputs, outputs), 2, bias=False)
        self.variables.update({
            f"{norm}/gamma": self.random.uniform(0.9 * gamma, 1.1 * gamma, outputs).astype("float32"),
            f"{norm}/beta": self.normal(outputs, 0.1), f"{norm}/moving_mean": self.normal(outputs, 0.1),
            f"{norm}/moving_variance": self.random.uniform(0.8, 1.2, outputs).astype("float32")})


def network(layers, classes, narrow):
    pyramid, mlp = 256 // narrow, MLP // narrow
    w = Weights()
    w.conv("conv1", "bn_conv1", 7, 3, 64 // narrow)
    channels, ends = 64 // narrow, []
    for stage, repeats in enumerate(REPEATS[layers], 1):
        width = (64 << stage - 1) // narrow
        outputs = width if layers < 50 else 4 * width
        for repeat in "abcdefghijklmnopqrstuvw"[:repeats]:
            block = f"block_{stage}{repeat}"
            sides = ((3, width), (3, width)) if layers < 50 else ((1, width), (3, width), (1, outputs))
            inputs = channels
            for i, (size, side) in enumerate(sides, 1):
                w.conv(f"{block}_conv_{i}", f"{block}_bn_{i}", size, inputs, side, 0.2 if i == len(sides) else 1)
                inputs = side
            if repeat == "a":
                w.conv(f"{block}_conv_shortcut", f"{block}_bn_shortcut", 1, channels, outputs)
            channels = outputs
        ends.append(channels)
    for level, channels in enumerate(ends, 2):
        w.kernel(f"l{level}", (1, 1, channels, pyramid), 1)
        w.kernel(f"post_hoc_d{level}", (3, 3, pyramid, pyramid), 1)
    w.kernel("rpn", (3, 3, pyramid, pyramid), 2)
    w.kernel("rpn-class", (1, 1, pyramid, ANCHORS), 1)
    w.kernel("rpn-box", (1, 1, pyramid, 4 * ANCHORS), 0.04)
    w.kernel("fc6", (pyramid * POOLED * POOLED, mlp), 2)
    w.kernel("fc7", (mlp, mlp), 2)
    w.kernel("class-predict", (mlp, classes), 4)
    w.kernel("box-predict", (mlp, 4 * classes), 0.1)
    for i in range(4):
        w.kernel(f"mask-conv-l{i}", (3, 3, pyramid, pyramid), 2)
    w.kernel("conv5-mask", (2, 2, pyramid, pyramid), 2, fan_in=pyramid)  # each output pixel sees one input pixel
    w.kernel("mask_fcn_logits", (1, 1, pyramid, classes), 1)
    return w.variables


# --- CRC-32C of much data, in NumPy ---
# A CRC is linear: data are cut into 2^k lanes of equal length, zeros put in front; all lanes go at once, a word a step; then
# neighbours are joined k times, the left one being moved on by the zeros that stand for the right one.

def tables():
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = table >> 1 ^ np.where(table & 1, np.uint32(0x82F63B78), np.uint32(0))
    rows = [table]
    for _ in range(3):
        rows.append(rows[-1] >> 8 ^ table[rows[-1] & 255])
    return rows


TABLES = tables()


def look_up(tables, crcs):
    return tables[3][crcs & 255] ^ tables[2][crcs >> 8 & 255] ^ tables[1][crcs >> 16 & 255] ^ tables[0][crcs >> 24]


def compiled(columns):
    """Four tables for look_up from what becomes of each single bit."""
    byte = np.arange(256)
    return [np.bitwise_xor.reduce([np.where(byte >> bit & 1, columns[8 * k + bit], np.uint32(0)) for bit in range(8)])
            for k in (3, 2, 1, 0)]


BITS = np.uint32(1) << np.arange(32, dtype=np.uint32)


def zeros_operator(words):
    """What `words` zero words do to each bit."""
    power, result = look_up(TABLES, BITS), BITS
    while words:
        if words & 1:
            result = look_up(compiled(power), result)
        power, words = look_up(compiled(power), power), words >> 1
    return result


def crc32c(data):
    lanes = 1 << max(0, (len(data) // 4096).bit_length())
    steps = -(-len(data) // (4 * lanes))
    padded = np.zeros(4 * lanes * steps, np.uint8)
    padded[len(padded) - len(data):] = np.frombuffer(data, np.uint8)
    crcs = np.zeros(lanes, np.uint32)
    for column in np.ascontiguousarray(padded.view("<u4").reshape(lanes, steps).T):
        crcs = look_up(TABLES, crcs ^ column)
    operator = zeros_operator(steps)
    while len(crcs) > 1:
        crcs = look_up(compiled(operator), crcs[0::2]) ^ crcs[1::2]
        operator = look_up(compiled(operator), operator)
    begin = 0xFFFFFFFF  # moved on by whole words, then by the bytes left over
    begin = look_up(compiled(zeros_operator(len(data) // 4)), np.array([begin], np.uint32))
    for _ in range(len(data) % 4):
        begin = begin >> 8 ^ TABLES[0][begin & 255]
    return int(crcs[0] ^ begin[0]) ^ 0xFFFFFFFF


def masked_crc(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF


# --- the files ---

def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def block(entries):
    out, restarts, last = bytearray(), [], b""
    for i, (key, value) in enumerate(entries):
        shared = 0
        if i % 16 == 0:
            restarts.append(len(out))
        else:
            while shared < min(len(last), len(key)) and last[shared] == key[shared]:
                shared += 1
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        last = key
    restarts = restarts or [0]
    return bytes(out) + b"".join(struct.pack("<I", n) for n in restarts + [len(restarts)])


def table(entries):
    out = b""

    def add(content):
        nonlocal out
        handle = varint(len(out)) + varint(len(content))
        out += content + b"\0" + struct.pack("<I", masked_crc(content + b"\0"))
        return handle

    data = add(block(entries))
    footer = add(block([])) + add(block([(entries[-1][0], data)]))
    return out + footer.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


def number(field, value):
    return varint(field << 3) + varint(value) if value else b""


def message(field, content):
    return varint(field << 3 | 2) + varint(len(content)) + content


def write_checkpoint(path, variables):
    entries, offset = [(b"", number(1, 1) + message(3, number(1, 1)))], 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        def member(ending):
            return zipfile.ZipInfo(f"{STEM}.{ending}", (2020, 1, 1, 0, 0, 0))

        with archive.open(member("data-00000-of-00001"), "w") as data:
            for name in sorted(variables):
                value = variables[name]
                raw = memoryview(np.ascontiguousarray(value)).cast("B")
                shape = b"".join(message(2, number(1, side)) for side in value.shape)
                entries.append((name.encode(), number(1, TYPES[value.dtype.name]) + message(2, shape) + number(4, offset) +
                                number(5, len(raw)) + b"\x35" + struct.pack("<I", masked_crc(raw))))
                offset += len(raw)
                data.write(raw)
        archive.writestr(member("index"), table(entries))


SPEC = """seed: 1
train_batch_size: 1
eval_batch_size: 1
num_epochs: 1
num_examples_per_epoch: 1000
init_learning_rate: 0.01
warmup_learning_rate: 0.0001
learning_rate_steps: "[30, 60, 90]"
learning_rate_decay_levels: "[0.1, 0.02, 0.002]"
momentum: 0.9
l2_weight_decay: 0.0001
data_config {{
    image_size: "({height}, {width})"
    augment_input_data: True
    eval_samples: 100
    training_file_pattern: "records/train*.tfrecord"
    validation_file_pattern: "records/val*.tfrecord"
    val_json_file: "records/val.json"
    num_classes: {classes}
    skip_crowd_during_training: True
    max_num_instances: 100
}}
maskrcnn_config {{
    nlayers: {layers}
    arch: "resnet"
    freeze_bn: True
    freeze_blocks: "[0, 1]"
    gt_mask_size: 112
    rpn_positive_overlap: 0.7
    rpn_negative_overlap: 0.3
    rpn_batch_size_per_im: 256
    rpn_fg_fraction: 0.5
    rpn_min_size: 0.
    batch_size_per_im: 512
    fg_fraction: 0.25
    fg_thresh: 0.5
    bg_thresh_hi: 0.5
    bg_thresh_lo: 0.
    fast_rcnn_mlp_head_dim: 1024
    bbox_reg_weights: "(10., 10., 5., 5.)"
    include_mask: True
    mrcnn_resolution: 28
    train_rpn_pre_nms_topn: 2000
    train_rpn_post_nms_topn: 1000
    train_rpn_nms_threshold: 0.7
    test_detections_per_image: 100
    test_nms: 0.5
    test_rpn_pre_nms_topn: 1000
    test_rpn_post_nms_topn: 1000
    test_rpn_nms_thresh: 0.7
    min_level: 2
    max_level: 6
    num_scales: 1
    aspect_ratios: "[(1.0, 1.0), (1.4, 0.7), (0.7, 1.4)]"
    anchor_scale: 8
    rpn_box_loss_weight: 1.0
    fast_rcnn_box_loss_weight: 1.0
    mrcnn_weight_loss_mask: 1.0
}}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkpoint")
    parser.add_argument("spec")
    parser.add_argument("--layers", type=int, default=50, choices=sorted(REPEATS))
    parser.add_argument("--size", type=int, nargs=2, default=(832, 1344), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--classes", type=int, default=91, help="the background included")
    parser.add_argument("--narrow", type=int, default=1, help="what every number of channels is divided by")
    parser.add_argument("--slots", action="store_true", help="the optimizer's, too: twice the size")
    given = parser.parse_args()
    variables = network(given.layers, given.classes, given.narrow)
    if given.slots:
        variables.update({f"{name}/Momentum": np.zeros_like(value) for name, value in variables.items()
                          if value.ndim and "/moving_" not in name})
    write_checkpoint(given.checkpoint, variables)
    with open(given.spec, "w") as spec:
        spec.write(SPEC.format(height=given.size[0], width=given.size[1], classes=given.classes, layers=given.layers))


if __name__ == "__main__":
    main()
