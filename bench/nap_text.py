"""NAP on real text: an autoregressive checkpoint becomes a diffusion model that solves GSM8K.

    python bench/nap_text.py --arm nap --model SMOLLM2 --data-dir DATA --out runs/text \\
        --decoders nap:3 nap:3:inside=ar
    python bench/nap_text.py ... --split test       # once, at the end

Arms start from one checkpoint and train on the same records for the same number of steps: `ar`
(causal, greedy), `mdm` (one path on the canvas), `long_cot` (several paths one after another),
`nap` (the same paths side by side). `*_text` write the worked solution where the others write the
equations, `*_short` leave it out. --model may be the folder of a trained `ar`. Settings are chosen
on the 500 training problems that are held out (--split valid). A cell is kept as soon as it is
done, so that a stopped run continues; a run under other conditions needs another --name.
"""

import argparse
import ast
import json
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import gsm8k_records
import nap_text_ar
import torch
from gsm8k_records import Asked
from in_the_box import cell
from nap_text_arms import ARMS, Arm, recipe, records_file
from results import begun, flags, keep, split

import plait
from plait.files import write_whole
from plait.train.callbacks import line
from plait.train.records import KEPT
from plait.train.run import train

FACTS = (
    "shift",
    "anneal",
    "block",
    "optimiser",
    "rate",
    "warmup",
    "steps",
    "minutes",
    "rows",
    "streams",
)
MORE = (
    "length",
    "variants",
    "ends",
    "weight",
    "average",
    "pool",
    "fill",
    "lora",
    "half",
    "dtype",
    "ordered",
    "wrong",
    "keep",
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
    found = train(made, folder, watch=lambda row: print(line(row), flush=True))
    if found.stopped:
        (folder / "README.md").unlink()
        sys.exit(f"{folder}: stopped after {found.steps} steps; remove it to train anew")
    return folder


def decoded(
    model: plait.Model, wanted: Sequence[Asked], decoder: str, args: argparse.Namespace
) -> dict:
    """One cell: `decoder` is METHOD, its tokens per round and its settings: nap:3:inside=ar."""
    method, budget, more = split(decoder)
    settings: dict = {"tokens_per_round": int(budget)} if budget else {}
    for pair in filter(None, more.split(",")):
        name, _, value = pair.partition("=")
        settings[name] = valued(value)
    if args.cache:
        settings["cache"] = args.cache
    order = sorted(range(len(wanted)), key=lambda i: len(wanted[i].question))
    prompts = [wanted[i].question for i in order]  # rows of a batch are about equally long
    start = time.perf_counter()
    settings |= {"batch_size": args.batch, "engine": args.engine}
    rows = list(plait.generate(model, prompts, method, **settings))
    seconds = time.perf_counter() - start
    answers = dict(zip(order, rows, strict=True))
    pairs = [(item, answers[i]) for i, item in enumerate(wanted)]
    rights = [item.right(answer.answer) for item, answer in pairs]
    told = cell([answer for _, answer in pairs], rights, seconds)
    streams = range(len(rows[0].streams))  # of which each is judged by the number that it ends on
    told["stream_rights"] = [flags([i.right(a.streams[k]) for i, a in pairs]) for k in streams]
    return told | {"rights": flags(rights), "texts": [a.text for _, a in pairs[:8]]}


def valued(text: str) -> int | float | str:
    """A number where it is one."""
    try:
        found: int | float = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    return found


def run(args: argparse.Namespace) -> None:
    """Train an arm if its model is not there, then fill in the cells that are missing."""
    arm, name = ARMS[args.arm], args.name or f"{args.arm}-{args.seed}"
    folder, path = trained(name, arm, args), args.out / f"{name}.json"
    known = conditions(name, arm, args)
    result = begun(path, known, "--name")
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
            found = decoded(model, wanted, decoder, args)
        found |= {"batch": args.batch, "engine": args.engine, "cache": args.cache}
        texts = found.pop("texts")  # apart from the numbers: they tell of the data set's problems
        (args.out / "texts").mkdir(exist_ok=True)
        file = args.out / "texts" / f"{name}-{re.sub('[^a-z0-9]+', '-', key)}.json"
        write_whole(file, json.dumps(texts, indent=1) + "\n")
        result["cells"][key] = found
        keep(path, result)
        print(f"{name} {key} {found['accuracy']:.4f} {found['interval95']} "
              f"{found['rounds']:.1f} rounds {found['seconds']} s", flush=True)  # fmt: skip


def loaded(folder: Path, args: argparse.Namespace) -> plait.Model:
    """The trained model."""
    where = {"name": str(folder)}
    if args.lora:
        where = {"name": str(folder / "start"), "adapter": str(folder)}
    return plait.load(**where, device=args.device, dtype=args.dtype)


def conditions(name: str, arm: Arm, args: argparse.Namespace) -> dict:
    """What a reader must know to repeat the numbers."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    return {
        "name": name,
        "arm": {**asdict(arm), "kinds": list(arm.kinds)},
        "seed": args.seed,
        "start": args.model.name,
        **{field: getattr(args, field) for field in FACTS + MORE},
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
    add("--ordered", action="store_true", help="each kind of path in a slot of its own")
    add("--wrong", type=float, default=0.0, help="share of paths that go wrong in a step")
    add("--keep", default="all", choices=KEPT, help="what becomes of wrong paths: rows.keep")
    add("--variants", type=int, default=8, help="of a problem, with other numbers")
    add("--optimiser", default="adamw", choices=("adamw", "muon"))
    add("--rate", type=float, default=3e-4)
    add("--warmup", type=int, default=100)
    add("--average", type=float, default=0.999)
    add("--shift", action="store_true", help="keep the shift of the checkpoint")
    add("--anneal", type=int, default=0, help="steps in which the causal mask opens")
    add("--block", type=int, default=0, help="block diffusion with clean context; 0 = none")
    add("--weight", default="inverse", choices=("inverse", "none", "cart"))
    add("--ends", default="one", choices=("each", "one"), help="the tail of ends is masked as one")
    add("--lora", type=int, default=0, help="rank of an adapter in place of all weights; 0 = none")
    add("--half", action="store_true", help="residual stream in bfloat16")
    add("--multiple", type=int, default=64, help="positions that batches are padded to")
    add("--pool", type=int, default=8, help="batches that share out their rows by length")
    add("--fill", action=argparse.BooleanOptionalAction, default=True, help="with trained ends")
    add("--workers", type=int, default=0)
    add("--split", default="valid", choices=("valid", "test"))
    add("--n", type=int, help="problems; by default all")
    add("--decoders", nargs="*", default=["nap:3"], help="METHOD:TOKENS_PER_ROUND:NAME=VALUE,...")
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
