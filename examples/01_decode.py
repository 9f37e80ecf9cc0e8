"""Decode two problems in parallel streams: `python examples/01_decode.py [MODEL]`."""

import sys

import plait

model = plait.load(*sys.argv[1:2])
for answer in plait.generate(model, ["Work out 42 * 23.", "3 * 5 = ?"], tokens_per_round=4):
    print(answer.text, f"({answer.rounds} rounds)", sep="\n", end="\n\n")
