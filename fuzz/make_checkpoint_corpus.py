"""Makes corpus/zip_archive and corpus/tensor_bundle out of the tests' checkpoints: python make_checkpoint_corpus.py"""
import io
import pathlib
import struct
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
TESTDATA = HERE.parent / "etalon/formats/tf_checkpoint/testdata"


def varints(data):
    value, shift, out = 0, 0, []
    for byte in data:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            out.append(value)
            value = shift = 0
    return out


def save(folder, name, content):
    path = HERE / "corpus" / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def zip_of(members, method, **options):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content, method, **options)
    return out.getvalue()


class Unseekable(io.BytesIO):  # makes zipfile write sizes behind the content
    def seekable(self):
        return False

    def tell(self):
        raise OSError

    def seek(self, *_):
        raise OSError


def streamed(members):
    out = Unseekable()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content)
    return out.getvalue()


save("zip_archive", "stored", zip_of({"a": b"content", "folder/": b"", "folder/b": b""}, zipfile.ZIP_STORED))
save("zip_archive", "deflated", zip_of({"a": b"content content content", "b": b""}, zipfile.ZIP_DEFLATED))
save("zip_archive", "streamed", streamed({"a": b"content content content", "b": b"1"}))
save("zip_archive", "empty", zip_of({}, zipfile.ZIP_STORED))
save("zip_archive", "other_method", zip_of({"a": b"content"}, zipfile.ZIP_BZIP2))
save("zip_archive", "leads_out", zip_of({"../a": b"content"}, zipfile.ZIP_STORED))
save("zip_archive", "bomb", zip_of({"a": bytes(3 << 20)}, zipfile.ZIP_DEFLATED))
save("zip_archive", "pruned", (TESTDATA / "pruned.zip").read_bytes())

with zipfile.ZipFile(TESTDATA / "trained.zip") as archive:
    index = archive.read("model.ckpt-10.index")
assert struct.unpack("<Q", index[-8:]) == (0xDB4775248B80FB57,)
index_block = index[varints(index[-48:-8])[2]:]
_, key_size, value_size = index_block[:3]
offset, size = varints(index_block[3 + key_size:][:value_size])  # of the first data block
save("tensor_bundle", "index", b"\0" + index)
save("tensor_bundle", "block", b"\1" + index[offset:offset + size])
save("tensor_bundle", "nothing", b"\1" + struct.pack("<II", 0, 1))
