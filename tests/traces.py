"""Traces written down by hand, and compared."""

from dataclasses import fields

import numpy as np

from plait.trace import Trace


def trace(rounds, length, region=None, kinds=None):
    """A trace that commits `rounds` (lists of positions), in the given order inside a round."""
    position = np.array([p for r in rounds for p in r], dtype=np.int32)
    return Trace(
        start=np.full(length, 9),
        region=np.zeros(length, int) if region is None else np.array(region),
        mask_id=9, eos_id=0, seed=0, key=0,
        round=np.array([t for t, r in enumerate(rounds) for _ in r], dtype=np.int32),
        position=position,
        token=np.ones_like(position),
        score=(-np.arange(len(position)) / 100).astype(np.float32),
        kind=np.zeros_like(position) if kinds is None else np.array(kinds, dtype=np.int8),
        rounds=len(rounds), forwards=len(rounds), query_tokens=0, seconds=0.0,
    )  # fmt: skip


def one_by_one(order, region=None):
    """A trace that commits one position per round."""
    return trace([[p] for p in order], len(order), region)


def lock_step(m, n, ends=True):
    """m streams of n positions that go left to right together, then a summary of one."""
    region = [s for s in range(m) for _ in range(n)] + [m] * ends
    rounds = [[s * n + i for s in range(m)] for i in range(n)] + [[m * n]] * ends
    return trace(rounds, len(region), region)


def same(one, other) -> bool:
    """Equal in all but time; scores up to rounding, which depends on the width of a batch."""
    names = [f.name for f in fields(one) if f.name not in ("seconds", "spent", "score")]
    equal = all(np.array_equal(getattr(one, n), getattr(other, n)) for n in names)
    equal = equal and np.array_equal(one.spent[:, :2], other.spent[:, :2])
    return equal and np.allclose(one.score, other.score, rtol=1e-3, atol=1e-4)
