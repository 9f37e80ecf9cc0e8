"""Length parts: which positions need no decoding because their region has ended."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from .canvas import Canvas
from .parts import Change, Length, View, nothing


@dataclass(frozen=True)
class EndAtEos(Length):
    """Close all that lies right of an end-of-sequence token of the same region.

    What stands after the end is never read; only as context could it have changed an answer.
    """

    def __call__(self, canvas: Canvas, view: View, memo: Any) -> tuple[Change, Any]:
        """Return the masked positions after an end."""
        del view
        place = torch.arange(canvas.tokens.shape[1], device=canvas.tokens.device)
        ended = place > canvas.first_in_region(canvas.ends(canvas.tokens))
        return Change(ended & canvas.masked), memo


@dataclass(frozen=True)
class Full(Length):
    """Decode every position, whatever has ended."""

    def __call__(self, canvas: Canvas, view: View, memo: Any) -> tuple[Change, Any]:
        """Return no change."""
        del view
        return Change(nothing(canvas)), memo


def finds_length(part: Length) -> bool:
    """Does the part change how many positions a region has?"""
    return not isinstance(part, EndAtEos | Full)


def end_density(view: View) -> Float[Tensor, "B R"]:
    """The share of each region's masks whose candidate is the end of sequence.

    The implicit density of arXiv:2601.22527; 0 for a region without masks.
    """
    canvas = view.canvas
    ends = canvas.per_region(canvas.masked & canvas.ends(view.draw))
    return ends / canvas.per_region(canvas.masked).clamp(min=1)


def end_tail(view: View, window: int = 32) -> Float[Tensor, "B R"]:
    """The sum over each region's last `window` candidates that are ends of their probability.

    Divided by `window`, however few there are (DAEDAL, arXiv:2508.00819). Written positions count
    too: it needs {"masked", "placed"}.
    """
    canvas, tails = view.canvas, []
    for region in range(canvas.regions):
        ends = (canvas.region == region) & canvas.ends(view.draw) & (view.chosen > -torch.inf)
        last = ends & (ends.flip(1).cumsum(1).flip(1) <= window)
        tails.append(torch.where(last, view.chosen.exp(), 0).sum(1) / window)
    return torch.stack(tails, 1)


def last_place(canvas: Canvas) -> Bool[Tensor, "B L"]:
    """The last position of each region."""
    found = nothing(canvas)
    for region in range(canvas.regions):
        inside = canvas.region == region
        found |= inside & (inside.flip(1).cumsum(1).flip(1) == 1)
    return found


def spread(canvas: Canvas, values: Shaped[Tensor, "B R"]) -> Shaped[Tensor, "B L"]:
    """The value of each position's region; that of region 0 where nothing is writable."""
    return values.gather(1, canvas.region.clamp(min=0))


def empty_tail(canvas: Canvas, count: Int[Tensor, "B R"]) -> Bool[Tensor, "B L"]:
    """The last `count` positions of each region, as far as they hold no text.

    Text is what is neither masked nor an end. The first position of a region always stays.
    """
    blank = (canvas.masked | canvas.ends(canvas.tokens)) & ~canvas.given
    found = nothing(canvas)
    for region in range(canvas.regions):
        inside = canvas.region == region
        place = inside.flip(1).cumsum(1).flip(1)  # 1 at the end of the region
        text = (inside & ~blank).flip(1).cumsum(1).flip(1) > 0
        first = inside & (inside.cumsum(1) == 1)
        found |= inside & (place <= count[:, region, None]) & ~text & ~first
    return found
