#!/bin/sh
# Write the figures of docs/results/engine into bench/RESULTS.md, below its line.
set -eu
page=bench/RESULTS.md
set -- docs/results/engine/llada-8b.json docs/results/engine/dream-7b.json \
    docs/results/engine/fast-dllm.json docs/results/engine/box-cpu.json \
    docs/results/engine/slots-cpu.json
files=
for file in "$@"; do [ -f "$file" ] && files="$files --table $file"; done
{ sed '/^<!-- figures -->$/q' $page; echo; "${PYTHON:-python3}" -m plait bench $files; } > $page.half
mv $page.half $page
