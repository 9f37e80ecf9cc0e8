"""Forward process: which positions of a training row are masked, and at which noise level.

A level t per row or per block, then a position law (`laws/`). What papers choose differently is a
field of `Corruption`.
"""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..errors import PlaitError, unknown
from . import laws
from .law import Ground, Law
from .schedule import Schedule


@dataclass(frozen=True)
class Noised:
    """A batch of masks; with twins it has two rows for each that came in, all firsts first."""

    masked: Bool[Tensor, "R L"]
    rate: Float[Tensor, "R #L"]  # the share of positions that the level masks


@dataclass(frozen=True)
class Corruption:
    """How levels are drawn, what shares one, and which positions a level masks.

    MDLM draws stratified levels, one per row (arXiv:2406.07524); BD3-LM one per block, from a
    clipped range (arXiv:2503.09573); LLaDA independent ones (arXiv:2502.09992). `low` = `high`
    fixes the level. With `twins` each row comes twice, the second time with the complement
    masked, so that each free position is trained once. With `ends="one"` what follows the first
    end of a slot is masked or not as one (NAP's treat_eos_as_one).
    """

    law: Law = laws.load("bernoulli")
    levels: Literal["stratified", "uniform"] = "stratified"
    per: Literal["row", "block"] = "row"
    schedule: Schedule = Schedule()
    low: float = 1e-3  # levels t lie in (low, high]
    high: float = 1.0
    twins: bool = False
    ends: Literal["each", "one"] = "each"

    def __post_init__(self) -> None:
        for name, known in (
            ("levels", ("stratified", "uniform")),
            ("per", ("row", "block")),
            ("ends", ("each", "one")),
        ):
            if getattr(self, name) not in known:
                raise unknown(name, getattr(self, name), known)
        if not 0 <= self.low <= self.high <= 1:
            raise PlaitError(
                f"corruption.low={self.low} and high={self.high}: levels lie in [0, 1], low first"
            )

    def __call__(
        self,
        free: Bool[Tensor, "B L"],
        region: Int[Tensor, "B L"],
        rng: torch.Generator,
        block: int = 0,
        ended: Bool[Tensor, "B L"] | None = None,
    ) -> Noised:
        """Draw masks. `block` is the size of a block, `ended` what lies at or after an end."""
        unit = torch.zeros_like(region)
        if self.per == "block":
            if block < 1:
                raise PlaitError("corruption.per=block needs a block size: set view.block")
            unit = unit + torch.arange(free.shape[1]) // block
        level = self._levels(unit, rng)
        masked, rate = self.law(Ground(free, region, unit), level, rng)
        if self.ends == "one" and ended is not None:
            masked = united(masked, ended & free, region)
        if not self.twins:
            return Noised(masked, rate)
        other = (1 - rate).clamp(min=max(self.low, 1e-3))
        return Noised(torch.cat((masked, free & ~masked)), torch.cat((rate, other)))

    def _levels(self, unit: Int[Tensor, "B L"], rng: torch.Generator) -> Float[Tensor, "B #L"]:
        count = int(unit.max()) + 1 if self.per == "block" else 1
        draw = rates if self.levels == "stratified" else independent
        drawn = draw(len(unit) * count, rng, self.low, self.high)
        if count == 1:
            return self.schedule.rate(drawn)[:, None]
        drawn = drawn[torch.randperm(len(drawn), generator=rng)].view(len(unit), count)
        return self.schedule.rate(drawn).gather(1, unit.long())

    def fixed(self, level: float) -> "Corruption":
        """The same with one level for all."""
        return replace(self, low=level, high=level)


def rates(
    rows: int, rng: torch.Generator, low: float = 1e-3, high: float = 1.0
) -> Float[Tensor, " B"]:
    """A level in (low, high] for each row, stratified over the batch (arXiv:2406.07524).

    Row b draws from the b-th of B equal parts, shifted together, so that every batch covers the
    whole range and the loss varies less. Rows must come in random order.
    """
    shift = torch.rand((), generator=rng)
    level = (shift + torch.arange(rows)) / rows
    return high - (high - low) * level  # level < 1, so low is excluded and high is included


def independent(
    rows: int, rng: torch.Generator, low: float = 1e-3, high: float = 1.0
) -> Float[Tensor, " B"]:
    """A level in (low, high] for each row, whatever the others are (arXiv:2502.09992)."""
    return high - (high - low) * torch.rand(rows, generator=rng)


def united(
    masked: Bool[Tensor, "B L"], tail: Bool[Tensor, "B L"], region: Int[Tensor, "B L"]
) -> Bool[Tensor, "B L"]:
    """The masks with each tail, a run inside one slot, in the state of its first position."""
    same = torch.zeros_like(tail)
    same[:, 1:] = tail[:, 1:] & tail[:, :-1] & (region[:, 1:] == region[:, :-1])
    place = torch.arange(tail.shape[1]).expand(tail.shape)
    first = place.masked_fill(same, 0).cummax(1).values
    return torch.where(tail, masked.gather(1, first), masked)
