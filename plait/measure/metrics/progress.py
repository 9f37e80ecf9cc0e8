"""When each part of the canvas was written."""

import math
from typing import Any

import numpy as np

from ...trace import COMMIT, REWRITE, Trace

SHARES = (0.25, 0.5, 0.75, 1.0)
BINS = 10


def progress(trace: Trace) -> dict[str, Any]:
    """Rounds by position, and rounds to depth. Our definition.

    `rounds_to_depth`: for each region, the round (from 1) after which 25, 50, 75 and 100 % of
    the tokens it ends with had been written. `mean_round`: in ten equal parts of the free
    positions from left to right, the mean round of their last write over all rounds, from 0
    (first) to 1 (last); a left-to-right order rises evenly. NaN where nothing was written.
    """
    written = np.isin(trace.kind, (COMMIT, REWRITE))
    last = np.full(len(trace.region), -1)
    last[trace.position[written]] = trace.round[written]
    depths = []
    for region in range(int(trace.region.max()) + 1):
        rounds = np.sort(last[(trace.region == region) & (last >= 0)])
        depths.append([_depth(rounds, share) for share in SHARES])
    parts = np.array_split(last[trace.region >= 0], BINS)
    span = max(trace.rounds - 1, 1)
    return {
        "rounds_to_depth": depths,
        "mean_round": [_mean(part[part >= 0]) / span for part in parts],
    }


def _depth(rounds: np.ndarray, share: float) -> float:
    if not len(rounds):
        return math.nan
    return int(rounds[math.ceil(share * len(rounds)) - 1]) + 1


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else math.nan
