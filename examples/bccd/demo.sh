#!/bin/bash
# The main job on the sample: a trained DetectNet_v2 to a deployable INT8 model, and what INT8 costs.
# Usage: demo.sh PROGRAM OUTPUT_FOLDER
set -euo pipefail
program=$(realpath "$1")
out=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$out"

# Nothing is done again that is newer than the program and the sample.
if [ -z "$(find "$program" "$here" -newer "$out/comparison.txt" -print -quit 2>&1)" ]; then
  echo "nothing has changed since the last demo" >&2
else
  "$program" detectnet_v2 export -m "$here/resnet18.hdf5" -o "$out/resnet18.onnx" -e "$here/spec.txt" --gen_ds_config \
    --data_type int8 --cal_image_dir "$here/calibration" --batches 3 --batch_size 4 --cal_cache_file "$out/cal.bin" --force

  "$program" detectnet_v2 compare -m "$out/resnet18.onnx" --cal_cache_file "$out/cal.bin" -e "$here/spec.txt" \
    --image_dir "$here/validation" --picture "$out/fp32_int8.png" --force > "$out/comparison.new"
  mv "$out/comparison.new" "$out/comparison.txt"
fi

echo
printf '%-36s %12s\n' 'written' 'bytes'
for file in resnet18.onnx cal.bin nvinfer_config.txt labels.txt fp32_int8.png; do
  printf '%-36s %12s\n' "$out/$file" "$(stat -c %s "$out/$file")"
done
echo
cat "$out/comparison.txt"
