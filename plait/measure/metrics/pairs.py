"""Pairwise order: was what stands further left written earlier?"""

import math
from typing import Any

import numpy as np

from ...trace import COMMIT, REWRITE, Trace


def pairs(trace: Trace) -> dict[str, Any]:
    """Order of pairs of committed positions by the round in which their last token was written.

    `adjacent` and `all`: share of neighbouring and of all pairs whose left one came in an earlier
    round; pairs of one round count against (arXiv:2609.20751; the definition is taken from a
    second-hand account). `tau`: Kendall's tau-a between position and round, in which pairs of
    one round count as neither; `tied` is their share. NaN for fewer than two commits.
    """
    written = np.isin(trace.kind, (COMMIT, REWRITE))
    last = dict(zip(trace.position[written].tolist(), trace.round[written].tolist(), strict=True))
    rounds = np.array([last[position] for position in sorted(last)])
    n = len(rounds)
    if n < 2:
        return dict.fromkeys(("adjacent", "all", "tau", "tied"), math.nan)
    earlier, _ = _counts(rounds)
    later, total = _counts(-rounds)
    return {
        "adjacent": float((np.diff(rounds) > 0).mean()),
        "all": earlier / total,
        "tau": (earlier - later) / total,
        "tied": (total - earlier - later) / total,
    }


def _counts(rounds: np.ndarray) -> tuple[int, int]:
    """How many pairs i < j have rounds[i] < rounds[j], and how many pairs there are."""
    rising = sum(int((rounds[i + 1 :] > r).sum()) for i, r in enumerate(rounds))
    return rising, len(rounds) * (len(rounds) - 1) // 2
