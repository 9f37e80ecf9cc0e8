"""Proportions with their uncertainty."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """`right` of `n`; two shares add up."""

    right: int = 0
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
