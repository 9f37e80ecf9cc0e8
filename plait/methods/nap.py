"""NAP: parallel-forced decoding of several reasoning streams (arXiv:2602.23225)."""

from dataclasses import dataclass, replace
from inspect import signature
from sys import maxsize
from typing import Any, Literal

import torch
from jaxtyping import Int
from torch import Tensor

from ..budget import Budget
from ..canvas import Canvas
from ..decode import Decoder
from ..errors import PlaitError
from ..parts import Mask, Selector, View
from ..schedule import Streams
from ..select import rank_in
from . import function, load


@dataclass(frozen=True)
class InEachStream(Selector):
    """Another selector, with at least the best position of every stream whose turn it is.

    A selector that goes by confidence alone would let a sure stream run away from the others.
    """

    inner: Selector

    @property
    def needs(self) -> frozenset[str]:
        """Those of the selector inside."""
        return self.inner.needs

    def init(self, canvas: Canvas) -> Any:
        """That of the selector inside."""
        return self.inner.init(canvas)

    def moved(self, memo: Any, index: Int[Tensor, "B L"]) -> Any:
        """That of the selector inside."""
        return self.inner.moved(memo, index)

    def __call__(self, view: View, memo: Any) -> tuple[Mask, Any]:
        """Return what the selector inside commits, and the missing streams' best."""
        commit, memo = self.inner(view, memo)
        commit = commit & view.open
        pool, quota = view.plan.pool, view.plan.quota
        due = (quota > 0) & (torch.zeros_like(quota).scatter_add_(1, pool, commit.long()) == 0)
        best = view.open & (rank_in(view.chosen, view.open, pool) == 0)
        return commit | (best & due.gather(1, pool)), memo


def nap(
    budget: Budget = Budget(),
    summary: Literal["after", "open_at", "concurrent"] = "after",
    open_at: float = 0.8,
    inside: str = "confidence",
) -> Decoder:
    """Share each round's commits over all streams; inside a stream the most confident go first.

    The paper released no inference code. The split of a budget over streams and the time of the
    summary are ours: see `schedule.Streams`. `inside` names the method whose other parts work
    inside the streams; its schedule gives way to that of the streams, so parts of it that look at
    a block look at the whole canvas, and those that keep to a budget to this one.

    Needs: a canvas with streams.
    """
    if inside == "nap":
        raise PlaitError("nap cannot be inside nap; choose another method for 'inside'")
    takes, given = signature(function(inside)).parameters, {"budget": budget, "block": maxsize}
    inner = load(inside, **{name: value for name, value in given.items() if name in takes})
    if inner.judge is not None:
        raise PlaitError(
            f"'{inside}' cannot be inside nap: it owns its rounds, and nap's schedule shares them"
        )
    streams = Streams(budget, summary, open_at)
    return replace(inner, schedule=streams, selector=InEachStream(inner.selector))
