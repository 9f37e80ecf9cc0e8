"""Bits per round, and the rounds that so much information takes (arXiv:2511.21103)."""

import math
from typing import Any

import numpy as np

from ...errors import PlaitError
from ...trace import COMMIT, Trace
from . import final


def information(trace: Trace) -> dict[str, Any]:
    """Information of a decode in bits: in all, per round, and the bits-to-rounds bound.

    A round's information is -log2 of the probability of what it wrote, given what stood there;
    their sum is -log2 q(text) of the decoder's own law if it samples, and the surprisal of its
    choices if it is greedy. A run takes at least `total / largest` rounds, `efficiency` is that
    bound over the rounds taken. The paper's abstract gives the form; the derivation is ours. Its
    largest round is found after the fact. Raises PlaitError for traces with revision, whose
    rounds do not multiply to a probability, and for traces without scores.
    """
    final(trace, "information per round")
    mine = trace.kind == COMMIT
    scores = trace.score[mine].astype(float) / math.log(2)
    if np.isnan(scores).any():
        raise PlaitError("information per round needs scores, and this trace has none")
    moments, index = np.unique(trace.round[mine], return_inverse=True)
    rounds = np.bincount(index, -scores) if len(moments) else np.zeros(0)
    total, largest = float(rounds.sum()), float(rounds.max(initial=0.0))
    bound = total / largest if largest > 0 else float(bool(len(rounds)))
    return {
        "bits": total,
        "bits_per_round": total / len(rounds) if len(rounds) else math.nan,
        "largest_round": largest,
        "least_rounds": bound,
        "efficiency": bound / len(rounds) if len(rounds) else math.nan,
    }
