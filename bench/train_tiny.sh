#!/usr/bin/env bash
# Train the model in the box on one GPU: bench/train_tiny.sh MINUTES OUT [--set field=value ...]
# The weights come back in pieces of 15 MB, since some machines return small files only:
# cat OUT/weights.* > plait/models/box/plait-tiny/model.safetensors
set -euo pipefail
minutes=$1 out=$2
shift 2
box=$(mktemp -d)
data=shared/data
known=()
for item in countdown=$data/countdown/countdown_cd3_test.jsonl sudoku4=$data/sudoku/4x4_test_sudoku.csv; do
    if [ -f "${item#*=}" ]; then known+=(--exclude "$item"); else echo "no ${item#*=}" >&2; fi
done
PYTHONPATH=. python3 -m plait.train plait_tiny --minutes "$minutes" --out "$box" "${known[@]}" "$@" ||
    echo "training ended early; its last save follows" >&2
mkdir -p "$out"
cp "$box"/*.json "$out"
split --bytes=15M "$box/model.safetensors" "$out/weights."
