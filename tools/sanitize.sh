#!/bin/bash
# The tests under AddressSanitizer and UndefinedBehaviorSanitizer, and the calibration pipeline under ThreadSanitizer.
# Both with a stand-in for OpenVINO: its threads are not instrumented, and it loads a library with RTLD_DEEPBIND, at which
# AddressSanitizer ends the program. Tests that need what the network really computes are left out.
# Usage: sanitize.sh BUILD_FOLDER JOBS
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=$1 jobs=$2

cmake -S . -B "$build-address" -G Ninja -DETALON_SANITIZE=address,undefined -DETALON_RUNTIME=stand_in > /dev/null
cmake --build "$build-address" -j "$jobs"
ETALON_STAND_IN=1 ASAN_OPTIONS=allocator_may_return_null=1 \
  ctest --test-dir "$build-address" --output-on-failure -j "$jobs" -E '^end_to_end_(any_onnx|commands|export_files)$'

cmake -S . -B "$build-thread" -G Ninja -DETALON_SANITIZE=thread -DETALON_RUNTIME=stand_in > /dev/null
cmake --build "$build-thread" -j "$jobs" --target etalon_base_test etalon_runtime_test etalon_calibration_test
TSAN_OPTIONS=halt_on_error=1 ctest --test-dir "$build-thread" --output-on-failure -R '^(base|runtime|calibration)$'
