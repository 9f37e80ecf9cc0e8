"""Noise schedules: from the time of the forward process to the share that is masked."""

import math
from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from ..errors import PlaitError, unknown


@dataclass(frozen=True)
class Schedule:
    """The masked share m(t) = 1 - alpha(t), which rises from m(0) = 0 to m(1) = 1.

    "linear": t (LLaDA, arXiv:2502.09992). "cosine": cos(pi/2 (1 - t)) (MaskGIT, arXiv:2202.04200).
    "power": t ** power. Every schedule has the same bound (arXiv:2406.07524); they differ in its
    variance.
    """

    kind: Literal["linear", "cosine", "power"] = "linear"
    power: float = 2.0  # of "power"

    def __post_init__(self) -> None:
        if self.kind not in ("linear", "cosine", "power"):
            raise unknown("schedule", self.kind, ("linear", "cosine", "power"))
        if self.power <= 0:
            raise PlaitError(f"schedule.power is {self.power}; it must be above 0")

    def rate(self, t: Float[Tensor, "*A"]) -> Float[Tensor, "*A"]:
        """The masked share m(t)."""
        if self.kind == "linear":
            return t
        return (math.pi / 2 * (1 - t)).cos() if self.kind == "cosine" else t**self.power

    def weight(self, rate: Float[Tensor, "*A"]) -> Float[Tensor, "*A"]:
        """-alpha' / (1 - alpha) = m'(t) / m(t), the weight of the bound, as a function of m."""
        if self.kind == "linear":
            return 1 / rate
        if self.kind == "cosine":
            return math.pi / 2 * (1 - rate**2).clamp(min=0).sqrt() / rate
        return self.power * rate ** (-1 / self.power)
