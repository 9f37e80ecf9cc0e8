"""What bench/nap_compare.py trains: the base that all start from, the arms, and their recipe."""

import argparse
from dataclasses import dataclass

from nap_records import SUMMARY, TOTAL, records_file

from plait.models.box import Slots
from plait.models.config import Config
from plait.models.load import config_of
from plait.train import laws, weights
from plait.train.canvas_data import Rows
from plait.train.corrupt import Corruption
from plait.train.recipes import BOUND, Objective, Optimiser, Recipe, Records, Start, plait_tiny

CONTEXT = 296  # positions: a prompt of up to 65, six headers and that of the summary, the slots


@dataclass(frozen=True)
class Arm:
    """How one model is trained on the records; all else is the same."""

    form: str = "nap"
    streams: int = 3
    law: str = "bernoulli"
    cart: bool = False
    cross: str = "full"
    keep: str = "all"
    tuned: bool = True  # False: the base as it is


ARMS = {  # single is also NAP with one stream
    "base": Arm("single", 1, tuned=False),
    "single": Arm("single", 1),
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


def base() -> Recipe:
    """What the arms start from: fresh problems, one right path each, in one stream.

    Most rows are narrow; one in ten has the length of all of NAP's streams together. Rows are
    narrow and quick to train on, so each is masked four times: workers could not draw enough.
    """
    tiny = plait_tiny()
    rows = Rows(
        tasks={"chain": 0.5, "countdown": 0.5},
        slots=Slots(1, TOTAL, SUMMARY, 1),
        streams=(1.0,),
        usual=0.1,
        lengths=(24, 64),
        widths=(96, 144, CONTEXT),
        positions=64_800,
        repeats=4,
        workers=12,
    )
    return Recipe(
        model=Config(768, 256, 6, 4, 4, 704, context=CONTEXT),
        codec=tiny.codec,
        rows=rows,
        objective=tiny.objective,
        optimiser=tiny.optimiser,
        graphed=True,
        half=True,
        checkpoints=0,
    )


def recipe(arm: Arm, seed: int, args: argparse.Namespace) -> Recipe:
    """The training of an arm, from the base of its seed.

    Streams share TOTAL positions, however many they are. All batches have the base's width, so
    that a step is compiled once and needs no attention mask, unless streams are blocked.
    """
    start = str(args.base / str(seed))
    rows = Records(
        records_file(args),
        form=arm.form,
        streams=arm.streams,
        length=TOTAL // arm.streams,
        summary=SUMMARY,
        keep=arm.keep,
        cross=arm.cross,
        rows=args.rows,
        joint=" ; ",
        multiple=config_of(start).context,
        fill=True,
        workers=args.workers,
    )
    return Recipe(
        model=Start(start),
        rows=rows,
        corruption=Corruption(law=laws.load(arm.law)),
        objective=Objective(weights.load("cart"), "masked") if arm.cart else BOUND,
        optimiser=Optimiser(rate=args.rate, warmup=min(100, args.steps // 10 + 1)),
        steps=args.steps,
        graphed=args.graphed,
        half=True,
        log_every=max(1, args.steps // 50),
        save_every=5.0,
        checkpoints=1,
        seed=seed,
    )
