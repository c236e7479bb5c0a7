#!/usr/bin/env python3
"""Writes the small pictures of this folder and what Pillow and NumPy make of them: expected.txt and, with the BCCD
pictures at hand, bccd_crc32.txt. Run with Pillow 12.0: later ones filter some pictures vertically first (12.2 those
over 100 times taller than wide, 13 those whose height shrinks more than their width), while TAO's Pillow, older than 9,
always starts with the rows; older ones read short palettes differently. Grey of a palette is that of Pillow 8, made
here with NumPy.

  make_testdata.py [FOLDER_WITH_TRAIN_AND_VALIDATION_OF_BCCD]
"""

import io
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

HERE = Path(__file__).parent
WIDTH, HEIGHT = 37, 23
RANDOM = np.random.default_rng(20261123)
CRC = zlib.crc32

if not PIL.__version__.startswith("12.0."):
    sys.exit(f"needs Pillow 12.0, found {PIL.__version__}; see above")


def picture(channels, bits=8):
    """Slopes, an edge and noise: every filter has something to do, and clipping happens."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    planes = []
    for c in range(channels):
        plane = (x * (5 + c) + y * (9 - 2 * c)) % 256
        plane = np.where((x + c) // 9 % 2 == y // 7 % 2, plane, 255 * (c % 2))
        plane = np.clip(plane + RANDOM.integers(-40, 41, plane.shape), 0, 255)
        planes.append(plane)
    eight = np.stack(planes, -1)
    if bits == 8:
        return eight.astype(np.uint8)
    return (eight * 257 + RANDOM.integers(-200, 201, eight.shape)).clip(0, 65535).astype(np.uint16)


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", CRC(name + data))


def packed_rows(values, bits):
    """Rows of PNG samples, filter 0, for (height, width, channels)."""
    out = b""
    for row in values.reshape(values.shape[0], -1):
        if bits == 16:
            data = row.astype(">u2").tobytes()
        elif bits == 8:
            data = row.astype(np.uint8).tobytes()
        else:
            data = np.packbits((row[:, None] >> np.arange(bits - 1, -1, -1)) & 1).tobytes()
        out += b"\0" + data
    return out


ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]


def png(values, bits, colour_type, chunks=(), interlaced=False):
    """For what Pillow cannot write: 2, 4 and 16 bits, interlacing, transparent colours."""
    values = values.reshape(values.shape[0], values.shape[1], -1)
    if interlaced:
        raw = b"".join(packed_rows(values[y::dy, x::dx], bits) for y, x, dy, dx in ADAM7)
    else:
        raw = packed_rows(values, bits)
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], bits, colour_type, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunk(*c) for c in chunks)
            + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b""))


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def to_8_bits(values):
    return np.rint(values / 257.0).astype(np.uint8)


def image_of(mode, values):
    return Image.frombytes(mode, (values.shape[1], values.shape[0]), values.tobytes())


def pixels_of(image):
    """Our layout: one byte a pixel for mode 1."""
    return np.asarray(image).astype(np.uint8).tobytes() if image.mode != "1" else (
        np.asarray(image).astype(np.uint8) * 255).tobytes()


def grey_of(image):
    """convert("L"), but for palettes by Pillow 8's integers: (299 R + 587 G + 114 B) / 1000, cut off."""
    if image.mode != "P":
        return image.convert("L")
    rgb = np.asarray(image.convert("RGB")).astype(np.int64)
    return Image.fromarray((rgb @ [299, 587, 114] // 1000).astype(np.uint8))


def prepared(image, width, height, order, means, scale, layout):
    """TAO's prepare_chunk, core/export: the same NumPy operations in the same order."""
    image = image.resize((width, height), Image.LANCZOS)
    image = grey_of(image) if order == "grey" else image.convert("RGB")
    x = np.asarray(image).astype(np.float32)
    if x.ndim == 2:
        x = x[:, :, None]
    if order == "bgr":
        x = x[:, :, ::-1]
    x = x.copy()
    x -= np.array(means[: x.shape[2]])
    x = x.transpose(2, 0, 1) * np.float32(scale)
    assert x.dtype == np.float32
    return np.ascontiguousarray(x if layout == "nchw" else x.transpose(1, 2, 0)).tobytes()


files = {}    # name -> bytes
meanings = {}  # name -> picture, where Pillow's own reading is not what we want


def add(name, data, meaning=None):
    files[name] = data
    meanings[name] = meaning


rgb, grey, alpha = picture(3), picture(1), picture(1)
alpha[:4] = 0
alpha[-4:] = 255
colours = RANDOM.integers(0, 256, 768, dtype=np.uint8)
indices = RANDOM.integers(0, 256, (HEIGHT, WIDTH, 1), dtype=np.uint8)

add("bilevel.png", saved(image_of("L", grey).convert("1"), "PNG"))
add("grey_2_bits.png", png(grey >> 6, 2, 0))
add("grey_4_bits.png", png(grey >> 4, 4, 0))
add("grey.png", saved(image_of("L", grey), "PNG"))
add("grey_transparent.png", png(grey, 8, 0, [(b"tRNS", b"\0\x30")]))
add("grey_alpha.png", saved(image_of("LA", np.concatenate([grey, alpha], -1)), "PNG"))
add("rgb.png", saved(image_of("RGB", rgb), "PNG"))
add("rgb_interlaced.png", png(rgb, 8, 2, interlaced=True))
add("rgb_transparent.png", png(rgb, 8, 2, [(b"tRNS", b"".join(b"\0" + bytes([v]) for v in rgb[0, 0]))]))
add("rgb_gamma_text.png", png(rgb, 8, 2, [(b"gAMA", struct.pack(">I", 100000)), (b"tEXt", b"Comment\0x")]))
add("rgba.png", saved(image_of("RGBA", np.concatenate([rgb, alpha], -1)), "PNG"))
add("palette.png", png(indices, 8, 3, [(b"PLTE", colours.tobytes())]))
add("palette_1_bit.png", png(indices >> 7, 1, 3, [(b"PLTE", colours[:6].tobytes())]))
add("palette_4_bits_interlaced.png", png(indices >> 4, 4, 3, [(b"PLTE", colours[:48].tobytes())], interlaced=True))
add("palette_transparent.png", png(indices, 8, 3, [(b"PLTE", colours.tobytes()), (b"tRNS", bytes(range(100)))]))
add("palette_short.png", png(indices, 8, 3, [(b"PLTE", colours[:300].tobytes())]))
for name, colour_type, mode in (("grey", 0, "L"), ("grey_alpha", 4, "LA"), ("rgb", 2, "RGB"), ("rgba", 6, "RGBA")):
    deep = picture(len(mode), 16)
    add(f"{name}_16_bits.png", png(deep, 16, colour_type), image_of(mode, to_8_bits(deep)))
smooth = Image.fromarray(rgb).resize((9, 7), Image.BILINEAR).resize((WIDTH, HEIGHT), Image.BICUBIC)
add("grey.jpg", saved(smooth.convert("L"), "JPEG", quality=85))
add("rgb_420.jpg", saved(smooth, "JPEG", quality=85))
add("rgb_422.jpg", saved(smooth, "JPEG", quality=60, subsampling="4:2:2"))
add("rgb_444_progressive.jpg", saved(smooth, "JPEG", quality=90, subsampling="4:4:4", progressive=True))
add("rgb_restarts.jpg", saved(smooth, "JPEG", quality=75, restart_marker_blocks=2))
add("rgb_uncoded.jpg", saved(smooth, "JPEG", quality=75, keep_rgb=True))
cmyk = saved(smooth.convert("CMYK"), "JPEG", quality=85)
add("cmyk.jpg", cmyk)
adobe = cmyk.index(b"Adobe") + 11  # the colour transform: 0 none, 2 YCCK
add("ycck.jpg", cmyk[:adobe] + b"\2" + cmyk[adobe + 1:])

SIZES = [(19, 12), (16, 16), (37, 11), (18, 23), (80, 50), (61, 9), (1, 1), (200, 3), (36, 24)]
PREPARATIONS = [
    (20, 12, "rgb", (0, 0, 0), 1 / 255, "nchw"),
    (37, 23, "bgr", (103.939, 116.779, 123.68), 1.0, "nchw"),
    (50, 30, "rgb", (123.675, 116.28, 103.53), 0.017507, "nhwc"),
    (16, 16, "grey", (117.3786, 0, 0), 1.0, "nchw"),
    (24, 10, "bgr", (127.5, 127.5, 127.5), 1 / 127.5, "nhwc"),
]

lines = [f"# Written by make_testdata.py with Pillow {PIL.__version__}, NumPy {np.__version__}; CRC-32 of the bytes.",
         "# file NAME MODE WIDTH HEIGHT PIXELS RGB GREY | resize NAME WIDTH HEIGHT PIXELS",
         "# prepare NAME WIDTH HEIGHT ORDER MEAN MEAN MEAN SCALE LAYOUT FLOATS"]
for name, data in files.items():
    (HERE / name).write_bytes(data)
    image = meanings[name] or Image.open(io.BytesIO(data))
    image.load()
    lines.append(f"file {name} {image.mode} {image.width} {image.height} {CRC(pixels_of(image))} "
                 f"{CRC(pixels_of(image.convert('RGB')))} {CRC(pixels_of(grey_of(image)))}")
    for width, height in SIZES:
        lines.append(f"resize {name} {width} {height} {CRC(pixels_of(image.resize((width, height), Image.LANCZOS)))}")
    for p in PREPARATIONS:
        width, height, order, means, scale, layout = p
        lines.append(f"prepare {name} {width} {height} {order} {means[0]!r} {means[1]!r} {means[2]!r} {scale!r} "
                     f"{layout} {CRC(prepared(image, *p))}")
(HERE / "expected.txt").write_text("\n".join(lines) + "\n")

if len(sys.argv) > 1:
    lines = [f"# Written by make_testdata.py with Pillow {PIL.__version__}: CRC-32 of a picture of the BCCD set, of its",
             "# pixels, of 320x240 and 960x544 made of it (LANCZOS), and of the first as floats / 255, RGB, CHW."]
    root = Path(sys.argv[1])
    for path in sorted(root.glob("*/images/*.jpg")):
        image = Image.open(path)
        image.load()
        crcs = [CRC(path.read_bytes()), CRC(image.tobytes())]
        crcs += [CRC(image.resize(size, Image.LANCZOS).tobytes()) for size in ((320, 240), (960, 544))]
        crcs.append(CRC(prepared(image, 320, 240, "rgb", (0, 0, 0), 1 / 255, "nchw")))
        lines.append(" ".join([path.relative_to(root).as_posix(), *map(str, crcs)]))
    (HERE / "bccd_crc32.txt").write_text("\n".join(lines) + "\n")
