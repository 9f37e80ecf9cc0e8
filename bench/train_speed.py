"""How fast `plait train` trains a model of 135 million weights, and where the time goes.

    python bench/train_speed.py --out train-speed.json --profile train-speed.txt

The shape is SmolLM2-135M's with random weights; rows are drawn from plait's own tasks and have 192
positions each. Everything else is what `plait train` does: its data workers, its Trainer, bfloat16
products, AdamW, the average of weights. Each way to run is a process of its own. Operations are
those of the usual count (6 for each weight and position, the embedding counted once as the head,
and attention), whether or not a way leaves some out; `head=masked` computes logits at masked
positions only, and its own count is given beside.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

import plait
from plait.bench.roofline import Ceilings, Work
from plait.bench.shapes import SHAPES
from plait.files import write_whole
from plait.models.box import Slots
from plait.train.callbacks import line
from plait.train.canvas_data import Rows
from plait.train.recipes import Optimiser, Recipe, plait_tiny
from plait.train.run import train
from plait.train.speed import peak

WAYS: dict[str, dict] = {
    "graphed": {"graphed": True},
    "graphed, masked head": {"graphed": True, "head": "masked"},
    "graphed, masked head, not fused": {"graphed": True, "head": "masked", "fused": False},
    "compiled": {"graphed": False},
    "compiled, masked head": {"graphed": False, "head": "masked"},
    "compiled, float32 stream": {"graphed": False, "half": False},
    "not compiled": {"graphed": False, "compiled": False},
}


def recipe(way: str, args: argparse.Namespace, rows: int) -> Recipe:
    """The recipe of the model in the box, with another shape and rows of one width."""
    width = args.positions
    return replace(
        plait_tiny(),
        model=SHAPES[args.shape],
        rows=Rows(
            tasks={"multiply": 0.5, "countdown": 0.5},
            slots=Slots(3, (width - 80) // 3, 20, 3),
            streams=(0.0, 0.0, 1.0),
            usual=0.0,
            lengths=(24, width),
            widths=(width,),
            positions=rows * width,
            workers=args.workers,
        ),
        optimiser=Optimiser(),
        steps=args.steps,
        log_every=args.every,
        save_every=1e9,
        **WAYS[way],
    )


class Profile:
    """Records one stretch of steps, between two rows of the log, with torch's profiler."""

    def __init__(self, file: Path) -> None:
        kinds = [torch.profiler.ProfilerActivity.CPU]
        if torch.cuda.is_available():
            kinds.append(torch.profiler.ProfilerActivity.CUDA)
        self._file, self._seen = file, 0
        self._profiler = torch.profiler.profile(activities=kinds)

    def __call__(self, row: dict[str, float]) -> None:
        """Begin at the second last stretch, and write the table after it."""
        self._seen += 1
        if row["share"] < 1 and self._seen == 3:
            self._profiler.__enter__()
        elif self._seen == 4:
            self._profiler.__exit__(None, None, None)
            by = f"self_{'cuda' if torch.cuda.is_available() else 'cpu'}_time_total"
            table = self._profiler.key_averages().table(
                sort_by=by, row_limit=30, max_name_column_width=70
            )
            write_whole(self._file, table + "\n")


def one(way: str, args: argparse.Namespace, rows: int) -> dict:
    """Train so; the median over stretches of the log, without the first two (compilation)."""
    made = recipe(way, args, rows)
    profile = Profile(args.profile) if args.profile else None

    def watch(row: dict[str, float]) -> None:
        print(line(row), flush=True)
        if profile is not None:
            profile(row)

    with tempfile.TemporaryDirectory() as folder:
        found = train(made, folder, watch=watch).rows[2:]
    speed = statistics.median(row["positions_per_second"] for row in found)
    usual = statistics.median(row["teraflops"] for row in found) * 1e12
    share = 0.5 if made.head == "masked" else 1.0  # of the positions whose logits are computed
    per_row = [
        Work.of(made.model, 1, args.positions, args.positions, read, 2).flops
        for read in (args.positions, round(share * args.positions))
    ]
    own = usual * per_row[1] / per_row[0]
    top = peak()
    return {
        "way": way,
        "rows": rows,
        "positions_per_second": round(speed),
        "tflops": round(usual / 1e12, 1),
        "tflops_computed": round(own / 1e12, 1),
        "share_of_peak": None if top is None else round(usual / top, 4),
        "share_of_peak_computed": None if top is None else round(own / top, 4),
        "memory_gib": round(torch.cuda.max_memory_allocated() / 2**30, 1)
        if torch.cuda.is_available()
        else None,
    }


def conditions(args: argparse.Namespace) -> dict:
    """What a reader must know, and the measured ceiling of a matrix product."""
    gpu = torch.cuda.is_available()
    device = torch.device("cuda" if gpu else "cpu")
    ceiling = Ceilings.measured(device, torch.bfloat16).flops
    return {
        "device": torch.cuda.get_device_name() if gpu else platform.processor() or "cpu",
        "shape": args.shape,
        "positions": args.positions,
        "optimiser": "AdamW",
        "steps": args.steps,
        "peak_tflops": None if peak() is None else round(peak() / 1e12),
        "matmul_tflops": round(ceiling / 1e12, 1),
        "plait": plait.__version__,
        "torch": torch.__version__,
    }


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--out", type=Path, default=Path("train-speed.json"))
    add("--profile", type=Path, help="a table of kernels goes here, of the last of --ways")
    add("--ways", nargs="+", default=list(WAYS)[:5], choices=WAYS)
    add("--rows", nargs="+", type=int, default=[128, 256], help="rows of a batch")
    add("--shape", default="smollm2", choices=SHAPES)
    add("--positions", type=int, default=192)
    add("--steps", type=int, default=100)
    add("--every", type=int, default=10, help="steps of a stretch")
    add("--workers", type=int, default=14)
    add("--one", action="store_true", help="the first way and number of rows, in this process")
    return parser.parse_args()


def main() -> None:
    """Run every way in a process of its own, and keep what comes out."""
    args = parse()
    torch.set_float32_matmul_precision("high")
    if args.one:
        print(json.dumps(one(args.ways[0], args, args.rows[0])))
        return
    result: dict = {"conditions": conditions(args), "runs": []}
    for rows in args.rows:
        for way in args.ways:
            last = (rows, way) == (args.rows[-1], args.ways[-1])
            command = [sys.executable, __file__, "--one", "--ways", way, "--rows", str(rows)]
            for name in ("shape", "positions", "steps", "every", "workers"):
                command += [f"--{name}", str(getattr(args, name))]
            command += ["--profile", str(args.profile)] if args.profile and last else []
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
            print(done.stdout, flush=True)
            if done.returncode:
                result["runs"].append({"way": way, "rows": rows, "failed": done.returncode})
                continue
            found = json.loads(done.stdout.splitlines()[-1])
            ceiling = result["conditions"]["matmul_tflops"]
            found["share_of_matmul"] = round(found["tflops"] / ceiling, 4)
            result["runs"].append(found)
            write_whole(args.out, json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
