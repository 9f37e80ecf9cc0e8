"""Proportions with their uncertainty."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """`right` of `n`, which may be a mean over runs on the same n; two shares add up."""

    right: float = 0
    n: int = 0

    def __add__(self, other: "Share") -> "Share":
        return Share(self.right + other.right, self.n + other.n)

    @property
    def value(self) -> float:
        """The proportion; NaN of none."""
        return self.right / self.n if self.n else float("nan")

    def interval(self, z: float = 1.959964) -> tuple[float, float]:
        """Wilson's score interval (95 % by default): right at 0 and 1 too, where +-SE is not."""
        if not self.n:
            return 0.0, 1.0
        p, n = self.value, self.n
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True)
class Difference:
    """How much more often one thing is right than another, on the same n problems."""

    gained: float = 0  # right here, wrong there
    lost: float = 0  # wrong here, right there
    n: int = 0

    @staticmethod
    def of(here: Sequence[bool], there: Sequence[bool]) -> "Difference":
        """Compare two runs on the same problems in the same order."""
        pairs = list(zip(here, there, strict=True))
        gained = sum(h and not t for h, t in pairs)
        return Difference(gained, sum(t and not h for h, t in pairs), len(pairs))

    @property
    def value(self) -> float:
        """The difference of the two proportions; NaN of none."""
        return (self.gained - self.lost) / self.n if self.n else float("nan")

    def interval(self, z: float = 1.959964) -> tuple[float, float]:
        """The adjusted Wald interval for paired proportions (Bonett and Price, 2012).

        One is added to either count, so that it has a width where nothing differs.
        """
        if not self.n:
            return -1.0, 1.0
        more, less = (self.gained + 1) / (self.n + 2), (self.lost + 1) / (self.n + 2)
        half = z * math.sqrt((more + less - (more - less) ** 2) / (self.n + 2))
        return max(-1.0, more - less - half), min(1.0, more - less + half)
