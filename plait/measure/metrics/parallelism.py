"""How much was written at once, by the project's counting rule."""

import math
from typing import Any

import numpy as np

from ...trace import COMMIT, FILL, RETRACT, REWRITE, Trace


def parallelism(trace: Trace) -> dict[str, Any]:
    """Rounds, forwards and tokens of a decode.

    `depth` is its sequential depth: rounds that committed something, each of which had to see
    what the ones before it wrote. Tokens per forward count answer tokens: those before the
    first end of their region. `ties`: share of the rounds with several commits in which two of
    them have the same log-probability in float32, so that a rule for ties decided their order;
    NaN where scores are not known.
    """
    kinds = np.bincount(trace.kind, minlength=4)
    tokens = trace.answer_tokens()
    commits = trace.kind == COMMIT
    depth = len(np.unique(trace.round[commits]))
    return {
        "rounds": trace.rounds,
        "depth": depth,
        "forwards": trace.forwards,
        "query_tokens": trace.query_tokens,
        "seconds": trace.seconds,
        "answer_tokens": tokens,
        "commits": int(kinds[COMMIT]),
        "rewrites": int(kinds[REWRITE]),
        "retractions": int(kinds[RETRACT]),
        "fills": int(kinds[FILL]),
        "commits_per_round": int(kinds[COMMIT]) / depth if depth else math.nan,
        "tokens_per_forward": tokens / trace.forwards if trace.forwards else math.nan,
        "ties": _ties(trace.round[commits], trace.score[commits]),
    }


def _ties(rounds: np.ndarray, scores: np.ndarray) -> float:
    groups = [scores[rounds == r] for r in np.unique(rounds)]
    several = [group for group in groups if len(group) > 1]
    if np.isnan(scores).any():
        return math.nan
    tied = sum(len(np.unique(group)) < len(group) for group in several)
    return tied / len(several) if several else math.nan
