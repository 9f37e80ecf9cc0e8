"""Selectors: which open positions to commit."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from .errors import PlaitError
from .parts import Mask, Selector, View
from .score import confidence


def rank(score: Float[Tensor, "B L"], open: Bool[Tensor, "B L"]) -> Int[Tensor, "B L"]:
    """Place of each open position when sorted by falling score; closed ones come last.

    Ties go to the leftmost position: the one rule for ties in plait.
    """
    order = score.masked_fill(~open, -torch.inf).sort(dim=1, descending=True, stable=True).indices
    places = torch.arange(score.shape[1], device=score.device).expand_as(order)
    return torch.empty_like(order).scatter_(1, order, places)


@dataclass(frozen=True)
class TopK(Selector):
    """Commit the best positions of each pool, as many as its quota."""

    by: Callable[[View], Float[Tensor, "B L"]] = confidence

    def __call__(self, view: View, memo: Any) -> tuple[Mask, Any]:
        """Return the positions within quota."""
        score, commit = self.by(view), torch.zeros_like(view.open)
        for pool in range(view.plan.quota.shape[1]):
            inside = view.open & (view.plan.pool == pool)
            commit |= inside & (rank(score, inside) < view.plan.quota[:, pool, None])
        return commit, memo


@dataclass(frozen=True)
class Threshold(Selector):
    """Commit every candidate of at least probability `sure` (Fast-dLLM, arXiv:2505.22618)."""

    sure: float  # probability; above 1 nothing passes, and the engine's best one is committed

    def __post_init__(self) -> None:
        if self.sure <= 0:
            raise PlaitError(f"threshold is {self.sure}; it must be a probability above 0")

    def __call__(self, view: View, memo: Any) -> tuple[Mask, Any]:
        """Return the positions that are sure enough."""
        return view.open & (view.chosen >= math.log(self.sure)), memo


@dataclass(frozen=True)
class Factor(Selector):
    """Commit the largest n with (n + 1)(1 - c_n) < factor (Fast-dLLM, arXiv:2505.22618).

    c_n is the n-th largest confidence: the more positions go together, the surer each must be.
    The published code may accept one position too many when the test fails exactly at the last
    one; this is the rule of the paper.
    """

    factor: float

    def __call__(self, view: View, memo: Any) -> tuple[Mask, Any]:
        """Return the n most confident positions."""
        place = rank(view.chosen, view.open)
        doubt = -torch.expm1(view.chosen.double())  # 1 - c without cancellation near c = 1
        passes = view.open & ((place + 2) * doubt < self.factor)
        count = torch.where(passes, place + 1, 0).amax(1, keepdim=True)
        return view.open & (place < count), memo
