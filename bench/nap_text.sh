#!/usr/bin/env bash
# NAP on real text (bench/nap_text.py), one run per GPU at a time:
#   bash bench/nap_text.sh sweep MODEL DATA OUT     recipes, measured on held-out training problems
#   bash bench/nap_text.sh final MODEL DATA OUT     the arms by one recipe, measured on the same
#   bash bench/nap_text.sh test MODEL DATA OUT      what final trained, measured on the test split, once
# RUNS is the list of runs to do, one "GPU NAME ARGUMENTS" a line; RECIPE, STEPS and MINUTES are
# those of every run, of which a run's own arguments have the last word; test wants those of final.
# Results are OUT/NAME.json; a line of a log is printed for each cell.
set -uo pipefail
what=$1 model=$2 data=$3 out=$4
python=${PYTHON:-python3} minutes=${MINUTES:-0} steps=${STEPS:-3000} recipe=${RECIPE:-}
here=$(dirname "$0")
export PYTHONPATH=$here/.. PYTHONUNBUFFERED=1 TOKENIZERS_PARALLELISM=false OMP_NUM_THREADS=2
split=valid
if [ "$what" = sweep ]; then
    common="--split $split --n ${N:-500}"
    runs=${RUNS:-"
0 mdm_full --arm mdm --decoders ar:1 llada:1:block=16
1 mdm_shift --arm mdm --shift --decoders ar:1 llada:1:block=16
2 mdm_block --arm mdm --block 16 --decoders ar:1 llada:1:block=16
3 nap_full --arm nap --decoders nap:3 nap:3:inside=ar
0 mdm_slow --arm mdm --rate 1e-4 --decoders ar:1
1 mdm_anneal --arm mdm --shift --anneal 300 --decoders ar:1
2 nap_block --arm nap --block 16 --decoders nap:3:inside=ar
3 mdm_plain --arm mdm --variants 0 --decoders ar:1"}
else
    common="--split $split --n ${N:-500}"
    [ "$what" != test ] || split=test common="--split test"
    runs=${RUNS:-"
0 ar-0 --arm ar --rate 2e-4
1 mdm-0 --arm mdm --decoders ar:1 confidence:1
2 long_cot-0 --arm long_cot --decoders ar:3 confidence:3
3 nap-0 --arm nap --decoders nap:3:inside=ar nap:3 confidence:3"}
fi
mkdir -p "$out"
common="$common --model $model --data-dir $data --out $out --steps $steps --minutes $minutes"
common="$common --workers ${WORKERS:-6} --batch ${BATCH:-128} $recipe"

one() { # GPU NAME ARGUMENTS
    # shellcheck disable=SC2086
    CUDA_VISIBLE_DEVICES=$1 "$python" "$here/nap_text.py" $common --name "$2" "${@:3}" \
        >>"$out/$2.log" 2>&1 || tail -n 3 "$out/$2.log" | sed "s/^/$2 failed: /"
    grep -h " $split|" "$out/$2.log"
}

# Records are written once for each set of arguments, before several runs want them. Where some are
# there, each run writes what it lacks.
declare -A made=()
while read -r _ name arguments; do
    [ -n "$name" ] && ! ls "$out"/records-*.jsonl >/dev/null 2>&1 || continue
    arm=$(sed -n 's/.*--arm \([a-z_]*\).*/\1/p' <<<"$arguments")
    more=$(grep -o -- '--\(variants\|length\) [0-9]*' <<<"$recipe $arguments" | tr '\n' ' ')
    case $arm in ar | mdm) kind=mdm ;; *_text) kind=mdm_text ;; *) kind=nap ;; esac
    [ -z "${made[$kind $more]:-}" ] || continue
    made[$kind $more]=1
    # shellcheck disable=SC2086
    "$python" "$here/nap_text.py" $common $more --arm $kind --records-only &
done <<<"$runs"
wait
for gpu in $(awk 'NF {print $1}' <<<"$runs" | sort -un); do
    while read -r at name arguments; do
        # shellcheck disable=SC2086
        [ "$at" != "$gpu" ] || one "$at" "$name" $arguments </dev/null
    done <<<"$runs" &
done
wait
