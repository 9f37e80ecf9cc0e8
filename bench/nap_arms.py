"""What bench/nap_compare.py trains: the paths, the arms that see them, and their recipe."""

import argparse
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from plait.data.problem import Problem, length, problems
from plait.data.tasks import chain
from plait.data.tasks import load as load_task
from plait.files import as_json, write_whole
from plait.models import box
from plait.models.codec import TokenizerCodec
from plait.models.config import Config
from plait.train import laws, weights
from plait.train.corrupt import Corruption
from plait.train.recipes import BOUND, Objective, Optimiser, Recipe, Records

CODEC = box.HERE / "plait-tiny" / box.CODEC
SUMMARY, MOST = 16, 6  # positions of the summary, paths of a record
TRIES = 20  # of what may come out like something that is there


@dataclass(frozen=True)
class Arm:
    """How one model is trained; all else is the same."""

    form: str = "nap"
    streams: int = 3
    law: str = "bernoulli"
    cart: bool = False
    cross: str = "full"
    keep: str = "all"


ARMS = {  # base is also NAP with one stream
    "base": Arm("single", 1),
    "long_cot": Arm("long_cot"),
    "nap": Arm(),
    "nap_2": Arm(streams=2),
    "nap_6": Arm(streams=6),
    "nap_correct": Arm(keep="correct"),
    "nap_blocked": Arm(cross="blocked"),
    "nap_cart": Arm(cart=True),
    "nap_rpim": Arm(law="rpim"),
    "nap_rpim_cart": Arm(law="rpim", cart=True),
}
SIZES = {  # width, layers, heads, hidden
    "tiny": (32, 2, 2, 64),
    "small": (256, 6, 4, 704),
    "box": (320, 9, 5, 896),
}


def slip(problem: Problem, rng: random.Random) -> str:
    """A path of a chain that misreads one gain or loss; empty if none can be written."""
    start, steps = problem.facts
    places = [i for i, (sign, _) in enumerate(steps) if sign in "+-"]
    for _ in range(TRIES if places else 0):
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


def reordered(problem: Problem, rng: random.Random) -> str:
    """A path of a chain with the gains and losses of each run in any order; empty if too long."""
    start, steps = problem.facts
    order = tuple(step for run in chain.runs(steps) for step in rng.sample(run, len(run)))
    text = chain.one_by_one(start, order) if chain.totals(start, order) else ""
    return text if length(text) <= chain.LONGEST else ""


def drawn(problem: Problem, rng: random.Random) -> dict[str, bool]:
    """Different paths of a problem, at most six, and whether each is right."""
    paths = load_task(problem.task).paths(problem, rng, MOST)
    found = {path.text: path.correct for path in paths}
    for _ in range(TRIES if problem.task == "chain" else 0):
        text = reordered(problem, rng)
        if text and len(found) < MOST:
            found.setdefault(text, True)
    return found


def record(problem: Problem, rng: random.Random, wrong: float) -> dict | None:
    """A problem with six different paths; None if it has fewer.

    Each is replaced by one that misreads a number with probability `wrong` (chains only).
    """
    found = drawn(problem, rng)
    waiting, paths = list(found.items()), {}
    for _ in range(MOST):
        text = slip(problem, rng) if rng.random() < wrong else ""
        if text and text not in paths and text not in found:
            paths[text] = False
        elif waiting:
            right, flag = waiting.pop()
            paths[right] = flag
    if len(paths) < MOST:
        return None
    told = [{"text": text, "correct": right} for text, right in paths.items()]
    return {"prompt": problem.prompt, "paths": told, "answer": problem.answer}


def fitting(args: argparse.Namespace) -> Iterator[dict]:
    """Records whose every path fits the slots of six streams, so that all arms use the same."""
    codec, rng = TokenizerCodec.read(CODEC), random.Random(f"records/{args.task}")
    for problem in problems(load_task(args.task), "train", 0, args.levels, distinct=True):
        row = record(problem, rng, args.wrong)
        texts = [path["text"] for path in row["paths"]] if row else [""]
        if (
            row
            and max(len(codec.encode(text)) for text in texts) < args.total // MOST
            and len(codec.encode(row["answer"])) < SUMMARY
        ):
            yield row


def records_file(args: argparse.Namespace) -> Path:
    """The training records; written once, the same for all arms and seeds."""
    path = args.out / "records.jsonl"
    if not path.exists():
        rows = (row for row, _ in zip(fitting(args), range(args.records), strict=False))
        write_whole(path, "".join(as_json(row) + "\n" for row in rows))
    return path


def wrong_share(path: Path, records: int) -> float:
    """The share of the paths of a file that are wrong; ends the run if it has other records."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    if len(rows) != records:
        raise SystemExit(f"{path} has {len(rows)} records and not {records}: remove it")
    flags = [path["correct"] for row in rows for path in row["paths"]]
    return 1 - sum(flags) / len(flags)


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
        codec=CODEC,
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
