#!/bin/bash
# The tests under AddressSanitizer and UndefinedBehaviorSanitizer, and the calibration pipeline under ThreadSanitizer with
# a stand-in for OpenVINO, whose threads are not instrumented.
# Usage: sanitize.sh BUILD_FOLDER JOBS
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=$1 jobs=$2
oracle=$PWD/.deps/oracle/bin/python

cmake -S . -B "$build-address" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DETALON_SANITIZE=address,undefined > /dev/null
cmake --build "$build-address" -j "$jobs"
# OpenVINO keeps what it allocated until the process ends; leaks of our own are looked for without it, in the rooms' tests.
ETALON_PYTHON=$oracle ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 \
  ctest --test-dir "$build-address" --output-on-failure -j "$jobs"

cmake -S . -B "$build-thread" -G Ninja -DETALON_SANITIZE=thread -DETALON_RUNTIME=stand_in > /dev/null
cmake --build "$build-thread" -j "$jobs" --target etalon_runtime_test etalon_calibration_test
TSAN_OPTIONS=halt_on_error=1 ctest --test-dir "$build-thread" --output-on-failure -R '^(runtime|calibration)$'
