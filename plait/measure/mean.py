"""Means that know their error."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Mean:
    """The mean of some draws; two of them add up."""

    total: float = 0.0
    squares: float = 0.0
    n: int = 0

    @staticmethod
    def of(values: Iterable[float]) -> "Mean":
        """The mean of these numbers."""
        values = list(values)
        return Mean(math.fsum(values), math.fsum(v * v for v in values), len(values))

    def __add__(self, other: "Mean") -> "Mean":
        return Mean(self.total + other.total, self.squares + other.squares, self.n + other.n)

    @property
    def value(self) -> float:
        """The mean; NaN of none."""
        return self.total / self.n if self.n else math.nan

    @property
    def stderr(self) -> float:
        """Standard error of the mean; NaN for fewer than two draws."""
        if self.n < 2:
            return math.nan
        spread = max(0.0, self.squares - self.total * self.total / self.n)
        return math.sqrt(spread / (self.n - 1) / self.n)


def bootstrap(
    sums: np.ndarray, counts: np.ndarray, draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """95 % percentile interval of sum(sums) / sum(counts), drawing whole examples anew.

    `sums` and `counts` hold one number per example, the unit that is independent of the others.
    NaN for fewer than two, which say nothing of how examples vary.
    """
    if len(sums) < 2:
        return math.nan, math.nan
    rng = np.random.default_rng(seed)
    picks = rng.integers(len(sums), size=(draws, len(sums)))
    low, high = np.quantile(sums[picks].sum(1) / counts[picks].sum(1), [0.025, 0.975])
    return float(low), float(high)


def slope(
    x: Sequence[float], y: Sequence[float], draws: int = 2000, seed: int = 0
) -> tuple[float, float, float]:
    """Least-squares slope of y on x with its 95 % bootstrap interval, drawing points anew.

    NaN where x does not vary.
    """
    points = np.array([x, y], dtype=float)
    rng = np.random.default_rng(seed)
    picks = rng.integers(points.shape[1], size=(draws, points.shape[1]))
    low, high = np.nanquantile(_slope(points[:, picks]), [0.025, 0.975])
    return float(_slope(points)), float(low), float(high)


def _slope(points: np.ndarray) -> np.ndarray | float:
    """Slopes of [2, ..., N] points."""
    x, y = points - points.mean(-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return (x * y).sum(-1) / (x * x).sum(-1)
