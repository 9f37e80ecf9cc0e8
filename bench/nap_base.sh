#!/usr/bin/env sh
# The model that the arms of bench/nap_compare.py start from, one for each seed, on one GPU:
#   bench/nap_base.sh SEED MINUTES OUT [--set field=value ...]
# OUT/SEED becomes a model folder; nap_compare.py takes it by --base OUT.
set -eu
seed=$1 minutes=$2 out=$3
shift 3
here=$(dirname "$0")
PYTHONPATH="$here/..:$here" python3 -m plait.train "$here/nap_arms.py:base" --minutes "$minutes" \
    --out "$out/$seed" --set seed="$seed" "$@"
