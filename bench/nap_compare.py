"""NAP against its baselines: same architecture, steps and paths, several decoders and seeds.

    python bench/nap_compare.py --task chain --arms nap long_cot --seeds 0 --out runs/nap
    python bench/nap_compare.py --table runs/nap > docs/results/nap.md

Each arm and seed is a model of its own, trained on one file of records and then decoded by every
method at every budget. A cell is kept as soon as it is done, so that a stopped run continues, and
several processes can work on one folder, each on arms or seeds of its own (on several GPUs, one
each: CUDA_VISIBLE_DEVICES=1 python bench/nap_compare.py --seeds 1 ...).

With --wrong, a path of a chain misreads one number with that probability and goes on from there:
its result is wrong, as one path often is in real data. Answers are always right.
"""

import argparse
import itertools
import json
import platform
import random
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from in_the_box import measure

import plait
from plait.data.problem import Problem, problems
from plait.data.tasks import chain
from plait.data.tasks import load as load_task
from plait.files import as_json, write_whole
from plait.models import box
from plait.models.config import Config
from plait.train import laws, weights
from plait.train.callbacks import line
from plait.train.corrupt import Corruption
from plait.train.recipes import BOUND, Objective, Optimiser, Recipe, Records
from plait.train.run import checkpoint, train

SUMMARY, MOST = 20, 6  # positions of the summary, paths of a record
TEST_SEED = 2026
BUDGETS = (1, 2, 3, 4, 8)
METHODS = ("confidence", "ar", "random", "llada", "fast_dllm", "nap")
CROSS = ("confidence", "nap")  # decoders on NAP's canvas, whatever the arm was trained on
FORCED = ("base", "nap")


@dataclass(frozen=True)
class Arm:
    """How one model is trained; all else is the same."""

    form: str = "nap"
    streams: int = 3
    law: str = "bernoulli"
    cart: bool = False
    cross: str = "full"
    keep: str = "all"


ARMS = {
    "base": Arm("single"),
    "long_cot": Arm("long_cot"),
    "nap": Arm(),
    "nap_1": Arm(streams=1),
    "nap_2": Arm(streams=2),
    "nap_6": Arm(streams=6),
    "nap_rpim": Arm(law="rpim"),
    "nap_cart": Arm(cart=True),
    "nap_rpim_cart": Arm(law="rpim", cart=True),
    "nap_blocked": Arm(cross="blocked"),
    "nap_correct": Arm(keep="correct"),
}
SIZES = {"tiny": (32, 2, 2, 64), "box": (320, 9, 5, 896)}  # width, layers, heads, hidden


def slip(problem: Problem, rng: random.Random) -> str:
    """A path of a chain that misreads one gain or loss; empty if none can be written."""
    start, steps = problem.facts
    places = [i for i, (sign, _) in enumerate(steps) if sign in "+-"]
    for _ in range(20 if places else 0):
        i = rng.choice(places)
        sign, n = steps[i]
        read = max(1, n + rng.choice((-10, -3, -2, -1, 1, 2, 3, 10)))
        told = (*steps[:i], (sign, read), *steps[i + 1 :])
        right = chain.totals(start, steps)[-1]
        if read != n and chain.totals(start, told) and chain.totals(start, told)[-1] != right:
            found = chain.ways(start, told)
            if found:
                return rng.choice(found).text
    return ""


def record(problem: Problem, rng: random.Random, wrong: float) -> dict:
    """A problem with six paths, of which some may be made wrong."""
    paths = []
    for path in load_task(problem.task).paths(problem, rng, MOST):
        text = slip(problem, rng) if rng.random() < wrong else ""
        paths.append({"text": text or path.text, "correct": path.correct and not text})
    return {"prompt": problem.prompt, "paths": paths, "answer": problem.answer}


def records_file(args: argparse.Namespace) -> Path:
    """The training records; written once, the same for all arms and seeds."""
    path = args.out / "records.jsonl"
    if not path.exists():
        rng = random.Random(f"records/{args.task}")
        drawn = problems(load_task(args.task), "train", 0, args.levels, distinct=True)
        rows = (record(p, rng, args.wrong) for p in itertools.islice(drawn, args.records))
        write_whole(path, "".join(as_json(row) + "\n" for row in rows))
    return path


