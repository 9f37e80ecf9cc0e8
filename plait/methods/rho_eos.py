"""rho-EOS: length that follows the density of ends, both ways (arXiv:2601.22527)."""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Int
from torch import Tensor

from ..canvas import Canvas
from ..decode import Decoder
from ..errors import PlaitError
from ..length import empty_tail, end_density, end_tail, last_place, spread
from ..parts import Change, Length, View, nothing
from ..schedule import Blocks
from ..select import Threshold

STEPS = {
    "constant": lambda n: n.clamp(max=1),
    "linear": lambda n: n,
    "double": lambda n: 2 ** (n - 1),
}


@dataclass(frozen=True)
class Density(Length):
    """Grow a region when its density of ends is below `low`, cut it above `high`.

    By `step` positions, times 1; 1, 2, 3; or 1, 2, 4, 8 by the distance to the band in tenths.
    """

    statistic: Literal["density", "tail"]
    low: float
    high: float
    step: int
    growth: Literal["constant", "linear", "double"]
    most: int  # positions of a region
    rounds: int  # after which nothing changes any more

    def __post_init__(self) -> None:
        if self.statistic not in ("density", "tail"):
            raise PlaitError(f"statistic '{self.statistic}' is not 'density' or 'tail'")
        if self.growth not in STEPS:
            raise PlaitError(f"growth '{self.growth}' is not 'constant', 'linear' or 'double'")
        if not 0 <= self.low <= self.high <= 1:
            raise PlaitError(f"low {self.low} and high {self.high} must rise between 0 and 1")
        if self.step < 1 or self.most < 1 or self.rounds < 0:
            raise PlaitError("step and most must be >= 1, and rounds 0 or more")

    @property
    def needs(self) -> frozenset[str]:
        """The tail statistic looks at written positions too."""
        return frozenset({"masked", "placed"} if self.statistic == "tail" else {"masked"})

    def __call__(self, canvas: Canvas, view: View, memo: Any) -> tuple[Change, Any]:
        """Return what to insert and what to cut, from this round's forward pass."""
        rho = end_density(view) if self.statistic == "density" else end_tail(view)
        gap = torch.maximum(self.low - rho, rho - self.high)
        count = STEPS[self.growth]((gap * 10).ceil().long().clamp(1, 8)).clamp(max=8) * self.step
        masks = view.canvas.per_region(view.canvas.masked)
        free = (view.round[:, None] < self.rounds) & (masks > 0)
        size = canvas.per_region(~canvas.given)
        grow = torch.where(free & (rho < self.low), torch.minimum(count, self.most - size), 0)
        cut = torch.where(free & (rho > self.high) & (size < self.most), count, 0)
        return Change(
            nothing(canvas), self.inserted(canvas, grow.clamp(min=0)), empty_tail(canvas, cut)
        ), memo

    def inserted(self, canvas: Canvas, count: Int[Tensor, "B R"]) -> Int[Tensor, "B L"]:
        """New masks before the first written end of a region, or behind its last position."""
        place = last_place(canvas)
        for region in range(canvas.regions):
            inside = canvas.region == region
            end = inside & canvas.ends(canvas.tokens)
            first = end & (end.cumsum(1) == 1)
            before = torch.cat([first[:, 1:], torch.zeros_like(first[:, :1])], 1)
            # A region that begins with its end is empty: there is nothing to make longer.
            place = torch.where(inside & end.any(1, keepdim=True), before, place)
        return torch.where(place, spread(canvas, count), 0)


def rho_eos(
    block: int = 32,
    threshold: float = 0.9,
    statistic: Literal["density", "tail"] = "density",
    low: float = 0.4,
    high: float = 0.6,
    step: int = 8,
    growth: Literal["constant", "linear", "double"] = "double",
    most: int = 2048,
    rounds: int = 64,
) -> Decoder:
    """Commit above `threshold` while the length settles; start from a short slot (paper: 64).

    The paper defines the density over masks; an early release called DAEDAL's tail statistic.
    A cut stops at text, where the release cuts whatever stands there. Candidates are counted, at
    a temperature draws, and not the likeliest tokens as in the release.
    """
    length = Density(statistic, low, high, step, growth, most, rounds)
    return Decoder(Blocks(block), Threshold(threshold), length=length)
