"""fields.txt for detectnet_v2_proto_test.cpp: the fields of TAO's own DetectNet_v2 messages, one a line.

usage: make_fields.py TABLE.md
TABLE.md has a row a message, made from the .proto files of NVIDIA/tao_tensorflow1_backend (cv/detectnet_v2/proto and
cv/common/proto) and compared with its checked-in descriptors:
  | `Message` (file) | `1 name` type; `2 name` type (oneof group); enum NAME {A=0, B=1} |
"""
import pathlib
import re
import sys

lines = []
for row in pathlib.Path(sys.argv[1]).read_text().splitlines():
    head = re.match(r"\| `([\w.]+)` \((?:detectnet_v2|common)/\w+\.proto\) \| (.*) \|$", row)
    if not head:
        if lines and row.startswith("# "):
            break  # the next network's
        continue
    message, cells = head.groups()
    for number, name, kind, oneof in re.findall(r"`(\d+) (\w+)` ((?:repeated )?[\w.]+(?:<\w+,\w+>)?)(?: \(oneof (\w+)\))?", cells):
        lines.append(f"{message} {number} {name} {kind.replace(' ', '_')} {oneof or '-'}")
    for name, values in re.findall(r"enum (\w+) \{([^}]*)\}", cells):
        lines.append(f"{message} enum {name} {values.replace(' ', '')} -")
pathlib.Path(__file__).with_name("fields.txt").write_text("\n".join(lines) + "\n")