def recipe(arm: Arm, seed: int, args: argparse.Namespace) -> Recipe:
    """The training of an arm. Streams share `args.total` positions, however many they are."""
    width, layers, heads, hidden = SIZES[args.size]
    shape = Config(768, width, layers, heads, heads, hidden, context=args.total + 192)
    rows = Records(
        records_file(args),
        form=arm.form,
        streams=arm.streams,
        length=args.total // arm.streams,
        summary=SUMMARY,
        keep=arm.keep,
        cross=arm.cross,
        rows=args.rows,
        joint=" ; ",
        multiple=32,
        workers=args.workers,
    )
    return Recipe(
        model=shape,
        codec=box.HERE / "plait-tiny" / box.CODEC,
        rows=rows,
        corruption=Corruption(law=laws.load(arm.law)),
        objective=Objective(weights.load("cart"), "masked") if arm.cart else BOUND,
        optimiser=Optimiser(rate=args.rate, warmup=min(200, args.steps // 10 + 1)),
        steps=args.steps,
        graphed=args.graphed,
        half=True,
        log_every=max(1, args.steps // 50),
        save_every=5.0,
        checkpoints=1,
        seed=seed,
    )


def cells(name: str, budgets: Sequence[int]) -> list[tuple[str, str, int | None]]:
    """Canvas, method and tokens per round of everything that is decoded with an arm."""
    own = [("own", m, b) for m in METHODS if m != "fast_dllm" for b in budgets]
    own.append(("own", "fast_dllm", None))  # it decides by itself how many tokens to write
    cross = [("nap", m, b) for m in CROSS for b in budgets] if name in FORCED else []
    return own + cross


def run(name: str, seed: int, args: argparse.Namespace) -> None:
    """Train an arm if its model is not there, then fill in the cells that are missing."""
    made = recipe(ARMS[name], seed, args)
    folder = args.out / f"{name}-{seed}"
    if not (folder / "README.md").exists():
        started = folder.exists() and any(folder.glob("checkpoint-*"))
        resume = checkpoint(folder) if started else None
        train(made, folder, watch=lambda row: print(line(row), flush=True), resume=resume)
    model = plait.load(str(folder), device=args.device)
    path = args.out / f"{name}-{seed}.json"
    known = conditions(name, seed, model, args)
    result = json.loads(path.read_text()) if path.exists() else {"conditions": known, "cells": {}}
    if result["conditions"] != known:
        sys.exit(f"{path} was made under other conditions; remove it or choose another --out")
    result["training"] = json.loads((folder / "loss.json").read_text())[-1]
    stream = problems(load_task(args.task), "test", TEST_SEED, args.levels, distinct=True)
    wanted = list(itertools.islice(stream, args.n))
    own = model.layout(cross=ARMS[name].cross)
    layouts = {"own": own, "nap": plait.nap(3, args.total // 3, SUMMARY)}
    measure(model, wanted[: args.batch], "random", args.batch, layout=own, rounds=8)  # warm-up
    for canvas, method, budget in cells(name, args.budgets):
        key = f"{canvas}|{method}|{budget or 'own'}"
        if key in result["cells"]:
            continue
        settings = {"tokens_per_round": budget} if budget else {}
        cell, rights = measure(
            model, wanted, method, args.batch, layout=layouts[canvas], **settings
        )
        result["cells"][key] = cell | {"rights": "".join("01"[r] for r in rights)}
        write_whole(path, json.dumps(result, indent=1) + "\n")
        print(f"{name}-{seed} {key:24} {cell['accuracy']:.3f}  {cell['rounds']:6.1f} rounds")


def conditions(name: str, seed: int, model: plait.Model, args: argparse.Namespace) -> dict:
    """What a reader must know to repeat the numbers."""
    gpu = torch.cuda.get_device_name() if model.device.type == "cuda" else platform.processor()
    own = ("task", "levels", "wrong", "records", "size", "total", "steps", "rows", "rate", "n")
    return {
        "arm": asdict(ARMS[name]),
        "seed": seed,
        **{field: getattr(args, field) for field in own},
        "batch": args.batch,
        "device": f"{model.device.type} {gpu}".strip(),
        "plait": plait.__version__,
        "torch": torch.__version__,
    }


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--task", default="chain", help="a task of plait's own")
    add("--levels", nargs="+", type=int, default=[8], help="of its problems")
    add("--wrong", type=float, default=0.0, help="share of paths that misread a number (chain)")
    add("--arms", nargs="+", default=list(ARMS), choices=ARMS)
    add("--seeds", nargs="+", type=int, default=[0, 1, 2])
    add("--budgets", nargs="+", type=int, default=list(BUDGETS), help="tokens per round")
    add("--records", type=int, default=50_000, help="training problems, six paths each")
    add("--size", default="box", choices=SIZES)
    add("--total", type=int, default=288, help="positions of all streams together")
    add("--steps", type=int, default=6000)
    add("--rows", type=int, default=128, help="rows of a batch")
    add("--rate", type=float, default=1.5e-3)
    add("--graphed", action="store_true", help="steps as CUDA graphs")
    add("--workers", type=int, default=0)
    add("--n", type=int, default=500, help="test problems")
    add("--batch", type=int, default=250)
    add("--device")
    add("--out", type=Path, default=Path("runs/nap"))
    add("--table", type=Path, help="print the results of this folder as Markdown, and stop")
    return parser.parse_args()


def main() -> None:
    """Run or print."""
    args = parse()
    if args.table:
        from nap_table import table

        print(table(args.table, ARMS))
        return
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_float32_matmul_precision("high")
    for seed, name in itertools.product(args.seeds, args.arms):
        run(name, seed, args)


if __name__ == "__main__":
    main()
