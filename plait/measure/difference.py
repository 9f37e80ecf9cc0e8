"""Two traces of one canvas: where they part."""

from typing import Any

import numpy as np

from ..errors import PlaitError
from ..trace import COMMIT, REWRITE, Trace

KEYS = ("position", "token", "kind")  # of events that count as the same


def difference(one: Trace, other: Trace) -> dict[str, Any]:
    """What two decodes of the same canvas have in common.

    `first_round`: the first round (from 1) whose events differ; None if none does. `same_tokens`:
    share of the free positions that end with the same token; `same_rounds`: share in which it was
    written in the same round, and `order`: share of the pairs of positions that both wrote in
    different rounds whose order is the same. Raises PlaitError for canvases that differ in length,
    regions or what was given.
    """
    if one.start.shape != other.start.shape or not np.array_equal(one.region, other.region):
        raise PlaitError("the canvases have different lengths or regions")
    free = one.region >= 0
    if not np.array_equal(one.start[~free], other.start[~free]):
        raise PlaitError("the canvases start from different prompts")
    mine, theirs = _written(one)[free], _written(other)[free]
    ups, downs = np.sign(mine[:, None] - mine), np.sign(theirs[:, None] - theirs)
    both = (ups != 0) & (downs != 0)
    return {
        "first_round": _first(one, other),
        "rounds": [one.rounds, other.rounds],
        "same_tokens": float((one.replay() == other.replay())[free].mean()),
        "same_rounds": float((mine == theirs).mean()),
        "order": float((ups == downs)[both].mean()) if both.any() else float("nan"),
    }


def _written(trace: Trace) -> np.ndarray:
    """The round of each position's last token."""
    last = np.full(len(trace.start), -1)
    written = np.isin(trace.kind, (COMMIT, REWRITE))
    last[trace.position[written]] = trace.round[written]
    return last


def _first(one: Trace, other: Trace) -> int | None:
    for number in range(max(one.rounds, other.rounds)):
        events = [
            set(zip(*(getattr(t, k)[t.round == number].tolist() for k in KEYS), strict=True))
            for t in (one, other)
        ]
        if events[0] != events[1]:
            return number + 1
    return None
