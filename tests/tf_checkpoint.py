"""Writes TensorFlow checkpoints as TAO keeps them, with NumPy only (docs/formats/tf_checkpoint.md)."""
import struct
import zipfile

TYPES = {"float32": 1, "float64": 2, "int64": 9}


def crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


CRC_TABLE = crc_table()


def masked_crc(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 255]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def number(field, value):
    return varint(field << 3) + varint(value) if value else b""


def message(field, content):
    return varint(field << 3 | 2) + varint(len(content)) + content


def block(entries):
    """Without shared prefixes: every entry is a restart."""
    out, restarts = b"", []
    for key, value in entries:
        restarts.append(len(out))
        out += varint(0) + varint(len(key)) + varint(len(value)) + key + value
    restarts = restarts or [0]
    return out + struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts))


def bundle(stem, variables):
    """name -> bytes of the two files of a checkpoint."""
    data, entries = b"", [(b"", number(1, 1) + message(3, number(1, 1)))]
    for name in sorted(variables):
        value = variables[name]
        raw = value.tobytes()
        shape = b"".join(message(2, number(1, side)) for side in value.shape)
        entries.append((name.encode(), number(1, TYPES[value.dtype.name]) + message(2, shape) + number(4, len(data)) +
                        number(5, len(raw)) + b"\x35" + struct.pack("<I", masked_crc(raw))))
        data += raw
    index = b""

    def add(content):
        nonlocal index
        handle = varint(len(index)) + varint(len(content))
        index += content + b"\0" + struct.pack("<I", masked_crc(content + b"\0"))
        return handle

    first = add(block(entries))
    footer = add(block([])) + add(block([(entries[-1][0], first)]))
    index += footer.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)
    return {f"{stem}.index": index, f"{stem}.data-00000-of-00001": data}


def save(path, variables, stem="model.ckpt-5"):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in bundle(stem, variables).items():
            archive.writestr(name, content)
