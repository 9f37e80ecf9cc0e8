#!/usr/bin/env bash
# NAP on real text (bench/nap_text.py), several runs at a time:
#   bash bench/nap_text.sh warm MODEL DATA OUT      a little causal fine-tuning, which others start from
#   bash bench/nap_text.sh sweep MODEL DATA OUT     conversions, measured on held-out training problems
#   bash bench/nap_text.sh final MODEL DATA OUT     the arms by one recipe, measured on the same
#   bash bench/nap_text.sh test MODEL DATA OUT      what final trained, measured on the test split, once
#   bash bench/nap_text.sh wrong MODEL DATA OUT     nap where paths go wrong; with SPLIT=test, once
# RUNS is the list of runs to do, one "LANE NAME ARGUMENTS" a line: those of a lane go one after
# another, and lanes 0.0, 0.1, ... share GPU 0. RECIPE, STEPS and MINUTES are those of every run, of
# which a run's own arguments have the last word; test wants those of final. SEED is that of final.
# Results are OUT/NAME.json; a line of a log is printed for each cell.
set -uo pipefail
what=$1 model=$2 data=$3 out=$4
python=${PYTHON:-python3} minutes=${MINUTES:-0} steps=${STEPS:-100000} seed=${SEED:-0}
recipe=${RECIPE:---half --length 80 --ordered --multiple 64}
here=$(dirname "$0")
export PYTHONPATH=$here/.. PYTHONUNBUFFERED=1 TOKENIZERS_PARALLELISM=false OMP_NUM_THREADS=2
warm="--model $out/warm" split=${SPLIT:-valid} adapter=""
best="$warm --shift --block 4 --rate 6e-4 --minutes 7.1 --seed $seed"
lora="--arm mdm --shift --block 4 --rate 1e-3 --lora 24 --minutes 7.4"
case $what in
warm) runs=${RUNS:-"0 warm --arm ar --rate 2e-4 --minutes 0.75 --n 100"} ;;
sweep)
    runs=${RUNS:-"
1.0 b4s --arm mdm --shift --block 4 --rate 5e-4 --minutes 7.4 --decoders ar:1 llada:2:block=4
1.1 b16 --arm mdm --block 16 --rate 5e-4 --minutes 7.4 --decoders ar:1 llada:2:block=16
1.2 lora $lora --decoders ar:1 llada:2:block=4
0.0 b4w2 --arm mdm $warm --shift --block 4 --rate 2e-4 --minutes 5.2 --decoders ar:1 llada:2:block=4
0.1 b4w6 --arm mdm $warm --shift --block 4 --rate 6e-4 --minutes 5.2 --decoders ar:1 llada:2:block=4
0.2 b16w --arm mdm $warm --shift --block 16 --rate 4e-4 --minutes 5.2 --decoders ar:1 llada:2:block=16"}
    ;;
final | test)
    [ "$what" = final ] || split=test adapter="1.1 lora $lora --decoders ar:1"
    runs=${RUNS:-"
0.0 nap-$seed --arm nap_short $best --multiple 128 --decoders nap:3:inside=ar nap:3 nap:6:inside=ar
0.1 mdm-$seed --arm mdm $best --decoders ar:1 ar:3 llada:1:block=4 llada:2:block=4
1.0 long_cot-$seed --arm long_cot_short $best --multiple 128 --decoders ar:3 llada:4:block=4 ar:1
1.1 ar-$seed --arm ar $warm --rate 2e-4 --minutes 7.1 --seed $seed
$adapter"}
    ;;
wrong)
    forced="--arm nap_short $best --multiple 128 --minutes 0 --steps 1247 --decoders nap:3:inside=ar"
    runs=${RUNS:-"
0.0 nap_heard-$seed $forced --wrong 0.5 --keep heard
0.1 nap_wrong-$seed $forced --wrong 0.5"}
    ;;
*) echo "what is '$what'? It is warm, sweep, final, test or wrong" >&2 && exit 2 ;;
esac
mkdir -p "$out"
common="--split $split"
[ "$split" = test ] || common="$common --n ${N:-500}"
common="$common --model $model --data-dir $data --out $out --steps $steps --minutes $minutes"
common="$common --workers ${WORKERS:-6} --batch ${BATCH:-128} $recipe"

one() { # LANE NAME ARGUMENTS
    # shellcheck disable=SC2086
    CUDA_VISIBLE_DEVICES=${1%%.*} "$python" "$here/nap_text.py" $common --name "$2" "${@:3}" \
        >>"$out/$2.log" 2>&1 || tail -n 3 "$out/$2.log" | sed "s/^/$2 failed: /"
    grep -h " $split|" "$out/$2.log"
}

# Records are written once for each set of arguments, before several runs want them. Where some are
# there, each run writes what it lacks.
declare -A made=()
while read -r _ name arguments; do
    [ -n "$name" ] && ! ls "$out"/records-*.jsonl >/dev/null 2>&1 || continue
    arm=$(sed -n 's/.*--arm \([a-z_]*\).*/\1/p' <<<"$arguments")
    more=$(grep -o -- '--\(variants\|length\|wrong\) [0-9.]*' <<<"$recipe $arguments" | tr '\n' ' ')
    case $arm in ar | mdm) kind=mdm ;; *_text) kind=mdm_text ;; *_short) kind=nap_short ;; *) kind=nap ;; esac
    [ -z "${made[$kind $more]:-}" ] || continue
    made[$kind $more]=1
    # shellcheck disable=SC2086
    "$python" "$here/nap_text.py" $common $more --arm $kind --records-only &
done <<<"$runs"
wait
for lane in $(awk 'NF {print $1}' <<<"$runs" | sort -u); do
    while read -r at name arguments; do
        # shellcheck disable=SC2086
        [ "$at" != "$lane" ] || one "$at" "$name" $arguments </dev/null
    done <<<"$runs" &
done
wait
