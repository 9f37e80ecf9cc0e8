"""Accuracy against forwards, for every method that the model in the box can run.

    python bench/choose.py --n 50 --out docs/results/methods.json
    python bench/choose.py --table docs/results/methods.json      as Markdown
    python bench/choose.py --table docs/results/methods.json --figure docs/figures/methods.png

Every method decodes the same unseen problems of the four tasks, on the same canvas, at its default
settings; those with a budget write 4 tokens per round, and `llada` also 1. Each method is kept as
soon as it is done, so an interrupted run continues. Runs of different --methods may go on at the
same time into files of their own; --table takes several.
"""

import argparse
import itertools
import json
from pathlib import Path
from typing import Any

import torch
from in_the_box import answered
from results import begun, device, digest, keep, told

import plait
from plait import auxiliary, methods
from plait.cli._catalogue import entry
from plait.data.problem import Problem, problems
from plait.data.tasks import load as load_task
from plait.data.tasks import names as task_names
from plait.measure.interval import Difference, Share

ALONE = "llada, 1 per round"  # one token per round: what the others are held against
WITHOUT = {"schema"}  # needs a form
SEED = 2026  # of the problems
# where a name may stand beside its point
CORNERS = (("left", (4, 3)), ("right", (-4, 3)), ("left", (4, -8)), ("right", (-4, -8)))


def wanted(aux: bool) -> list[str]:
    """Every method that needs nothing but, where there is one, a second model."""
    able = (n for n in methods.names() if n not in WITHOUT)
    return [ALONE, *(n for n in able if aux or not auxiliary.options_of(n))]


def sets(n: int) -> list[Problem]:
    """`n` unseen problems of each task, all different."""
    streams = [problems(load_task(t), "test", SEED, distinct=True) for t in task_names()]
    return [p for stream in streams for p in itertools.islice(stream, n)]


def measure(
    model: plait.Model, name: str, asked: list[Problem], batch: int, aux: plait.Model | None
) -> dict:
    """One cell: which problems are right, and what the method cost."""
    method = name.split(",")[0]
    options: dict[str, Any] = {}
    if entry(method).budget:
        options["tokens_per_round"] = 1 if name == ALONE else 4
    beside = aux if auxiliary.options_of(method) else None
    answers, rights = answered(model, asked, method, batch, aux=beside, **options)
    costs = ("rounds", "forwards", "query_tokens", "answer_tokens")
    return {
        "right": [int(right) for right in rights],
        **{cost: round(sum(getattr(a, cost) for a in answers) / len(answers), 2) for cost in costs},
    }


def run(args: argparse.Namespace) -> None:
    """Fill in every cell that the folder does not hold yet."""
    torch.set_float32_matmul_precision(args.matmul)
    model = plait.load(args.model, device=args.device)
    aux = plait.load(args.aux, device=args.device) if args.aux else None
    facts = {
        "model": model.name,
        "weights": digest(args.model),
        "device": device(model),
        "problems": f"{args.n} of each task, seed {SEED}",
        "temperature": 0,
        "matmul": args.matmul,
        "plait": plait.__version__,
        "torch": torch.__version__,
    }
    result = begun(args.out, facts)
    asked = sets(args.n)
    for name in args.methods or wanted(aux is not None):
        if name in result["cells"]:
            continue
        cell = measure(model, name, asked, args.batch, aux)
        if auxiliary.options_of(name.split(",")[0]):
            cell["second model"] = args.aux
        result["cells"][name] = cell
        keep(args.out, result)
        print(f"{name:20} {sum(cell['right'])} right, {cell['forwards']} forwards", flush=True)


def percent(right: list[int]) -> str:
    """For example `97 (93-99)`: per cent with its 95 % Wilson interval."""
    share = Share(sum(right), len(right))
    low, high = share.interval()
    return f"{100 * share.value:.0f} ({100 * low:.0f}-{100 * high:.0f})"


def against(right: list[int], other: list[int]) -> str:
    """For example `-3 (-9 to 2)`: the paired difference in per cent, with its 95 % interval."""
    found = Difference.of([bool(x) for x in right], [bool(x) for x in other])
    low, high = found.interval()
    return f"{100 * found.value:+.0f} ({100 * low:+.0f} to {100 * high:+.0f})"


