"""NAP on real text: an autoregressive checkpoint becomes a diffusion model that solves GSM8K.

    python bench/nap_text.py --arm nap --model SMOLLM2 --data-dir DATA --out runs/text \\
        --decoders nap:3 confidence:3
    python bench/nap_text.py ... --split test       # once, at the end

Arms start from one checkpoint and train on the same records for the same number of steps: `ar`
(causal, greedy), `mdm` (one path on the canvas), `long_cot` (several paths one after another),
`nap` (the same paths side by side). `*_text` write the worked solution where the others write the
equations. Settings are chosen on the 500 training problems that are held out (--split valid). A
cell is kept as soon as it is done, so that a stopped run continues; a run under other conditions
needs another --name.
"""

import argparse
import json
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import gsm8k_records
import nap_text_ar
import torch
from gsm8k_paths import KINDS
from gsm8k_records import Asked
from in_the_box import cell

import plait
from plait.files import write_whole
from plait.train import weights
from plait.train.batches import Ends
from plait.train.callbacks import line
from plait.train.corrupt import Corruption
from plait.train.recipes import Optimiser, Recipe, Records, Start, convert
from plait.train.run import train
from plait.train.view import View

SUMMARY = 16  # positions of the answer
ORDERS = {"nap_ar": ("nap", {"inside": "ar"}), "llada16": ("llada", {"block": 16})}
FACTS = ["shift", "anneal", "block", "rate", "warmup", "steps", "minutes", "rows", "streams"]
FACTS += ["length", "variants", "ends", "weight", "average", "pool", "fill", "half", "dtype"]


@dataclass(frozen=True)
class Arm:
    """What becomes of the same problems."""

    form: str
    kinds: tuple[str, ...] = KINDS
    causal: bool = False


EQUATIONS, TEXT = ("equations",), ("text", "equations")  # the second where the first does not fit
ARMS = {
    "ar": Arm("single", EQUATIONS, causal=True),
    "mdm": Arm("single", EQUATIONS),
    "long_cot": Arm("long_cot"),
    "nap": Arm("nap"),
    "ar_text": Arm("single", TEXT, causal=True),
    "mdm_text": Arm("single", TEXT),
    "ar_all": Arm("single", causal=True),
    "mdm_all": Arm("single"),
}


def records_file(arm: Arm, args: argparse.Namespace) -> Path:
    """The records of the arm's kinds of paths; written once."""
    kinds = arm.kinds[:1] if arm.kinds == TEXT else arm.kinds
    name = f"records-{'all' if kinds == KINDS else kinds[0]}-{args.length}-{args.variants}.jsonl"
    path = args.records / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        words = nap_text_ar.codec(args.model)
        fields = (path, args.data_dir, arm.kinds, words, args.length, args.variants)
        print(f"{path}: {gsm8k_records.write(*fields)}", flush=True)
    return path


