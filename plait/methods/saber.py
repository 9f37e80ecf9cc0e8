"""Saber: a threshold that follows the text, and backtracking (arXiv:2510.18165)."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..canvas import Canvas
from ..decode import Decoder
from ..errors import PlaitError
from ..length import Full
from ..parts import Mask, Reviser, Revision, Selector, View, by_index, nothing
from ..revise import Keep, Noted, lowest
from ..schedule import Blocks
from ..select import rank


@dataclass(frozen=True)
class AboveMean(Selector):
    """Commit what is surer than the tokens so far were, on average, when they were committed.

    Where fewer than `least` pass, the best `least`. As published, tokens that were taken back
    stay in the mean until their position is written again.
    """

    least: int
    sure: float | None = None  # a fixed probability instead of the mean

    def __post_init__(self) -> None:
        if self.least < 1:
            raise PlaitError(f"least is {self.least}; it must be >= 1")

    def init(self, canvas: Canvas) -> Float[Tensor, "B L"]:
        """Nothing committed yet (-1)."""
        return torch.full(canvas.tokens.shape, -1.0, device=canvas.tokens.device)

    def moved(self, memo: Float[Tensor, "B L"], index: Int[Tensor, "B M"]) -> Float[Tensor, "B M"]:
        """Take the confidences along; new positions have none."""
        return by_index(memo + 1, index) - 1

    def __call__(self, view: View, memo: Float[Tensor, "B L"]) -> tuple[Mask, Float[Tensor, "B L"]]:
        """Return the positions above the mean."""
        known = memo >= 0
        mean = torch.where(known, memo, 0).sum(1) / known.sum(1).clamp(min=1)
        bar = (
            mean.where(known.any(1), 1.0) if self.sure is None else torch.full_like(mean, self.sure)
        )
        sure = view.chosen.exp()
        passed = view.open & (sure > bar[:, None])
        best = view.open & (rank(view.chosen, view.open) < self.least)
        commit = torch.where((passed.sum(1) < self.least)[:, None], best, passed)
        return commit, torch.where(commit, sure, memo)


@dataclass(frozen=True)
class Backtrack(Noted):
    """Take back the tokens whose confidence fell most since the round before (0 at first)."""

    least: int
    reading: Literal["argmax", "placed"]

    needs = frozenset({"placed"})

    def __post_init__(self) -> None:
        if self.reading not in ("argmax", "placed"):
            raise PlaitError(f"reading '{self.reading}' is not 'argmax' or 'placed'")

    def __call__(
        self, view: View, commit: Mask, memo: Float[Tensor, "B L"]
    ) -> tuple[Revision, Float[Tensor, "B L"]]:
        """Return max(least / 2, an eighth of the commits), but never all of them."""
        assert view.placed is not None
        written = (commit | ~view.canvas.masked) & ~view.canvas.given
        own = (self.reading == "placed") & ~view.canvas.masked
        now = torch.where(own, view.placed, view.chosen).exp()
        count = commit.sum(1).clamp(min=self.least)
        back = torch.maximum((count + 7) // 8, torch.full_like(count, self.least // 2))
        full = ~(view.open & ~commit).any(1)  # the block is done: what it holds is left alone
        back = torch.minimum(back, commit.sum(1) - 1).masked_fill(full, 0)
        return Revision(lowest(now - memo, written, back), nothing(view.canvas)), now


def saber(
    block: int = 256,
    least: int = 2,
    reading: Literal["argmax", "placed"] = "argmax",
    backtrack: bool = True,
    threshold: float | None = None,
) -> Decoder:
    """Commit what beats the running mean, then take back what became doubtful."""
    # The release compares the most probable token's probability, so a position that changed its
    # mind looks healthy; "placed" compares that of the token written there.
    reviser: Reviser = Backtrack(least, reading) if backtrack else Keep()
    return Decoder(
        Blocks(block, reopens=True), AboveMean(least, threshold), reviser=reviser, length=Full()
    )
