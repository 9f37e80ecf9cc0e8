"""ARness: how close a decoding order is to left to right (DiffuCoder, arXiv:2506.20639, A.2)."""

from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import numpy as np

from ..errors import PlaitError
from ..trace import COMMIT, FILL, RETRACT, Trace

Reading = Literal["confidence", "left", "right", "set"]
Run = Literal["set", "ordered"]
Edge = Literal["prompt", "drop", "zero"]


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
    NaN if nothing was committed, and by "confidence" where a round wrote several without scores.
    """
    _at_least_one(k)
    found, hits, total = steps(trace, region), 0, 0
    if not _known(trace, found, reading):
        return float("nan")
    for step in found:
        total += len(step.positions)
        if reading == "set":
            leftmost = set(step.masked[: max(k, len(step.positions))])
            hits += len(leftmost.intersection(step.positions))
            continue
        hits += _one_by_one(step, k, reading)
    return hits / total if total else float("nan")


def _at_least_one(k: int) -> None:
    if k < 1:
        raise PlaitError(f"k is {k}; it must be >= 1")


def _known(trace: Trace, found: list[Step], reading: Reading) -> bool:
    """Whether a trace tells the order that a reading goes by."""
    if reading != "confidence" or all(len(step.positions) == 1 for step in found):
        return True
    return not np.isnan(trace.score[trace.kind == COMMIT]).any()


def _order(step: Step, reading: Reading) -> list[int]:
    """The commits of a round one by one."""
    if reading in ("left", "right"):
        return sorted(step.positions, reverse=reading == "right")
    return step.positions


def _one_by_one(step: Step, k: int, reading: Reading) -> int:
    masked, hits = list(step.masked), 0
    for position in _order(step, reading):
        hits += position in masked[:k]
        masked.remove(position)
    return hits


def local_arness(
    trace: Trace,
    k: int = 1,
    region: int | None = None,
    reading: Reading = "left",
    run: Run = "set",
    edge: Edge = "prompt",
) -> float:
    """Share of commits that continue where the k commits before them stand; 1 for left to right.

    `run`: "set" (default, DiffuCoder's appendix) asks that the k commits before stand on the k
    places to the left, "ordered" (its figure) that they were also made in that order; the two
    agree for k = 1. Places count free positions only, and none that was closed by a fill, so that
    neither a header nor what follows an end breaks a run. `edge` says what stands before the first
    commit: "prompt" (default) the places left of the first free one, as if written from left to
    right; "drop" leaves the first k commits out; "zero" counts them as misses. The order inside a
    round is `reading`; "set" says nothing about an order of single commits, so it raises
    PlaitError. NaN if nothing is counted, and as in `global_arness` where scores lack.
    """
    if reading == "set":
        raise PlaitError(
            "local ARness needs the commits of a round in an order: reading 'left', 'right' or "
            "'confidence'"
        )
    _at_least_one(k)
    found = steps(trace, region)
    if not _known(trace, found, reading):
        return float("nan")
    inside = trace.region >= 0 if region is None else trace.region == region
    closed = np.setdiff1d(trace.position[trace.kind == FILL], trace.position[trace.kind == COMMIT])
    free = np.setdiff1d(np.flatnonzero(inside), closed)
    done = [p for step in found for p in _order(step, reading)]
    places = [*range(-k, 0), *np.searchsorted(free, done).tolist()]
    first = k if edge == "prompt" else 2 * k
    hits = 0
    for t in range(first, len(places)):
        before, wanted = places[t - k : t], list(range(places[t] - k, places[t]))
        hits += (before if run == "ordered" else sorted(before)) == wanted
    total = len(done) - k if edge == "drop" else len(done)
    return hits / total if total > 0 else float("nan")


def floor(trace: Trace) -> float:
    """What equal streams that go left to right in lock-step score on the flattened canvas: 1/m.

    m counts the regions with commits, the summary (the last region) aside; 1 if there is one
    region only. A flattened ARness near the floor says nothing on the order inside a stream.
    """
    last = int(trace.region.max())
    here = trace.region[trace.position[trace.kind == COMMIT]]
    return 1 / max(1, len(set(here[here < max(last, 1)].tolist())))


def per_region(trace: Trace, k: int = 1, reading: Reading = "set") -> list[float]:
    """Return the global ARness inside each region: streams first, the answer last.

    m streams that each go strictly left to right in lock-step score about 1/m on the flattened
    canvas, which says nothing about the order inside a stream; this does.
    """
    return [global_arness(trace, k, r, reading) for r in range(int(trace.region.max()) + 1)]
