"""Makes the TFRecord files beside it: python make_testdata.py

The messages are encoded by Google's protobuf package, from a descriptor with the fields of tensorflow/core/example; the
frames and CRCs are computed here, bit by bit.

frames.tfrecord    two frames as DetectNet_v2's dataset_convert writes them, and one without objects
kinds.tfrecord     0: a list of each kind, empty ones, one unset; 1: lists that are not packed; 2: unknown fields,
                   a group of depth 3 among them, and a name twice
"""
import pathlib
import struct

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

HERE = pathlib.Path(__file__).resolve().parent
FIELD = descriptor_pb2.FieldDescriptorProto


def message_class():
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="tensorflow", syntax="proto3")

    def add(owner, name, number, kind, label=FIELD.LABEL_OPTIONAL, type_name=None, oneof=None):
        field = owner.field.add(name=name, number=number, type=kind, label=label)
        if type_name:
            field.type_name = type_name
        if oneof is not None:
            field.oneof_index = oneof

    for name, kind in ("BytesList", FIELD.TYPE_BYTES), ("FloatList", FIELD.TYPE_FLOAT), ("Int64List", FIELD.TYPE_INT64):
        add(file.message_type.add(name=name), "value", 1, kind, FIELD.LABEL_REPEATED)
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, (name, kind) in enumerate([("bytes_list", "BytesList"), ("float_list", "FloatList"), ("int64_list", "Int64List")], 1):
        add(feature, name, number, FIELD.TYPE_MESSAGE, type_name=".tensorflow." + kind, oneof=0)
    features = file.message_type.add(name="Features")
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    add(entry, "key", 1, FIELD.TYPE_STRING)
    add(entry, "value", 2, FIELD.TYPE_MESSAGE, type_name=".tensorflow.Feature")
    add(features, "feature", 1, FIELD.TYPE_MESSAGE, FIELD.LABEL_REPEATED, ".tensorflow.Features.FeatureEntry")
    add(file.message_type.add(name="Example"), "features", 1, FIELD.TYPE_MESSAGE, type_name=".tensorflow.Features")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorflow.Example"))


EXAMPLE = message_class()


def example(**lists):
    """name -> (kind, values); a double underscore stands for a slash."""
    message = EXAMPLE()
    for name, (kind, values) in lists.items():
        feature = message.features.feature[name.replace("__", "/")]
        if kind:
            getattr(feature, kind).SetInParent()
            getattr(feature, kind).value.extend(values)
    return message.SerializeToString(deterministic=True)


def masked_crc(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF


def save(name, records):
    with open(HERE / name, "wb") as file:
        for data in records:
            length = struct.pack("<Q", len(data))
            file.write(length + struct.pack("<I", masked_crc(length)) + data + struct.pack("<I", masked_crc(data)))


def frame(frame_id, width, height, classes):
    numbers = {f"target__{name}": ("float_list", [float(i + len(name)) for i in range(len(classes))])
               for name in ("truncation", "coordinates_x1", "coordinates_y1", "coordinates_x2", "coordinates_y2")}
    return example(frame__id=("bytes_list", [frame_id.encode()]), frame__width=("int64_list", [width]),
                   frame__height=("int64_list", [height]), target__occlusion=("int64_list", [0] * len(classes)),
                   target__object_class=("bytes_list", [c.encode() for c in classes]), **numbers)


def field(number, payload):
    """A length-delimited field with less than 128 bytes."""
    assert number < 16 and len(payload) < 128
    return bytes([number << 3 | 2, len(payload)]) + payload


def entry(name, feature):
    return field(1, field(1, name) + field(2, feature))


UNPACKED = field(1, entry(b"ints", field(3, b"\x08\x05\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
                 + entry(b"floats", field(2, b"\x0d" + struct.pack("<f", 0.5) + b"\x0d" + struct.pack("<f", -2.0))))
GROUPS = b"\x7b\x7b\x7b\x08\x01\x7c\x7c\x7c"  # field 15, three deep
UNKNOWN = field(9, b"?") + field(1, entry(b"twice", field(3, b"\x08\x01")) + field(14, b"?") + entry(b"twice", field(3, b"\x08\x02"))) + GROUPS

save("frames.tfrecord", [frame("images/000001", 320, 240, ["rbc", "rbc", "wbc"]), frame("images/000002", 65535, 1, ["rbc"]),
                         frame("images/\u00e4", 1, 65535, [])])
save("kinds.tfrecord", [
    example(bytes=("bytes_list", [b"a", b"", b"\xff\0"]), floats=("float_list", [0.1, -0.0, float("inf")]),
            ints=("int64_list", [0, -1, 2**63 - 1, -2**63]), no_bytes=("bytes_list", []), no_floats=("float_list", []),
            no_ints=("int64_list", []), unset=(None, [])),
    UNPACKED, UNKNOWN])
