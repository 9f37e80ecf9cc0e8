"""ARness of the model in the box for every method, at 1 to 16 tokens per round.

    python bench/arness.py --rows arness.rows.jsonl
    python bench/arness.py --table arness.rows.jsonl

A row per method and budget; methods that decide by themselves how many tokens a round writes have
one. Rows are kept as soon as they are done, so a stopped run continues; the cheap ones come first.
Methods that need a second model (--aux), or a form, are named below the table. Runs of different
--methods may go on at the same time into files of their own; --table takes several.
"""

import argparse
import inspect
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from results import device, digest, lines, told, unchanged

import plait
from plait import auxiliary, methods
from plait.data.problem import problems
from plait.data.tasks import load as load_task
from plait.measure import metrics
from plait.trace import Trace

BUDGETS = (16, 8, 4, 2, 1)
TASKS = {"multiply": [2, 3, 4], "sudoku4": None, "chain": None, "countdown": None}
SEED = 2026  # of the test problems


def prompts(n: int) -> list[str]:
    """`n` unseen problems of each task."""
    streams = [
        problems(load_task(name), "test", SEED, level=level, distinct=True)
        for name, level in TASKS.items()
    ]
    return [p.prompt for stream in streams for p in itertools.islice(stream, n)]


def measured(traces: Sequence[Trace]) -> dict:
    """Means over traces of what the table shows."""
    arness = [metrics.load("arness")(t) for t in traces]
    pairs = [metrics.load("pairs")(t) for t in traces]
    woven = [metrics.load("interleaving")(t) for t in traces]

    def mean(values: Sequence[object]) -> object:
        return np.round(np.nanmean(np.array(values, dtype=float), axis=0), 3).tolist()

    return {
        "global": mean([a["global@1"] for a in arness]),
        "by_confidence": mean([a["global@1 by confidence"] for a in arness]),
        "inside": mean([a["per_region global@1"] for a in arness]),
        "tau": mean([p["tau"] for p in pairs]),
        "entropy": mean([w["entropy"] for w in woven]),
        "rounds": mean([t.rounds for t in traces]),
    }


def run(args: argparse.Namespace) -> None:
    """Fill in every row that the file does not hold yet."""
    torch.set_num_threads(args.threads)
    model, asked = plait.load(args.model, device=args.device), prompts(args.n)
    aux = plait.load(args.aux, device=args.device) if args.aux else None
    conditions = {
        "model": model.name,
        "weights": digest(args.model),
        "device": device(model),
        "problems": len(asked),
        "problem_seed": SEED,
        "layout": str(model.layout().segments),
        "plait": plait.__version__,
    }
    seen = lines(args.rows)
    if seen:
        unchanged(args.rows, seen[0]["conditions"], conditions, "--rows")
    done = {(row["method"], row["budget"]) for row in seen[1:]}
    with args.rows.open("a", encoding="utf-8") as file:
        if not seen:
            print(json.dumps({"conditions": conditions}), file=file, flush=True)
        for budget, name in itertools.product((None, *BUDGETS), args.methods):
            takes = "budget" in inspect.signature(methods.function(name)).parameters
            if takes == (budget is None) or (name, budget) in done:
                continue
            row: dict[str, Any] = {"method": name, "budget": budget}
            try:
                told: dict[str, Any] = {"tokens_per_round": budget} if takes else {}
                if aux and auxiliary.options_of(name):
                    told["aux"] = aux
                    row["second model"] = args.aux
                answers = list(plait.generate(model, asked, name, batch_size=len(asked), **told))
                row |= measured([a.trace for a in answers])
            except plait.PlaitError as error:
                row |= {"left_out": str(error)}
            print(json.dumps(row), file=file, flush=True)
            print(row, flush=True)


def table(files: Sequence[Path]) -> None:
    """Print the rows as Markdown."""
    seen = [lines(path) for path in files]
    rows = [row for _, *rest in seen for row in rest]
    named = [sorted({row["method"] for row in rest}) for _, *rest in seen]
    print(
        told([(first["conditions"], n) for (first, *_), n in zip(seen, named, strict=True)]) + "\n"
    )
    head = ("method", "per round", "global@1", "streams / summary", "by confidence", "tau",
            "interleaving", "rounds")  # fmt: skip
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in sorted(rows, key=lambda row: (row["method"], row["budget"] or 0)):
        if "left_out" not in row:
            inside = " / ".join(f"{value:.2f}" for value in row["inside"])
            values = [f"{row[key]:.2f}" for key in ("by_confidence", "tau", "entropy")]
            beside = f", with {row['second model']}" if "second model" in row else ""
            name, budget = row["method"] + beside, str(row["budget"] or "own")
            cells = [name, budget, f"{row['global']:.2f}", inside, *values, f"{row['rounds']:.1f}"]
            print(f"| {' | '.join(cells)} |")
    shown = {row["method"] for row in rows if "left_out" not in row}
    left = {r["method"]: r["left_out"] for r in rows if r["method"] not in shown}
    if left:
        print("\nLeft out:\n")
    for name, reason in sorted(left.items()):
        print(f"- `{name}`: {reason}.")


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="plait-tiny")
    parser.add_argument("--device")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--n", type=int, default=1, help="problems per task")
    parser.add_argument("--rows", type=Path, default=Path("arness.rows.jsonl"))
    parser.add_argument("--methods", nargs="+", default=methods.names(), choices=methods.names())
    parser.add_argument("--aux", help="the second model of methods that have one")
    parser.add_argument("--table", type=Path, nargs="+", help="print these files and stop")
    args = parser.parse_args()
    table(args.table) if args.table else run(args)


if __name__ == "__main__":
    main()
