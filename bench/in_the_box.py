"""Measure the model in the box: accuracy and ARness of four methods at five budgets.

    python bench/in_the_box.py --out docs/results/in-the-box.json
    python bench/in_the_box.py --table docs/results/in-the-box.json > docs/results/in-the-box.md

Each cell is kept as soon as it is done, so an interrupted run continues. `--data-dir` adds the
external test files (countdown/countdown_cd3_test.jsonl, sudoku/4x4_test_sudoku.csv).
"""

import argparse
import itertools
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from results import accuracy, begun, device, digest, keep, scored, told

import plait
from plait.data.problem import Problem, problems
from plait.data.tasks import load as load_task

METHODS = ("nap", "confidence", "ar", "random")
BUDGETS = (1, 2, 4, 8, 16)
SEED = 2026  # of the test problems
TASKS = {"multiply": [2, 3, 4], "sudoku4": None, "chain": None, "countdown": None}
FILES = {"countdown": "countdown/countdown_cd3_test.jsonl", "sudoku4": "sudoku/4x4_test_sudoku.csv"}


def problem_sets(
    tasks: Sequence[str], n: int, data: Path | None, split: str
) -> dict[str, list[Problem]]:
    """Problems of each task, and the external files where their folder is given."""
    sets = {}
    for name in tasks:
        stream = problems(load_task(name), split, SEED, level=TASKS[name], distinct=True)
        sets[name] = list(itertools.islice(stream, n))
    for name, file in FILES.items() if data else ():
        sets[f"{name}, file"] = list(load_task(name).read(data / file))
    return sets


def answered(
    model: plait.Model, wanted: list[Problem], method: str, batch: int, **settings
) -> tuple[list[plait.Answer], list[bool]]:
    """Answers to the problems, and which are right."""
    prompts = [p.prompt for p in wanted]
    rows = list(plait.generate(model, prompts, method, batch_size=batch, **settings))
    pairs = zip(wanted, rows, strict=True)
    return rows, [load_task(p.task).verify(p, row.answer) for p, row in pairs]


def cell(rows: list[plait.Answer], rights: list[bool], seconds: float) -> dict:
    """What came out in so many seconds, and how parallel it was."""

    def mean(values: list[float]) -> float:
        return round(sum(values) / len(values), 4)

    inside = list(zip(*(a.arness["per_stream"] for a in rows), strict=True))
    return {
        **scored(rights),
        "rounds": mean([a.rounds for a in rows]),
        "tokens_per_forward": mean([a.tokens_per_forward for a in rows]),
        "arness_global@1": mean([a.arness["global@1"] for a in rows]),
        "arness_per_stream": [mean(list(values)) for values in inside],
        "seconds": round(seconds, 2),
    }


def conditions(model: plait.Model, args: argparse.Namespace) -> dict:
    """What a reader must know to repeat the numbers."""
    return {
        "model": model.name,
        "weights": digest(args.model),
        "device": device(model),
        "dtype": args.dtype,
        "matmul": torch.get_float32_matmul_precision(),
        "batch": args.batch,
        "temperature": 0,
        "seed": 0,
        "split": args.split,
        "problem_seed": SEED,
        "layout": asdict(model.slots),
        "plait": plait.__version__,
        "torch": torch.__version__,
    }


def run(args: argparse.Namespace) -> None:
    """Fill in every cell that the output does not hold yet."""
    torch.set_float32_matmul_precision(args.matmul)
    model = plait.load(args.model, device=args.device, dtype=args.dtype)
    out = Path(args.out)
    result = begun(out, conditions(model, args))
    sets = problem_sets(args.tasks, args.n, args.data_dir, args.split)
    for name, method, budget in itertools.product(sets, args.methods, args.budgets):
        key = f"{name}|{method}|{budget}"
        if key in result["cells"]:
            continue
        start = time.perf_counter()
        done = answered(model, sets[name], method, args.batch, tokens_per_round=budget)
        found = result["cells"][key] = cell(*done, time.perf_counter() - start)
        keep(out, result)
        print(f"{key:32} {found['accuracy']:.3f}  {found['rounds']:6.1f} rounds", flush=True)


def table(path: str) -> None:
    """Print the results as Markdown."""
    result = json.loads(Path(path).read_text())
    cells = {tuple(key.split("|")): cell for key, cell in result["cells"].items()}
    print(told([(result["conditions"], [])]) + "\n")
    head = "| problems | n | method | " + " | ".join(f"{b} per round" for b in BUDGETS) + " |"
    rule = "|---|---|---|" + "---|" * len(BUDGETS)
    print("Accuracy in %, with 95 % Wilson intervals:\n", head, rule, sep="\n")
    names = list(dict.fromkeys((key[0], key[1]) for key in cells))

    def rows(show: Callable[[dict], str]) -> None:
        for name, method in names:
            row = [cells.get((name, method, str(b))) for b in BUDGETS]
            n = next(cell["n"] for cell in row if cell)
            texts = [show(cell) if cell else "not run" for cell in row]
            print(f"| {name} | {n} | {method} | {' | '.join(texts)} |")

    rows(accuracy)
    print(
        "\nARness: global@1 on the whole canvas (stream 1 / 2 / 3 / summary):\n",
        head,
        rule,
        sep="\n",
    )
    rows(arness)
    print("\nRounds (mean); answer tokens per forward (mean):\n", head, rule, sep="\n")
    rows(lambda cell: f"{cell['rounds']:.1f}; {cell['tokens_per_forward']:.2f}")


def arness(cell: dict) -> str:
    """For example `.21 (.55 / .50 / .52 / .71)`."""
    inside = " / ".join(f"{v:.2f}" for v in cell["arness_per_stream"])
    return f"{cell['arness_global@1']:.2f} ({inside})"


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="plait-tiny")
    parser.add_argument("--device")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument(
        "--matmul", default="highest", help="highest = float32, high = TF32 on a GPU"
    )
    parser.add_argument("--n", type=int, default=500, help="problems per task")
    parser.add_argument(
        "--split",
        default="test",
        choices=("test", "train"),
        help="train: choose between training runs without a look at test problems",
    )
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--budgets", nargs="+", type=int, default=BUDGETS)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--out", default="in-the-box.json")
    parser.add_argument("--table", help="print this result file as Markdown and stop")
    args = parser.parse_args()
    table(args.table) if args.table else run(args)


if __name__ == "__main__":
    main()
