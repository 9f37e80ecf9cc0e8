"""NAP against its baselines: same base, steps and paths, several decoders and seeds.

    bench/nap_base.sh 0 4.5 runs/nap/base
    python bench/nap_compare.py --task chain --seeds 0 --base runs/nap/base --out runs/nap/chain
    bench/nap_compare.sh runs/nap "0 1" 3
    python bench/nap_compare.py --table runs/nap/chain > docs/results/nap.md
    python bench/nap_compare.py --table runs/nap/chain --figure docs/figures/nap.png

A base is trained first, one for each seed: fresh problems with one right path. The arm `base` is
that model as it is. Each other arm goes on from it for the same steps on the same records, and is
decoded by every method at every budget. A cell is kept as soon as it is done. With --share,
several processes work on one folder, on several GPUs too: each takes an arm and seed that nobody
has taken. A second run leaves out what is in the JSON files. An arm whose model is gone and whose
cells are not all there is trained anew, and its cells are then those of the new model.

With --wrong, a path of a chain misreads one number with that probability and goes on from there:
its result is wrong, as one path often is in real data. Of countdown's paths some fail by
themselves. Answers are always right.

All arms answer by `confidence` and `nap`, those of MAIN by the other methods too. `base`, `single`
and `long_cot` also answer on NAP's canvas (the paper's Table 4).
"""

import argparse
import itertools
import json
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from in_the_box import answered, cell
from nap_arms import ARMS, recipe
from nap_records import SUMMARY, TOTAL, records_file, wrong_share
from results import begun, digest, flags, keep

import plait
from plait.data.problem import problems
from plait.data.tasks import load as load_task
from plait.errors import PlaitError
from plait.files import locked
from plait.models.load import config_of
from plait.train.callbacks import line
from plait.train.run import checkpoint, train

TEST_SEED = 2026
WEIGHTS = "model.safetensors"
BUDGETS = (1, 2, 3, 4, 8)
METHODS = ("confidence", "nap", "ar", "random", "llada", "fast_dllm")
CROSS = METHODS[:2]  # on NAP's canvas, whatever the arm was trained on
MAIN = ("base", "single", "long_cot", "nap")
CONDITIONS = (
    *("task", "levels", "wrong", "records", "steps", "rows", "rate", "split", "n", "batch"),
)


def cells(
    name: str, budgets: Sequence[int], among: Sequence[str]
) -> list[tuple[str, str, int | None]]:
    """Canvas, method and tokens per round of everything that is decoded with an arm."""
    methods = [m for m in (METHODS if name in MAIN else CROSS) if m in among]
    found: list[tuple[str, str, int | None]] = [
        ("own", m, b) for m in methods if m != "fast_dllm" for b in budgets
    ]
    if "fast_dllm" in methods:
        found.append(("own", "fast_dllm", None))  # it decides by itself how many tokens to write
    crossed = name in MAIN and name != "nap"
    return found + [("nap", m, b) for m in CROSS for b in budgets if crossed and m in among]


def key(canvas: str, method: str, budget: int | None) -> str:
    """The name of a cell in a file."""
    return f"{canvas}|{method}|{budget or 'own'}"


def done(name: str, seed: int, args: argparse.Namespace) -> bool:
    """Say whether all cells of an arm and seed are there."""
    path = args.out / f"{name}-{seed}.json"
    wanted = {key(*cell) for cell in cells(name, args.budgets, args.methods)}
    return path.exists() and wanted <= json.loads(path.read_text())["cells"].keys()


def trained(name: str, seed: int, args: argparse.Namespace) -> dict:
    """The result so far, of a model that is trained first if it is not there."""
    folder, path = model_of(name, seed, args), args.out / f"{name}-{seed}.json"
    known = conditions(name, seed, args)
    result = begun(path, known)
    if path.exists() and (folder / WEIGHTS).exists():
        return result
    if not ARMS[name].tuned:
        rows = json.loads((folder / "loss.json").read_text())
        return {"conditions": known, "data": "no records", "training": rows[-1], "cells": {}}
    started = any(folder.glob("checkpoint-*/progress.json"))
    found = train(
        recipe(ARMS[name], seed, args),
        folder,
        watch=lambda row: print(line(row), flush=True) if args.loss else None,
        resume=checkpoint(folder) if started else None,
    )
    if found.stopped:
        sys.exit("stopped in training")
    result = {"conditions": known, "data": found.data, "training": found.rows[-1], "cells": {}}
    keep(path, result)
    return result


def model_of(name: str, seed: int, args: argparse.Namespace) -> Path:
    """The folder of an arm's model."""
    own = args.out / f"{name}-{seed}"
    return own if ARMS[name].tuned else args.base / str(seed)


