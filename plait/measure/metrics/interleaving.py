"""How evenly the streams grow: one after the other, or together."""

import math
from typing import Any

import numpy as np

from ...trace import COMMIT, Trace

EACH = 8  # commits per stream in a window


def interleaving(trace: Trace) -> dict[str, Any]:
    """Interleaving of the streams: all regions but the last, which is the summary. Our definition.

    `entropy`: over every window of 8 m consecutive commits, the entropy of the stream index over
    log m, averaged; 0 for one stream after the other, 1 for equal shares. `together`: share of
    the windows of ceil(m / b) rounds (b = mean commits per round) in which each stream that is
    still open commits: 1 for parallel-forced decoding (arXiv:2602.23225, 4.2). NaN for fewer
    than two streams.
    """
    m = int(trace.region.max())
    if m < 2:
        return {"entropy": math.nan, "together": math.nan}
    region = trace.region[trace.position]
    mine = (trace.kind == COMMIT) & (region >= 0) & (region < m)
    return {
        "entropy": _entropy(region[mine], m),
        "together": _together(region[mine], trace.round[mine], m),
    }


def _entropy(streams: np.ndarray, m: int) -> float:
    window = min(EACH * m, len(streams))
    if not window:
        return math.nan
    hits = np.stack([streams == s for s in range(m)])
    sums = np.concatenate([np.zeros((m, 1)), hits.cumsum(1)], 1)
    shares = (sums[:, window:] - sums[:, :-window]) / window
    spread = -(shares * np.log(np.where(shares > 0, shares, 1))).sum(0) / math.log(m)
    return float(spread.mean())


def _together(streams: np.ndarray, rounds: np.ndarray, m: int) -> float:
    if not len(streams):
        return math.nan
    moments = np.unique(rounds)
    budget = len(streams) / len(moments)
    span = math.ceil(m / budget)
    table = np.zeros((m, len(moments)), dtype=bool)
    table[streams, np.searchsorted(moments, rounds)] = True
    last = np.array([row.nonzero()[0].max(initial=-1) for row in table])
    windows = max(1, len(moments) - span + 1)
    good = 0
    for start in range(windows):
        moved = table[:, start : start + span].any(1)
        good += bool((moved | (last < start)).all())
    return good / windows
