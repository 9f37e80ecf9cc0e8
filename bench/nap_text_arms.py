"""The arms of bench/nap_text.py: which records each is trained on, and by which recipe."""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import gsm8k_records
import nap_text_ar
from gsm8k_paths import KINDS

from plait.train import weights
from plait.train.batches import Ends
from plait.train.corrupt import Corruption
from plait.train.recipes import Lora, Optimiser, Recipe, Records, Start, convert
from plait.train.view import View

SUMMARY = 16  # positions of the answer


@dataclass(frozen=True)
class Arm:
    """What becomes of the same problems."""

    form: str
    kinds: tuple[str, ...] = KINDS
    causal: bool = False
    keep: int = len(KINDS)  # paths of a record, the first kinds first


EQUATIONS, TEXT = ("equations",), ("text", "equations")
SHORT = ("equations", "backward", "swapped")  # a third of the positions of a worked solution
ARMS = {
    "ar": Arm("single", EQUATIONS, causal=True),
    "mdm": Arm("single", EQUATIONS),
    "long_cot": Arm("long_cot"),
    "nap": Arm("nap"),
    "long_cot_short": Arm("long_cot", SHORT),
    "nap_short": Arm("nap", SHORT),
    "ar_text": Arm("single", TEXT, causal=True, keep=1),
    "mdm_text": Arm("single", TEXT, keep=1),
    "ar_all": Arm("single", causal=True),
    "mdm_all": Arm("single"),
}


def records_file(arm: Arm, args: argparse.Namespace) -> Path:
    """The records of the arm's kinds of paths; written once."""
    kinds = arm.kinds[:1] if arm.kinds == TEXT else arm.kinds
    called = "all" if kinds == KINDS else "-".join(kinds)
    wrong = f"-wrong{args.wrong:g}" if args.wrong else ""
    name = f"records-{called}-{args.length}-{args.variants}{wrong}.jsonl"
    path = args.records / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        words = nap_text_ar.codec(args.model)
        fields = (path, args.data_dir, arm.kinds, words, args.length, args.variants, arm.keep)
        fields += (args.wrong,)
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
            shuffle=not args.ordered,
            keep=args.keep,
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
        optimiser=Optimiser(
            args.optimiser, args.rate, args.warmup, cooldown=1.0, betas=(0.9, 0.95), decay=0.01
        ),
        lora=Lora(args.lora),
        average=args.average,
        steps=args.steps,
        minutes=args.minutes,
        compiled=not args.anneal,
        half=args.half,
        log_every=max(1, min(50, args.steps // 40)),
        save_every=60.0,
        checkpoints=0,
        seed=args.seed,
    )