def recipe(arm: Arm, args: argparse.Namespace) -> Recipe:
    """The arm's training. Block diffusion needs streams that do not see each other."""
    streams = 1 if arm.form == "single" else args.streams
    kind = {"attention": "block", "block": args.block} if args.block else {"attention": "full"}
    base = convert()
    return replace(
        base,
        model=Start(str(args.model), shift="yes" if args.shift else "no", **kind),
        rows=Records(
            records_file(arm, args),
            form=arm.form,
            streams=streams,
            length=args.length,
            summary=SUMMARY,
            cross="blocked" if args.block and arm.form == "nap" else "full",
            ends=Ends(),
            rows=args.rows,
            template=False,
            multiple=args.multiple,
            pool=args.pool,
            fill=args.fill,
            workers=args.workers,
        ),
        corruption=Corruption(per="block" if args.block else "row", ends=args.ends),
        view=View("clean", block=args.block) if args.block else View(anneal=args.anneal),
        objective=replace(
            base.objective,
            weight=weights.load(args.weight),
            normaliser="free" if args.weight == "inverse" else "masked",
        ),
        optimiser=Optimiser(args.rate, args.warmup, 1.0, (0.9, 0.95), 0.01),
        average=args.average,
        steps=args.steps,
        minutes=args.minutes,
        compiled=not args.anneal,
        half=args.half,
        log_every=max(1, args.steps // 40),
        save_every=60.0,
        checkpoints=0,
        seed=args.seed,
    )


def trained(name: str, arm: Arm, args: argparse.Namespace) -> Path:
    """The folder of the arm's model, which is trained if it is not there."""
    folder = args.out / name
    if (folder / "README.md").exists():
        return folder
    made = recipe(arm, args)
    if arm.causal:
        nap_text_ar.train(made, args.model, folder)
        return folder
    if folder.exists():
        sys.exit(f"{folder} holds a run that did not end; remove it or choose another --name")
    train(made, folder, watch=lambda row: print(line(row), flush=True))
    return folder


def decoded(
    model: plait.Model, wanted: Sequence[Asked], decoder: str, args: argparse.Namespace, cross: str
) -> dict:
    """One cell: `decoder` is a method and its tokens per round, as in nap:3."""
    name, _, budget = decoder.partition(":")
    method, settings = ORDERS.get(name, (name, {}))
    settings = settings | ({"tokens_per_round": int(budget)} if budget else {})
    if args.cache:
        settings["cache"] = args.cache
    order = sorted(range(len(wanted)), key=lambda i: len(wanted[i].question))
    prompts = [wanted[i].question for i in order]  # rows of a batch are about equally long
    start = time.perf_counter()
    layout = model.layout(cross=cross)
    settings |= {"batch_size": args.batch, "engine": args.engine}
    found = plait.generate(model, prompts, method, layout=layout, **settings)
    rows = list(found)
    seconds = time.perf_counter() - start
    answers = dict(zip(order, rows, strict=True))
    rights = [item.right(answers[i].answer) for i, item in enumerate(wanted)]
    texts = [answers[i].text for i in range(min(8, len(wanted)))]
    told = cell([answers[i] for i in range(len(wanted))], rights, seconds)
    return told | {"rights": "".join("01"[r] for r in rights), "texts": texts}


def run(args: argparse.Namespace) -> None:
    """Train an arm if its model is not there, then fill in the cells that are missing."""
    arm, name = ARMS[args.arm], args.name or f"{args.arm}-{args.seed}"
    folder, path = trained(name, arm, args), args.out / f"{name}.json"
    known = conditions(name, arm, args)
    result = json.loads(path.read_text()) if path.exists() else {"conditions": known, "cells": {}}
    if result["conditions"] != known:
        sys.exit(f"{path} was made under other conditions; choose another --name")
    result["training"] = json.loads((folder / "loss.json").read_text())[-1]
    wanted = gsm8k_records.asked(args.data_dir, args.split)[: args.n]
    model = None
    for decoder in ["greedy"] if arm.causal else args.decoders:
        key = f"{args.split}|{decoder}|{len(wanted)}"
        if key in result["cells"]:
            continue
        if arm.causal:
            found = nap_text_ar.measure(folder, wanted, args.batch, args.length + 32, args.device)
        else:
            model = model or loaded(folder, args)
            cross = "blocked" if args.block and arm.form == "nap" else "full"
            found = decoded(model, wanted, decoder, args, cross)
        texts = found.pop("texts")  # apart from the numbers: they tell of the data set's problems
        write_whole(
            args.out / f"{name}-{re.sub('[^a-z0-9]+', '-', key)}.texts.json", json.dumps(texts)
        )
        result["cells"][key] = found
        write_whole(path, json.dumps(result, indent=1) + "\n")
        print(f"{name} {key} {found['accuracy']:.4f} {found['interval95']} "
              f"{found['rounds']:.1f} rounds {found['seconds']} s", flush=True)  # fmt: skip


def loaded(folder: Path, args: argparse.Namespace) -> plait.Model:
    """The trained model, for prompts without a chat template."""
    model = plait.load(str(folder), device=args.device, dtype=args.dtype)
    return replace(model, codec=model.codec.bare())


def conditions(name: str, arm: Arm, args: argparse.Namespace) -> dict:
    """What a reader must know to repeat the numbers."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    return {
        "name": name,
        "arm": {**asdict(arm), "kinds": list(arm.kinds)},
        "seed": args.seed,
        **{field: getattr(args, field) for field in FACTS},
        "device": gpu,
        "plait": plait.__version__,
        "torch": torch.__version__,
    }


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--arm", choices=ARMS, default="nap")
    add("--name", help="of the run; by default the arm and the seed")
    add("--seed", type=int, default=0)
    add("--model", type=Path, required=True, help="folder of the causal checkpoint")
    add("--data-dir", type=Path, required=True, help="holds gsm8k/train.jsonl and so on")
    add("--records", type=Path, help="folder of the records; by default that of --out")
    add("--out", type=Path, default=Path("runs/text"))
    add("--steps", type=int, default=3000)
    add("--minutes", type=float, default=0.0, help="at most; 0 = no limit")
    add("--rows", type=int, default=64, help="rows of a batch")
    add("--streams", type=int, default=3)
    add("--length", type=int, default=128, help="positions of a stream")
    add("--variants", type=int, default=8, help="of a problem, with other numbers")
    add("--rate", type=float, default=3e-4)
    add("--warmup", type=int, default=100)
    add("--average", type=float, default=0.999)
    add("--shift", action="store_true", help="keep the shift of the checkpoint")
    add("--anneal", type=int, default=0, help="steps in which the causal mask opens")
    add("--block", type=int, default=0, help="block diffusion with clean context; 0 = none")
    add("--weight", default="inverse", choices=("inverse", "none", "cart"))
    add("--ends", default="one", choices=("each", "one"), help="the tail of ends is masked as one")
    add("--half", action="store_true", help="residual stream in bfloat16")
    add("--multiple", type=int, default=64, help="positions that batches are padded to")
    add("--pool", type=int, default=8, help="batches that share out their rows by length")
    add("--fill", action=argparse.BooleanOptionalAction, default=True, help="with trained ends")
    add("--workers", type=int, default=0)
    add("--split", default="valid", choices=("valid", "test"))
    add("--n", type=int, help="problems; by default all")
    add("--decoders", nargs="*", default=["nap:3"], help="METHOD or METHOD:TOKENS_PER_ROUND")
    add("--cache", help="of the decoders")
    add("--engine", action="store_true", help="decode by the engine")
    add("--batch", type=int, default=128)
    add("--device")
    add("--dtype", default="bfloat16")
    add("--records-only", action="store_true", help="write the records, and stop")
    args = parser.parse_args()
    args.records = args.records or args.out
    return args


def main() -> None:
    """Run, or prepare."""
    args = parse()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_float32_matmul_precision("high")
    if args.records_only:
        records_file(ARMS[args.arm], args)
        return
    run(args)


if __name__ == "__main__":
    main()
