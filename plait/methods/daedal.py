"""DAEDAL: find a length first, then expand where the model is at a loss (arXiv:2508.00819)."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from ..canvas import Canvas
from ..decode import Decoder
from ..errors import PlaitError
from ..length import end_tail, last_place, spread
from ..parts import Change, Length, View, nothing
from ..revise import lowest
from ..schedule import Blocks
from ..select import Threshold


@dataclass(frozen=True)
class Expand(Length):
    """Two stages: grow until the end is in sight, then insert at the least sure masks.

    While a region grows its row commits nothing. Per region, where the paper has one. Masks are
    inserted as long as all of them have room; the release inserts more, and cuts the text's end.
    Ends in sight are candidates: at a temperature draws, and not the release's likeliest tokens.
    """

    ready: float  # tail score from which the first stage is over
    enough: float  # tail score from which nothing is inserted any more
    doubt: float  # probability below which a mask is worth expanding
    step: int
    window: int
    most: int  # positions of a region

    needs = frozenset({"masked", "placed"})

    def __post_init__(self) -> None:
        for name in ("ready", "enough", "doubt"):
            if not 0 <= getattr(self, name) <= 1:
                raise PlaitError(f"{name} is {getattr(self, name)}; it must lie between 0 and 1")
        if self.step < 1 or self.window < 1 or self.most < 1:
            raise PlaitError("step, window and most must be >= 1")

    def init(self, canvas: Canvas) -> Bool[Tensor, "B R"]:
        """Is each region still growing?"""
        return canvas.per_region(~canvas.given) > 0

    def waits(self, view: View, memo: Bool[Tensor, "B R"]) -> Bool[Tensor, " B"]:
        """Rows in the first stage commit nothing."""
        del view
        return memo.any(1)

    def __call__(
        self, canvas: Canvas, view: View, memo: Bool[Tensor, "B R"]
    ) -> tuple[Change, Bool[Tensor, "B R"]]:
        """Return what to insert, and which regions are still growing."""
        tail, size = end_tail(view, self.window), canvas.per_region(~canvas.given)
        room = (
            canvas.context - canvas.length
            if canvas.context
            else torch.full_like(canvas.length, self.most)
        )
        grows = memo & (tail < self.ready) & (size < self.most) & (room > 0)[:, None]
        # When the length is found the release appends half a window that already holds ends (a
        # slip, by its comments); masks, as the paper's growth is of masks, leave it to the model.
        add = torch.where(grows, self.step, self.window // 2) * memo
        add = torch.minimum(add, (self.most - size).clamp(min=0))
        insert = torch.where(last_place(canvas), spread(canvas, add), 0)
        short = ~memo & (tail < self.enough) & (size + self.step - 1 <= self.most)
        lost = view.open & canvas.masked & spread(canvas, short) & (view.chosen.exp() < self.doubt)
        one = lowest(view.chosen, lost, (~memo.any(1)).long())
        return Change(nothing(canvas), insert + one * (self.step - 1)), grows


def daedal(
    block: int = 32,
    threshold: float = 0.9,
    ready: float = 0.5,
    enough: float = 0.9,
    doubt: float = 0.1,
    step: int = 8,
    window: int = 32,
    most: int = 2048,
) -> Decoder:
    """Grow by `step` until ends are in sight, then commit above `threshold` and expand.

    Start from a short slot (paper: 64). Each round of growth is a forward that writes nothing.
    """
    length = Expand(ready, enough, doubt, step, window, most)
    return Decoder(Blocks(block), Threshold(threshold), length=length)
