#!/usr/bin/env bash
# Train the model in the box on one GPU:
#   bench/train_tiny.sh MINUTES OUT DATA [--set field=value ...]
# DATA holds countdown_cd3_test.jsonl and 4x4_test_sudoku.csv, whose problems are left out of
# training. The weights come in pieces of 15 MB, since the machine may return small files only:
#   cat OUT/weights.* > plait/models/box/plait-tiny/model.safetensors
set -euo pipefail
minutes=$1 out=$2 data=$3
shift 3
box=$(mktemp -d)
PYTHONPATH=. python3 -m plait.train plait_tiny --minutes "$minutes" --out "$box" \
    --exclude "countdown=$data/countdown_cd3_test.jsonl" \
    --exclude "sudoku4=$data/4x4_test_sudoku.csv" "$@" ||
    echo "training ended early; its last save follows" >&2
mkdir -p "$out"
cp "$box"/*.json "$out"
split --bytes=15M "$box/model.safetensors" "$out/weights."