def read(files: list[Path]) -> tuple[list[tuple[dict, list[str]]], dict[str, dict]]:
    """Conditions with the methods that they hold for, and all cells."""
    results = [json.loads(path.read_text()) for path in files]
    cells = {name: cell for result in results for name, cell in result["cells"].items()}
    return [(result["conditions"], list(result["cells"])) for result in results], cells


def figure(files: list[Path], out: Path) -> None:
    """Draw accuracy against forwards; the line joins what no method beats in both."""
    import matplotlib.pyplot as plt

    ((facts, _), *_), cells = read(files)
    points = {
        name: (cell["forwards"], 100 * sum(cell["right"]) / len(cell["right"]))
        for name, cell in cells.items()
        if "second model" not in cell
    }
    best = [
        (x, y) for x, y in points.values() if not any(a <= x and b > y for a, b in points.values())
    ]
    _, axes = plt.subplots(figsize=(9, 5.5), layout="constrained")
    axes.plot(*zip(*sorted(best), strict=True), color="0.7", zorder=1)
    across, up = zip(*points.values(), strict=True)
    axes.scatter(across, up, s=18, color="#0072B2", zorder=2)
    axes.set(xscale="log", xlabel="forwards per answer", ylabel="right answers, %")
    axes.set_xticks([6, 10, 20, 50, 100, 200], ["6", "10", "20", "50", "100", "200"])
    axes.set_title(f"{facts['model']}, {facts['problems']}", fontsize=10)
    named(axes, points)
    plt.savefig(out, dpi=150)


def named(axes: Any, points: dict[str, tuple[float, float]]) -> None:
    """Write each name beside its point, in the corner that touches least of what is there."""
    from matplotlib.transforms import Bbox

    axes.figure.canvas.draw()
    taken = [
        Bbox.from_bounds(x - 4, y - 4, 8, 8)
        for x, y in axes.transData.transform([*points.values()])
    ]
    for name, point in sorted(points.items(), key=lambda item: item[1]):
        boxes = []
        for side, shift in CORNERS:
            text = axes.annotate(
                name, point, shift, textcoords="offset points", fontsize=7, ha=side
            )
            boxes.append((sum(text.get_window_extent().overlaps(box) for box in taken), text))
        boxes.sort(key=lambda box: box[0])
        for _, text in boxes[1:]:
            text.remove()
        taken.append(boxes[0][1].get_window_extent())


def table(files: list[Path]) -> None:
    """Print all methods, the most accurate first, and of equals the cheapest."""
    groups, cells = read(files)
    print(told(groups) + "\n")
    base = cells[ALONE]["right"]
    tasks, n = task_names(), len(base) // len(task_names())
    head = ["method", "all tasks, %", f"against {ALONE}", *tasks]
    head += ["rounds", "forwards", "positions computed", "tokens per forward"]
    print(f"| {' | '.join(head)} |", "|---" * len(head) + "|", sep="\n")
    order = {name: (-sum(cell["right"]), cell["forwards"]) for name, cell in cells.items()}
    for name in sorted(cells, key=order.__getitem__):
        cell, right = cells[name], cells[name]["right"]
        beside = cell.get("second model")
        row = [f"{name}, with {beside}" if beside else name, percent(right), against(right, base)]
        row += [percent(right[i * n : (i + 1) * n]) for i in range(len(tasks))]
        row += [f"{cell['rounds']:.1f}", f"{cell['forwards']:.1f}", f"{cell['query_tokens']:.0f}"]
        row.append(f"{cell['answer_tokens'] / cell['forwards']:.2f}")
        print(f"| {' | '.join(row)} |")


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="plait-tiny")
    parser.add_argument("--device")
    parser.add_argument("--matmul", default="highest", help="high = TF32 on a GPU")
    parser.add_argument("--n", type=int, default=50, help="problems per task")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--aux", help="the second model of methods that have one")
    parser.add_argument("--methods", nargs="+", choices=wanted(aux=True))
    parser.add_argument("--out", type=Path, default=Path("methods.json"))
    parser.add_argument("--table", type=Path, nargs="+", help="print these files and stop")
    parser.add_argument("--figure", type=Path, help="with --table: draw them here instead")
    args = parser.parse_args()
    if args.table and args.figure:
        figure(args.table, args.figure)
    elif args.table:
        table(args.table)
    else:
        run(args)


if __name__ == "__main__":
    main()
