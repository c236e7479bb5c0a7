"""TFRecords of tf.train.Example, encoded by hand: a data set for the tests without TensorFlow."""
import pathlib
import struct


def _crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def _masked(data):
    crc = _crc32c(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _varint(value):
    out = b""
    while value >= 128:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def _field(number, content):
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _feature(name, value):
    if isinstance(value, int):
        content = _field(3, _field(1, _varint(value)))
    else:
        content = _field(1, _field(1, value.encode()))
    return _field(1, _field(1, name.encode()) + _field(2, content))


def write_frames(path, frames):
    """frames: (id, width, height) each."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as out:
        for name, width, height in frames:
            record = _field(1, _feature("frame/id", name) + _feature("frame/width", width) + _feature("frame/height", height))
            length = struct.pack("<Q", len(record))
            out.write(length + struct.pack("<I", _masked(length)) + record + struct.pack("<I", _masked(record)))
