#!/usr/bin/env bash
# Train the model in the box on one GPU:
#   bench/train_tiny.sh MINUTES OUT DATA [--set field=value ...]
# DATA holds countdown/countdown_cd3_test.jsonl and sudoku/4x4_test_sudoku.csv, whose problems are
# left out of training. OUT becomes a model folder. RECIPE=ar_tiny trains the second model of the
# tables of methods instead, the same problems in the same texts, left to right.
set -euo pipefail
minutes=$1 out=$2 data=$3
shift 3
PYTHONPATH=. python3 -m plait.train "${RECIPE:-plait_tiny}" --minutes "$minutes" --out "$out" \
    --exclude "countdown=$data/countdown/countdown_cd3_test.jsonl" \
    --exclude "sudoku4=$data/sudoku/4x4_test_sudoku.csv" "$@"
