"""Length parts: which positions need no decoding because their region has ended."""

from dataclasses import dataclass
from typing import Any

import torch

from .canvas import Canvas
from .parts import Change, Length, View, nothing


@dataclass(frozen=True)
class EndAtEos(Length):
    """Close all that lies right of an end-of-sequence token of the same region.

    What stands after the end is never read, so no answer changes: only rounds are saved.
    """

    def __call__(self, canvas: Canvas, view: View, memo: Any) -> tuple[Change, Any]:
        """Return the masked positions after an end."""
        del view
        ended = nothing(canvas)
        end = (canvas.tokens == canvas.eos_id) & ~canvas.given
        for region in range(canvas.regions):
            inside = canvas.region == region
            ended |= inside & (torch.where(inside, end, False).cumsum(1) > 0)
        return Change(ended & canvas.masked), memo


@dataclass(frozen=True)
class Full(Length):
    """Decode every position, whatever has ended."""

    def __call__(self, canvas: Canvas, view: View, memo: Any) -> tuple[Change, Any]:
        """Return no change."""
        del view
        return Change(nothing(canvas)), memo
