"""Decode two problems in parallel streams."""

import plait

model = plait.load("plait-tiny")
for answer in plait.generate(model, ["Work out 42 * 23.", "3 * 5 = ?"], tokens_per_round=4):
    print(answer.text, f"({answer.rounds} rounds)", sep="\n", end="\n\n")
