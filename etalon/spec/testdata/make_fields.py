"""detectnet_v2_fields.txt and mask_rcnn_fields.txt for proto_test.cpp: the fields of TAO's own messages, one a line.

usage: make_fields.py TABLE.md
TABLE.md has a section ("# ") a network and in it a row a message, made from the .proto files of
NVIDIA/tao_tensorflow1_backend (cv/detectnet_v2/proto, cv/mask_rcnn/proto and cv/common/proto) and compared with its
checked-in descriptors:
  | `Message` (file) | `1 name` type; `2 name` type (oneof group); enum NAME {A=0, B=1} |
"""
import pathlib
import re
import sys


def lines_of(text, files):
    lines = []
    for row in text.splitlines():
        head = re.match(rf"\| `([\w.]+)` \({files}\.proto\) \| (.*) \|$", row)
        if not head:
            if lines and row.startswith("# "):
                break  # the next network's
            continue
        message, cells = head.groups()
        for number, name, kind, oneof in re.findall(r"`(\d+) (\w+)` ((?:repeated )?[\w.]+(?:<\w+,\w+>)?)(?: \(oneof (\w+)\))?", cells):
            lines.append(f"{message} {number} {name} {kind.replace(' ', '_')} {oneof or '-'}")
        for name, values in re.findall(r"enum (\w+) \{([^}]*)\}", cells):
            lines.append(f"{message} enum {name} {values.replace(' ', '')} -")
    return lines


table = pathlib.Path(sys.argv[1]).read_text()
loggers = lines_of(table, r"common/(?:wandb|clearml)_config")  # the one section has them for both
for network, lines in (("detectnet_v2", lines_of(table, r"(?:detectnet_v2|common)/\w+")),
                       ("mask_rcnn", lines_of(table, r"mask_rcnn/\w+") + loggers)):
    pathlib.Path(__file__).with_name(f"{network}_fields.txt").write_text("\n".join(lines) + "\n")
