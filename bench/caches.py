"""What each cache costs and saves on the model in the box: accuracy, forwards, positions.

    python bench/caches.py --out docs/results/caches.json
    python bench/caches.py --table docs/results/caches.json > docs/results/caches.md

Each cell is kept as soon as it is done, so an interrupted run continues. Problems are paired: the
same ones with and without each cache. Runs of different --tasks or --methods may go on at the same
time into files of their own; --table takes several.
"""

import argparse
import hashlib
import itertools
import json
import math
from pathlib import Path
from typing import Any

import torch
from in_the_box import TASKS, answered, conditions, problem_sets
from results import accuracy, begun, keep, scored, told

import plait
from plait import cache as caches
from plait.data.problem import Problem

METHODS: dict[str, dict[str, Any]] = {"nap": {}, "llada": {"block": 16}}
# Sizes for a canvas of 200 positions; the defaults are the papers', for a thousand.
SIZES: dict[str, dict[str, Any]] = {
    "streams": {"window": 16, "refresh": 8},
    "window": {"window": 64, "active": 24, "refresh": 8},
    "vicinity": {"near": 8, "warmup": 2},
    "dkv_greedy": {"ahead": 8, "near": 8, "refresh": 2},
}
NEEDS_BLOCKS = ("dual", "prefix", "vicinity", "evict")  # without blocks they keep nothing


def wanted(method: str) -> list[str]:
    """The caches to measure with a method; "" = none."""
    names = [name for name in caches.names() if name != "exact_block"]  # the box sees both ways
    return ["", *(n for n in names if method == "llada" or n not in NEEDS_BLOCKS)]


def measure(
    model: plait.Model, problems: list[Problem], method: str, name: str, budget: int, batch: int
) -> dict[str, Any]:
    """One cell."""
    options: dict[str, Any] = {"tokens_per_round": budget, **METHODS[method]}
    if name:
        options |= {"cache": name, "cache_settings": SIZES.get(name, {})}
    answers, rights = answered(model, problems, method, batch, **options)
    return {
        "marks": [int(right) for right in rights],
        "texts": [hashlib.sha256(answer.text.encode()).hexdigest()[:8] for answer in answers],
        **scored(rights),
        "forwards": sum(answer.forwards for answer in answers) / len(answers),
        "query_tokens": sum(answer.query_tokens for answer in answers) / len(answers),
        "seconds": round(sum(answer.seconds for answer in answers[batch - 1 :: batch]), 2),
    }


def run(args: argparse.Namespace) -> None:
    """Fill in every cell that the output does not hold yet."""
    model = plait.load(args.model, device=args.device, dtype=args.dtype)
    facts = conditions(model, args) | {"n": args.n, "tokens_per_round": args.budget}
    facts |= {"sizes": SIZES, "methods": METHODS, "threads": torch.get_num_threads()}
    out = Path(args.out)
    result = begun(out, facts)
    sets = problem_sets(args.tasks, args.n, None, args.split)
    for method, task in itertools.product(args.methods, sets):
        for name in wanted(method):
            key = f"{method}|{task}|{name}"
            if key in result["cells"]:
                continue
            cell = measure(model, sets[task], method, name, args.budget, args.batch)
            result["cells"][key] = cell
            keep(out, result)
            print(f"{key:32} {cell['accuracy']:.3f} {cell['query_tokens']:9.0f}", flush=True)


def pooled(cells: dict[str, dict[str, Any]]) -> None:
    """Print all problems together, with the exact sign test of lost against won."""
    print("All problems together; p: exact two-sided sign test of lost against won, by itself.\n")
    print("| method | cache | right | lost / won | p | share of the positions |")
    print("|---|---|---|---|---|---|")
    for method, name in dict.fromkeys((k.split("|")[0], k.split("|")[2]) for k in cells):
        tasks = [k.split("|")[1] for k in cells if k.startswith(method) and k.endswith("|" + name)]
        mine = [cells[f"{method}|{task}|{name}"] for task in dict.fromkeys(tasks)]
        plain = [cells[f"{method}|{task}|"] for task in dict.fromkeys(tasks)]
        both = [
            pair
            for a, b in zip(plain, mine, strict=True)
            for pair in zip(a["marks"], b["marks"], strict=True)
        ]
        lost, won = sum(a > b for a, b in both), sum(a < b for a, b in both)
        rarer, all_ = min(lost, won), lost + won
        chance = min(1.0, 2 * sum(math.comb(all_, i) for i in range(rarer + 1)) / 2**all_)
        work = sum(c["query_tokens"] for c in mine) / sum(c["query_tokens"] for c in plain)
        right = accuracy(scored([bool(b) for _, b in both]))
        rest = [f"{lost} / {won}", f"{chance:.3f}", f"{work:.2f}"] if name else ["", "", "1.00"]
        print(f"| {' | '.join([method, name or 'none', right, *rest])} |")


def table(paths: list[Path]) -> None:
    """Print the results as Markdown."""
    results = [json.loads(path.read_text()) for path in paths]
    (shared,) = {json.dumps(result["conditions"]) for result in results}
    facts = {name: value for name, value in json.loads(shared).items() if name != "sizes"}
    print("# Caches on the model in the box\n")
    print(f"{told([(facts, [])])}\n\nSizes that differ from the defaults: {SIZES}.\n")
    print(
        "Right answers in % with 95 % Wilson intervals; lost / won: problems that the same method"
    )
    print("solves without the cache only / with it only. Texts that are equal to those without a")
    print("cache, in %. Forwards and positions computed are means per problem.\n")
    cells = {key: cell for result in results for key, cell in result["cells"].items()}
    pooled(cells)
    print("\nBy task:\n")
    print("| method | problems | cache | right | lost / won | equal texts | forwards | positions |")
    print("|---|---|---|---|---|---|---|---|")
    for key, cell in cells.items():
        method, task, name = key.split("|")
        plain = cells[f"{method}|{task}|"]
        both = list(zip(plain["marks"], cell["marks"], strict=True))
        lost, won = sum(a > b for a, b in both), sum(a < b for a, b in both)
        texts = zip(plain["texts"], cell["texts"], strict=True)
        equal = sum(a == b for a, b in texts) / len(both)
        columns = [method, task, name or "none", accuracy(cell), f"{lost} / {won}" if name else ""]
        columns += [f"{100 * equal:.0f}" if name else "", f"{cell['forwards']:.1f}"]
        print(f"| {' | '.join(columns)} | {cell['query_tokens']:.0f} |")


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="plait-tiny")
    parser.add_argument("--device")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--split", default="test")
    parser.add_argument("--n", type=int, default=100, help="problems per task")
    parser.add_argument("--batch", type=int, default=25)
    parser.add_argument("--budget", type=int, default=8, help="tokens per round")
    parser.add_argument("--out", default="caches.json")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--table", type=Path, nargs="+", help="print these files and stop")
    args = parser.parse_args()
    table(args.table) if args.table else run(args)


if __name__ == "__main__":
    main()
