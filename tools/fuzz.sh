#!/bin/bash
# Builds the fuzz targets with clang, address and undefined behaviour sanitizers, and runs each for some seconds.
# Usage: fuzz.sh BUILD_FOLDER JOBS SECONDS
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=$1 jobs=$2 seconds=$3
cmake -S . -B "$build" -G Ninja -DCMAKE_C_COMPILER=clang-16 -DCMAKE_CXX_COMPILER=clang++-16 -DETALON_FUZZ=ON -DETALON_TESTS=OFF -DETALON_RUNTIME=stand_in \
  -DETALON_SANITIZE=address,undefined > /dev/null
targets=$(cd fuzz && ls ./*_fuzz.cpp | sed 's|./||; s|\.cpp$||')
# shellcheck disable=SC2086
cmake --build "$build" -j "$jobs" --target $targets
for target in $targets; do
  found=$build/found/$target
  mkdir -p "$found"
  echo "fuzz: $target for $seconds s"
  "$build/fuzz/$target" -max_total_time="$seconds" -rss_limit_mb=4096 -timeout=20 -verbosity=0 -print_final_stats=1 \
    -artifact_prefix="$found/" "$found" "fuzz/corpus/${target%_fuzz}" 2> "$found.log" ||
    { tail -40 "$found.log"; exit 1; }
  grep -E 'number_of_executed_units|peak_rss' "$found.log" || true
done
