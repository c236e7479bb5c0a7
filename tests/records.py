"""TFRecords of tf.train.Example, encoded by hand: a data set for the tests without TensorFlow."""
import pathlib
import struct

from tf_checkpoint import masked_crc, varint


def _field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def _feature(name, value):
    if isinstance(value, int):
        content = _field(3, _field(1, varint(value)))
    else:
        content = _field(1, _field(1, value.encode() if isinstance(value, str) else value))
    return _field(1, _field(1, name.encode()) + _field(2, content))


def write_examples(path, examples):
    """examples: a dictionary of features each; integers, texts or bytes."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as out:
        for features in examples:
            record = _field(1, b"".join(_feature(name, value) for name, value in features.items()))
            length = struct.pack("<Q", len(record))
            out.write(length + struct.pack("<I", masked_crc(length)) + record + struct.pack("<I", masked_crc(record)))


def write_frames(path, frames):
    """frames: (id, width, height) each."""
    write_examples(path, [{"frame/id": name, "frame/width": width, "frame/height": height} for name, width, height in frames])
