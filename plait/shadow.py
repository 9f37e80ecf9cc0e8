"""Leave-one-out logits, from shadows behind the canvas that do not see their originals."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from .canvas import Canvas
from .errors import PlaitError
from .offers import shifted
from .parts import Denoiser, Guide, Mask
from .schedule import block_of, leftmost_block


@dataclass(frozen=True)
class Shadow(Guide):
    """The logits of written tokens of the block come from shadows that do not see them.

    The shadow of a position is a mask behind the canvas with the same place in the text. It sees
    all but its original, and the other shadows; the canvas does not see it. (The original still
    reaches it through third positions that saw it a layer below.) One forward of L + B
    positions, as in the paper; rows with nothing to verify have no shadows and cost L. The model
    must take its attention from `Canvas.visible`, as all of plait's do. PlaitError if it tells
    tokens from the position before them, which sees them.
    """

    size: int

    def __call__(
        self, model: Denoiser, canvas: Canvas, where: Mask, memo: Any
    ) -> tuple[Float[Tensor, "N V"], Any]:
        """Return the logits at `where`."""
        if shifted(model):
            raise PlaitError(
                "this method verifies a token at its own place, and this model tells it from the "
                "position before, which sees it; choose another method"
            )
        block = block_of(canvas, self.size) == leftmost_block(canvas, self.size)[:, None]
        block = block & ~canvas.given
        check = where & block & ~canvas.masked
        if not check.any():
            return model(canvas, where), memo
        wide, origin, shadow = shadowed(canvas, block & check.any(1, keepdim=True))
        asked = torch.where(shadow, check.gather(1, origin), (where & ~check).gather(1, origin))
        asked = asked & wide.real
        row, place = asked.nonzero(as_tuple=True)
        order = (row * canvas.tokens.shape[1] + origin[row, place]).argsort()
        return model(wide, asked)[order], memo


def shadowed(canvas: Canvas, block: Mask) -> tuple[Canvas, Int[Tensor, "B M"], Bool[Tensor, "B M"]]:
    """The canvas with masks behind it for `block`; where each position is from; the shadows."""
    length = canvas.length + block.sum(1)
    place = torch.arange(int(length.max()), device=block.device).expand(len(block), -1)
    origin = torch.zeros_like(place)
    for row, end in enumerate(canvas.length.tolist()):
        source = torch.cat([place[row, :end], block[row].nonzero()[:, 0]])
        origin[row, : len(source)] = source
    shadow = (place >= canvas.length[:, None]) & (place < length[:, None])
    wide = canvas.each(lambda x: x.gather(1, origin) if x.ndim == 2 else x)
    own = shadow[:, :, None] & ~shadow[:, None] & (origin[:, :, None] == place[:, None])
    return (
        replace(
            wide,
            tokens=wide.tokens.masked_fill(shadow, canvas.mask_id),
            length=length,
            group=torch.full_like(origin, -1) if wide.group is None else wide.group,
            blind=own | (shadow[:, None] & ~shadow[:, :, None]),
        ),
        origin,
        shadow,
    )
