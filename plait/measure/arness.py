"""ARness: how close a decoding order is to left to right (DiffuCoder, arXiv:2506.20639, A.2)."""

from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import numpy as np

from ..trace import COMMIT, RETRACT, Trace

Reading = Literal["confidence", "left", "right", "set"]


@dataclass(frozen=True)
class Step:
    """Positions committed together, in the order of their scores, and those masked before."""

    positions: list[int]
    masked: list[int]  # ascending


def steps(trace: Trace, region: int | None = None) -> list[Step]:
    """Return the rounds of a trace (or of one region of it) that committed something.

    Fills leave the set of masked positions but are nobody's decision, so they are not commits.
    """
    inside = trace.region >= 0 if region is None else trace.region == region
    masked, out = np.flatnonzero(inside).tolist(), []
    mine = inside[trace.position]
    events = zip(
        trace.round[mine].tolist(),
        trace.kind[mine].tolist(),
        trace.position[mine].tolist(),
        strict=True,
    )
    for _, group in groupby(events, key=lambda event: event[0]):
        now = [(kind, position) for _, kind, position in group]
        commits = [position for kind, position in now if kind == COMMIT]
        if commits:
            out.append(Step(commits, masked))
        back = {position for kind, position in now if kind == RETRACT}
        gone = {position for _, position in now} - back
        masked = sorted({*masked, *back} - gone)
    return out


def global_arness(
    trace: Trace, k: int = 1, region: int | None = None, reading: Reading = "set"
) -> float:
    """Share of commits that took one of the k leftmost masked positions; 1 for left to right.

    The papers define it for one commit per round. For several, `reading` says how: "set"
    (default) compares the committed set with as many leftmost positions, so that left to right
    is 1 at every budget, while a random order rises with the budget: compare at equal budget;
    "confidence" takes the commits one by one by falling score, so that a random order has the
    same expected value at every budget, while left to right falls below 1; "left" and "right"
    take them in that order (upper and lower bound of the one-by-one readings).
    NaN if nothing was committed.
    """
    hits, total = 0, 0
    for step in steps(trace, region):
        total += len(step.positions)
        if reading == "set":
            leftmost = set(step.masked[: max(k, len(step.positions))])
            hits += len(leftmost.intersection(step.positions))
            continue
        hits += _one_by_one(step, k, reading)
    return hits / total if total else float("nan")


def _one_by_one(step: Step, k: int, reading: Reading) -> int:
    order = step.positions
    if reading in ("left", "right"):
        order = sorted(order, reverse=reading == "right")
    masked, hits = list(step.masked), 0
    for position in order:
        hits += position in masked[:k]
        masked.remove(position)
    return hits


def per_region(trace: Trace, k: int = 1, reading: Reading = "set") -> list[float]:
    """Return the global ARness inside each region: streams first, the answer last.

    m streams that each go strictly left to right in lock-step score about 1/m on the flattened
    canvas, which says nothing about the order inside a stream; this does.
    """
    return [global_arness(trace, k, r, reading) for r in range(int(trace.region.max()) + 1)]
