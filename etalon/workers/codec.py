# The worker around NVIDIA's codec. Request on standard input: a line of JSON, the key, the payload; the answer on
# standard output: a line of JSON, the payload. See README.md.
import sys
sys.path = [entry for entry in sys.path if entry]  # not from the folder that etalon runs in
import io
import json
import os

answers = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)  # whatever prints cannot get between


def answer(payload=b"", **header):
    header["size"] = len(payload)
    answers.write(json.dumps(header).encode("ascii") + b"\n" + payload)
    answers.flush()


def package_version():
    try:
        from importlib.metadata import version
        return version("nvidia-eff-tao-encryption")
    except Exception:
        return "unknown"


def run(op, key, payload):
    from eff_tao_encryption.tao_codec import decrypt_stream, encrypt_stream
    if op == "probe":
        answer(ok=True, package=package_version(), python="%d.%d.%d" % sys.version_info[:3])
        return
    work = {"encrypt": encrypt_stream, "decrypt": decrypt_stream}[op]
    result = io.BytesIO()
    work(io.BytesIO(payload), result, key, encryption=True, rewind=False)
    answer(result.getvalue(), ok=True)


def main():
    requests = sys.stdin.buffer
    header = json.loads(requests.readline())
    key = requests.read(header["key_size"])
    payload = requests.read(header["size"])
    if len(key) != header["key_size"] or len(payload) != header["size"]:
        return answer(ok=False, error="the request is cut off")
    try:
        run(header["op"], key, payload)
    except BaseException as error:  # SystemExit too: what Python prints of it would reach the user
        text = type(error).__name__
        if not key:  # an exception's text may hold the key in any form
            text += ": %s" % error
        answer(ok=False, error=text[:500])


main()
