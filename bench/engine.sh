#!/bin/sh
# Figures of bench/RESULTS.md: sh bench/engine.sh FOLDER (one GPU, about five minutes); then copy
# the files to docs/results/engine and run bench/results.sh.
# Each part is written as soon as it is known; one that fails does not lose the others.
set -u
out=${1:?give a folder for the figures}
python=${PYTHON:-python3}
run() { PYTHONUNBUFFERED=1 "$python" -m plait bench "$@"; }
run --shape llada-8b --against --json "$out/llada-8b.json"
run --shape dream-7b --part ceilings --part kernels --part forward --part step --json "$out/dream-7b.json"
