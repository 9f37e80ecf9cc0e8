#!/usr/bin/env sh
# The comparison of docs/results/nap.md, on GPUs of one machine, several processes on each. The
# bases come first, one for each seed, in OUT/base:
#   for seed in 0 1 2; do CUDA_VISIBLE_DEVICES=$seed bench/nap_base.sh $seed 4.5 OUT/base & done
#   timeout 560 bench/nap_compare.sh OUT "0 1" 3 [--steps N ...]
# works on OUT/chain and OUT/countdown in order of importance. What is finished stays when it is
# killed, and the same command goes on. The JSON files are what matters:
#   tar czf nap.tar.gz OUT/*/*.json
set -eu
out=$1 gpus=$2 each=$3
shift 3
here=$(dirname "$0")
export OMP_NUM_THREADS=2 TORCHINDUCTOR_COMPILE_THREADS=4 # of many processes
main="base single long_cot nap"
seeds=$(cd "$out/base" && ls -d [0-9]*)
others="nap_2 nap_6 nap_correct nap_blocked nap_cart nap_rpim nap_rpim_cart"

compare() { # TASK ARMS [option ...]
    task=$1 arms=$2
    shift 2
    PYTHONPATH="$here/.." python3 "$here/nap_compare.py" --share --task "$task" --arms $arms \
        --seeds $seeds --base "$out/base" --out "$out/$task" --graphed --workers 4 \
        --dtype bfloat16 --device cuda "$@" || true
}

work() {
    chain="--levels 4 5 --wrong 0.3"
    compare chain "$main" $chain "$@"
    compare countdown "$main" --levels 3 4 "$@"
    compare chain "$others" $chain "$@"
}

for gpu in $gpus; do
    for number in $(seq "$each"); do
        (
            export CUDA_VISIBLE_DEVICES="$gpu"
            work "$@"
        ) &
    done
done
wait
