#!/bin/bash
# Installs what etalon is built from: Debian packages (as root, or through sudo) and, into .deps/, Python environments.
# Usage: setup.sh build | test | fuzz | peers. Works on Debian 12 (bookworm); does nothing that is done already.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly openvino_version=2026.4.1
# Debian's own Python, which apt has just installed, before another that PATH may name first.
python=/usr/bin/python3
[ -x "$python" ] || python=python3
readonly build_packages=(
  g++ cmake ninja-build pkg-config python3 python3-venv
  libonnx-dev libprotobuf-dev protobuf-compiler libhdf5-dev libxxhash-dev
  libjpeg62-turbo-dev libpng-dev zlib1g-dev libhwy-dev
  libcli11-dev libspdlog-dev libfmt-dev nlohmann-json3-dev)
readonly test_packages=(libgtest-dev libgmock-dev libbenchmark-dev)
readonly fuzz_packages=(clang-16 libclang-rt-16-dev)

fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

install_debian() {
  local missing=()
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  command -v apt-get > /dev/null || fail "this machine has no apt-get; install these libraries by hand: ${missing[*]}"
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo > /dev/null || fail "not root and no sudo; ask an administrator to run: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  echo "setup: installing ${missing[*]}" >&2
  # sudo forgets the proxy's variables unless they are handed over.
  as_root+=(env DEBIAN_FRONTEND=noninteractive "http_proxy=${http_proxy:-}" "https_proxy=${https_proxy:-}" "no_proxy=${no_proxy:-}")
  "${as_root[@]}" apt-get update -qq || fail "'apt-get update' failed; is there a network?"
  "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null ||
    fail "apt-get could not install: ${missing[*]}"
}

# environment FOLDER PYTHON PIP-WORDS...: a virtual environment with these packages, made anew when the words, the list of
# requirements (tests/requirements.txt, or $requirements) or the Python change.
environment() {
  local folder=$1 python=$2 stamp
  shift 2
  stamp=$folder/.ready-$({ printf '%s\n' "$@"; "$python" -V; cat "${requirements:-tests/requirements.txt}"; } | sha256sum | cut -c1-16)
  [ -e "$stamp" ] && return
  echo "setup: making $folder" >&2
  rm -rf "$folder"
  "$python" -m venv "$folder" || fail "'$python -m venv' failed; on Debian: apt-get install python3-venv"
  "$folder/bin/python" -m pip install -q --disable-pip-version-check "$@" ||
    fail "pip could not install '$*' into $folder; is there a network, and does pip trust its certificate (PIP_CERT)?"
  touch "$stamp"
}

# A Python that NVIDIA's codec exists for: 3.10 or 3.12.
codec_python() {
  local python
  for python in python3.10 python3.12 "$HOME"/.pyenv/versions/3.10*/bin/python "$HOME"/.pyenv/versions/3.12*/bin/python; do
    python=$(command -v "$python" 2> /dev/null) || continue
    "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] not in ((3, 10), (3, 12)))' 2> /dev/null && { echo "$python"; return; }
  done
  return 1
}

# NVIDIA's codec is proprietary and optional: it is installed only where its licence's holder offers it for this Python.
codec() {
  local python
  if ! python=$(codec_python); then
    echo "setup: no Python 3.10 or 3.12 here, so no codec: encrypted .tlt and .etlt cannot be used (docs/codec.md)" >&2
    return
  fi
  (environment .deps/codec "$python" cryptography==50.0.2 &&
    .deps/codec/bin/python -m pip install -q --disable-pip-version-check --no-deps nvidia-eff-tao-encryption) ||
    echo "setup: the codec could not be installed; everything but encrypted .tlt and .etlt works (docs/codec.md)" >&2
}

# TensorRT for RTX builds engines without a GPU (docs/engines.md). Where there is no package of it, its tests are skipped.
rtx() {
  (requirements=tests/requirements-rtx.txt environment .deps/rtx "$python" -r tests/requirements-rtx.txt) && return
  rm -rf .deps/rtx  # half an environment looks like a whole one to the tests
  echo "setup: TensorRT for RTX could not be installed; no engine is built in the tests" >&2
}

mkdir -p .deps
case ${1:-} in
  build)
    install_debian "${build_packages[@]}"
    environment .deps/openvino "$python" --no-deps "openvino==$openvino_version"
    codec
    ;;
  test)
    install_debian "${test_packages[@]}"
    environment .deps/oracle "$python" -r tests/requirements.txt
    rtx
    ;;
  fuzz) install_debian "${fuzz_packages[@]}" ;;
  peers)  # other calibrators, for `make benchmark-peers` alone
    install_debian python3-venv
    requirements=benchmarks/requirements-peers.txt environment .deps/peers "$python" --no-deps -r benchmarks/requirements-peers.txt
    ;;
  *) fail "usage: setup.sh build | test | fuzz | peers" ;;
esac
touch ".deps/$1.done"
