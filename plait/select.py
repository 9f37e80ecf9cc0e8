"""Selectors: which open positions to commit."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from . import keyed
from .canvas import Canvas
from .errors import PlaitError
from .parts import Mask, Selector, View
from .schedule import TimeGrid
from .score import Score, confidence, nats, needs


def rank(score: Float[Tensor, "B L"], open: Bool[Tensor, "B L"]) -> Int[Tensor, "B L"]:
    """Place of each open position when sorted by falling score; closed ones come last.

    Ties go to the leftmost position: the one rule for ties in plait.
    """
    order = score.masked_fill(~open, -torch.inf).sort(dim=1, descending=True, stable=True).indices
    places = torch.arange(score.shape[1], device=score.device).expand_as(order)
    return torch.empty_like(order).scatter_(1, order, places)


def rank_in(
    score: Float[Tensor, "B L"], open: Bool[Tensor, "B L"], pool: Int[Tensor, "B L"]
) -> Int[Tensor, "B L"]:
    """Place of each open position among those of its pool, as by `rank`; all pools at once."""
    order = score.sort(dim=1, descending=True, stable=True).indices
    own = pool.masked_fill(~open, torch.iinfo(pool.dtype).max).gather(1, order)
    own, then = own.sort(dim=1, stable=True)
    order = order.gather(1, then)
    place = torch.arange(score.shape[1], device=score.device).expand_as(order)
    begins = own != torch.cat((own[:, :1] - 1, own[:, :-1]), 1)
    begin = torch.where(begins, place, 0).cummax(1).values
    return torch.empty_like(order).scatter_(1, order, place - begin)


@dataclass(frozen=True)
class TopK(Selector):
    """Commit the best positions of each pool, as many as its quota."""

    by: Score = confidence

    @property
    def needs(self) -> frozenset[str]:
        """What the score reads."""
        return needs(self.by)

    def __call__(self, view: View, memo: Any) -> tuple[Mask, Any]:
        """Return the positions within quota."""
        place = rank_in(self.by(view), view.open, view.plan.pool)
        return view.open & (place < view.plan.quota.gather(1, view.plan.pool)), memo


@dataclass(frozen=True)
class Threshold(Selector):
    """Commit every candidate of at least probability `sure` (Fast-dLLM, arXiv:2505.22618)."""

    sure: float  # probability; above 1 nothing passes, and the engine's best one is committed

    def __post_init__(self) -> None:
        if self.sure <= 0:
            raise PlaitError(f"threshold is {self.sure}; it must be a probability above 0")

    def __call__(self, view: View, memo: Any) -> tuple[Mask, Any]:
        """Return the positions that are sure enough."""
        return view.open & (view.chosen >= nats(self.sure)), memo


@dataclass(frozen=True)
class Falling(Selector):
    """Commit candidates of at least probability 1 - `fall` x round, in the end `sure` (dInfer)."""

    sure: float  # probability
    fall: float  # per round

    def __post_init__(self) -> None:
        if self.sure <= 0 or self.fall < 0:
            raise PlaitError("threshold must be a probability above 0, and fall 0 or more")

    def __call__(self, view: View, memo: Any) -> tuple[Mask, Any]:
        """Return the positions that are sure enough by now."""
        bar = (1 - self.fall * view.round.double()).clamp(min=self.sure).log()
        return view.open & (view.chosen >= bar[:, None]), memo


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


@dataclass(frozen=True)
class Reveal(Selector):
    """Each mask is revealed by itself, at the grid time where 1 - s/t says so (`origin`).

    Each position draws its time of being revealed once, uniform on (0, 1). Steps that reveal
    nothing are passed over: without a forward pass the text is the same, and so is the law.
    """

    grid: TimeGrid

    def init(self, canvas: Canvas) -> Int[Tensor, " B"]:
        """The number of steps of each row."""
        return self.grid.init(canvas)

    def __call__(self, view: View, memo: Int[Tensor, " B"]) -> tuple[Mask, Int[Tensor, " B"]]:
        """Return the positions of the next step that reveals any."""
        canvas, span = view.canvas, (1 - self.grid.eps) / memo.clamp(min=1).double()[:, None]
        time = keyed.uniform(view.seed, 12, canvas.key[:, None], canvas.pos)
        time = time.masked_fill(~view.open, -1)
        first = time.amax(1, keepdim=True)
        step = ((1 - first) / span).ceil()
        until = torch.where(step >= memo[:, None], 0, 1 - step * span)
        return view.open & ((time >= until) | (time == first)), memo
