#!/bin/bash
# Everything that is to be known about one GPU: correctness, timings at 1024 and 512, training throughput, peak memory.
#
#     bash benchmarks/gpu.sh | tee gpu.jsonl
#
# Run in an environment with a CUDA build of torch and `pip install -e '.[dev]'`. Prints JSON lines; the device's name is
# in each of them. Paste the table that the last command prints into docs/gpu.md.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python}
OUT=$(mktemp -d)
trap 'rm -rf "$OUT"' EXIT

"$PYTHON" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' || { echo "torch sees no CUDA device" >&2; exit 1; }

echo "== correctness: bfloat16, CUDA graphs, compiler" >&2
"$PYTHON" -m pytest -q -m "not comfyui" tests/ops/test_acceleration.py tests/ops/test_precision.py tests/test_embedded_precision.py >&2

echo "== frames" >&2
for speed in plain graphs compile "compile and graphs"; do
  for dtype in float32 bfloat16; do
    "$PYTHON" benchmarks/end_to_end.py --model styleheat-1024 --model stylehead-512 --device cuda --dtype "$dtype" \
      --speed "$speed" --frames 200 --no-track | tee -a "$OUT/frames.jsonl"
  done
done

# Training needs the face model: the folder FaceXModel of ICT-FaceKit, or the compact npz, in STYLEHEAD_FACEKIT.
if [ -n "${STYLEHEAD_FACEKIT:-}" ]; then
echo "== training: samples a second" >&2
"$PYTHON" -m stylehead_core.cli heads --out "$OUT/heads" --people 24 --size 128 --frames 4 --workers 8
"$PYTHON" -m stylehead_core.cli measure --data "$OUT/heads"
"$PYTHON" -m stylehead_core.cli train mini_motion --data "$OUT/heads" --out "$OUT/runs" --minutes 1 --device cuda
tail -n 1 "$OUT/runs/mini_motion/log.jsonl"
fi

"$PYTHON" - "$OUT/frames.jsonl" <<'TABLE'
import json
import sys

print("\n| device | model | size | dtype | speed | ms a frame | memory, MiB |\n|---|---|---|---|---|---|---|")
for line in map(json.loads, open(sys.argv[1])):
    if line["part"] == "without encoding":
        print("|", " | ".join(str(line.get(key, "")) for key in ("device", "model", "size", "dtype", "speed", "ms_per_frame", "memory_mib")), "|")
TABLE
