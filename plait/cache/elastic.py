"""Elastic-Cache: deep layers are recomputed when attention has drifted (arXiv:2510.14973)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..canvas import Canvas
from ..errors import PlaitError
from ..inner import Notes, Seen, weights
from ..parts import Mask
from ..refresh import Cache, Refresh, check_every, due, first, placed


@dataclass
class Drift:
    """One row's walk: from the first layer whose attention has drifted, all is recomputed."""

    alike: float
    notes: dict[Any, Any]  # layer -> (states that enter it, most attended position, its attention)
    computed: float = 0
    heard: Tensor | None = None

    def sees(
        self,
        layer: int,
        query: Float[Tensor, "1 H N D"],
        key: Float[Tensor, "1 H L D"],
        visible: Seen,
        at: Int[Tensor, "1 N"],
    ) -> Seen:
        """Hear what the layer attends to; nothing is hidden."""
        del layer, at
        self.heard = weights(query, key, visible)[0].mean(0)
        return visible

    def walk(
        self,
        blocks: Any,
        x: Float[Tensor, "1 N W"],
        at: Int[Tensor, "1 N"],
        look: Callable[[int, Int[Tensor, "1 M"]], Any],
    ) -> tuple[Float[Tensor, "1 M W"], Int[Tensor, "1 M"]]:
        """Return the states after the last block."""
        drifted = False
        for layer, block in enumerate(blocks):
            if block.modulation is not None:
                raise PlaitError("the cache 'elastic' does not know models with a time input")
            entered, *tracked = self.notes.get(layer, (None, -1, None))
            if entered is not None and drifted:
                x, at = entered.index_copy(1, at[0], x), torch.arange(entered.shape[1])[None].to(at)
                drifted = False
            entered = x if entered is None else entered.index_copy(1, at[0], x)
            x = block(x, look(layer, at), None)
            self.computed += at.shape[1] / len(blocks)
            assert self.heard is not None
            everything = at.shape[1] == entered.shape[1]
            drifted = not everything and self._drifted(at[0], *tracked)
            self.notes[layer] = (entered, *self._tracked(at[0]))
        return x, at

    def _drifted(self, at: Int[Tensor, " N"], position: int, before: Tensor | None) -> bool:
        """Has the attention of the tracked position changed?"""
        here = (at == position).nonzero()[:, 0]
        if before is None or not len(here) or self.heard is None:
            return False
        return bool(F.cosine_similarity(self.heard[here[0]], before, 0) < self.alike)

    def _tracked(self, at: Int[Tensor, " N"]) -> tuple[int, Tensor | None]:
        """The position that is attended to most, and its own attention if it was computed."""
        assert self.heard is not None
        position = int(self.heard.sum(0).argmax())
        here = (at == position).nonzero()[:, 0]
        return position, self.heard[here[0]] if len(here) else None


@dataclass(frozen=True)
class Rows:
    """The walks of a batch."""

    alike: float
    canvas: Canvas
    notes: Notes

    def row(self, row: int, length: int) -> Drift:
        """That of a row."""
        del length
        return Drift(self.alike, self.notes.of(self.canvas, row))


@dataclass(frozen=True)
class Memo:
    """What was masked in the last round."""

    masked: Bool[Tensor, "B L"]
    notes: Notes = field(default_factory=Notes)


@dataclass(frozen=True)
class Elastic(Cache):
    """The first `window` open masks, what was just written, and the most attended positions."""

    window: int  # positions
    alike: float  # cosine
    refresh: int  # rounds

    inside_layers: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_every(self.refresh)
        if self.window < 1 or not -1 <= self.alike <= 1:
            raise PlaitError(
                f"window is {self.window} positions and alike {self.alike}; they must be at least "
                "1, and a cosine"
            )

    def init(self, canvas: Canvas) -> Memo:
        """Nothing was masked before."""
        return Memo(torch.zeros_like(canvas.given))

    def moved(self, memo: Memo, index: Int[Tensor, "B M"]) -> Memo:
        """Nothing counts as just written."""
        return Memo(placed(memo.masked, index), memo.notes)

    def __call__(
        self, canvas: Canvas, open: Mask, round: Int[Tensor, " B"], memo: Memo
    ) -> tuple[Refresh, Memo]:
        """Return the window and what is tracked."""
        stale = first(open, self.window) | (memo.masked & ~canvas.masked)
        for row in range(len(stale)):
            for _, position, _ in memo.notes.of(canvas, row).values():
                stale[row, position] = True
        stale = stale | (due(round, self.refresh) & canvas.real)
        inner = Rows(self.alike, canvas, memo.notes)
        return Refresh(stale, inner=inner), Memo(canvas.masked, memo.notes)


def elastic(window: int = 16, alike: float = 0.9, refresh: int = 0) -> Elastic:
    """Recompute a window of masks, and all in the deep layers when attention has drifted.

    Each layer tracks the position that is attended to most. When its attention differs from that
    of the last round (cosine below `alike`), all layers above recompute every position from the
    states that last entered them. What was just written is recomputed too. Written from the
    paper: no code was published.
    """
    return Elastic(window, alike, refresh)
