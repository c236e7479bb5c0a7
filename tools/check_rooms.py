#!/usr/bin/env python3
"""Compares every #include with the table of rooms in ARCHITECTURE.md: a room may use what its row names, and base/.

Also: third-party headers stand only in the rooms that own them, and CMake's USES name no room that the table forbids.
Exit 1 and one line a fault.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# header prefix -> the only rooms that may include it
OWNERS = {
    "hdf5": {"formats"}, "H5": {"formats"},
    "openvino/": {"runtime"},
    "CLI/": {"cli"}, "spdlog/": {"cli"},
    "jpeglib.h": {"images"}, "png.h": {"images"}, "zlib.h": {"base", "images", "formats"},
    "google/protobuf": {"spec", "onnx", "formats"},
    "xxhash.h": {"base"},
}


def allowed_rooms():
    """{room: rooms it may use}, read from the table under '## Rooms'."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    rows = re.findall(r"^\| `(\w+)/` \|[^|]*\|([^|]*)\|$", text, re.M)
    known = [room for room, _ in rows]
    allowed = {}
    for room, uses in rows:
        named = set(re.findall(r"`(\w+)/`", uses))
        if "all above" in uses:
            named |= set(known[:known.index(room)])
        allowed[room] = named | {room, "base"}
    return allowed


def main():
    allowed, faults = allowed_rooms(), []
    for folder in sorted(p for p in (ROOT / "etalon").iterdir() if p.is_dir()):
        room = folder.name
        if room not in allowed:
            faults.append(f"etalon/{room}: not in the table of rooms in ARCHITECTURE.md")
            continue
        for source in sorted(folder.rglob("*.?pp")):
            for number, line in enumerate(source.read_text().splitlines(), 1):
                include = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
                if not include:
                    continue
                name, place = include[1], f"{source.relative_to(ROOT)}:{number}"
                other = re.match(r"etalon/(\w+)/", name)
                if other and other[1] not in allowed[room]:
                    faults.append(f"{place}: {room}/ may not use {other[1]}/")
                for prefix, owners in OWNERS.items():
                    if name.startswith(prefix) and room not in owners:
                        faults.append(f"{place}: <{name}> belongs to {', '.join(sorted(owners))} alone")
        listing = (folder / "CMakeLists.txt").read_text()
        for uses in re.findall(r"USES((?:\s+[a-z_]+)+)", listing):
            for other in uses.split():
                if other in allowed and other not in allowed[room]:
                    faults.append(f"etalon/{room}/CMakeLists.txt: {room}/ may not use {other}/")
    print("\n".join(faults) if faults else f"{len(allowed)} rooms keep to their table")
    return 1 if faults else 0


sys.exit(main())