def run(name: str, seed: int, args: argparse.Namespace) -> None:
    """Train an arm if its model is not there, then fill in the cells that are missing."""
    began = time.perf_counter()
    result = trained(name, seed, args)
    print(f"{name}-{seed} trained after {time.perf_counter() - began:.0f} s", flush=True)
    model = plait.load(str(model_of(name, seed, args)), device=args.device, dtype=args.dtype)
    draw = TEST_SEED + (args.split == "train")
    stream = problems(load_task(args.task), args.split, draw, args.levels, distinct=True)
    wanted = list(itertools.islice(stream, args.n))
    own = model.layout(cross=ARMS[name].cross)
    layouts = {"own": own, "nap": plait.nap(3, TOTAL // 3, SUMMARY)}
    answered(model, wanted[: args.batch], "random", args.batch, layout=own, rounds=8)  # warm-up
    for canvas, method, budget in cells(name, args.budgets, args.methods):
        name_of = key(canvas, method, budget)
        if name_of in result["cells"]:
            continue
        settings = {"tokens_per_round": budget} if budget else {}
        start = time.perf_counter()
        rows, rights = answered(
            model, wanted, method, args.batch, layout=layouts[canvas], **settings
        )
        found = cell(rows, rights, time.perf_counter() - start)
        each = " ".join(f"{1000 * row.arness['global@1']:.0f}" for row in rows)
        result["cells"][name_of] = found | {"rights": flags(rights), "arness_per_mille": each}
        keep(args.out / f"{name}-{seed}.json", result)
        print(
            f"{args.task} {name}-{seed} {name_of:18} {found['accuracy']:.3f}  "
            f"{found['rounds']:6.1f} rounds  {found['seconds']:5.1f} s",
            flush=True,
        )
    print(f"{name}-{seed} done after {time.perf_counter() - began:.0f} s", flush=True)


def share(args: argparse.Namespace) -> None:
    """Run what is neither done nor taken, each arm and seed in a process of its own.

    A process of its own gives back all memory, and its failure is nobody else's.
    """
    while not (args.out / "records.jsonl").exists():
        try:
            with locked(args.out / "records.lock"):
                records_file(args)
        except PlaitError:  # another process is writing them
            time.sleep(0.5)
    for seed, name in itertools.product(args.seeds, args.arms):
        try:
            with locked(args.out / f"{name}-{seed}.lock"):
                if not done(name, seed, args):
                    own = ["--no-share", "--arms", name, "--seeds", str(seed)]
                    subprocess.run([sys.executable, *sys.argv, *own], check=False)
        except PlaitError:
            continue


def conditions(name: str, seed: int, args: argparse.Namespace) -> dict:
    """What a reader must know to repeat the numbers."""
    cuda = torch.cuda.is_available() and args.device != "cpu"
    records, start = records_file(args), args.base / str(seed)
    if not (start / WEIGHTS).exists():
        sys.exit(f"{start} has no model: train it by bench/nap_base.sh {seed} MINUTES {args.base}")
    shape = config_of(str(start))
    return {
        "arm": asdict(ARMS[name]),
        "seed": seed,
        "base": digest(str(start)),
        "size": f"{shape.layers} layers of width {shape.width}",
        **{field: getattr(args, field) for field in CONDITIONS},
        "positions of all streams": TOTAL,
        "summary": SUMMARY,
        "wrong paths": round(wrong_share(records, args.records), 3),
        "decoding": f"{args.dtype}{', TF32 products' * (cuda and args.dtype == 'float32')}",
        "device": f"cuda {torch.cuda.get_device_name()}" if cuda else f"cpu {platform.processor()}",
        "plait": plait.__version__,
        "torch": torch.__version__,
    }


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--task", default="chain", help="a task of plait's own")
    add("--levels", nargs="+", type=int, default=[4, 5], help="of its problems")
    add("--wrong", type=float, default=0.0, help="share of paths that misread a number (chain)")
    add("--arms", nargs="+", default=list(ARMS), choices=ARMS)
    add("--seeds", nargs="+", type=int, default=[0, 1, 2])
    add("--budgets", nargs="+", type=int, default=list(BUDGETS), help="tokens per round")
    add("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    add("--base", type=Path, default=Path("runs/nap/base"), help="of bench/nap_base.sh")
    add("--records", type=int, default=60_000, help="training problems, six paths each")
    add("--steps", type=int, default=1500)
    add("--rows", type=int, default=128, help="rows of a batch")
    add("--rate", type=float, default=5e-4)
    add("--graphed", action="store_true", help="steps as CUDA graphs")
    add("--workers", type=int, default=0)
    add("--n", type=int, default=400, help="test problems")
    add("--batch", type=int, default=400)
    add("--split", default="test", choices=("test", "train"), help="train: to choose settings")
    add("--device")
    add("--dtype", default="float32", choices=("float32", "bfloat16"), help="of decoding")
    add("--loss", action="store_true", help="print the loss while training")
    add("--share", action=argparse.BooleanOptionalAction, help="work with other processes")
    add("--out", type=Path, default=Path("runs/nap/chain"))
    add("--table", type=Path, nargs="+", help="print the results of these folders, and stop")
    add("--figure", type=Path, help="with --table: draw accuracy against tokens per round here")
    return parser.parse_args()


def main() -> None:
    """Run or print."""
    args = parse()
    if args.table:
        from nap_table import show

        show(args.table, ARMS, args.figure)
        return
    args.out.mkdir(parents=True, exist_ok=True)
    if args.share:
        share(args)
        return
    torch.set_float32_matmul_precision("high")
    for seed, name in itertools.product(args.seeds, args.arms):
        if not done(name, seed, args):
            run(name, seed, args)


if __name__ == "__main__":
    main()
