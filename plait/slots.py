"""Rows that join a batch while others are being decoded: their canvas and every part's memory."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from .canvas import Canvas
from .nested import mapped
from .parts import Part


def stacked(canvas: Canvas, new: Canvas) -> Canvas:
    """The rows of both, padded to the longest of them; a width that nobody needs is given up."""
    rows = [part.row(i) for part in (canvas, new) for i in range(len(part.tokens))]
    return Canvas.stack(rows)


def widened(parts: Mapping[str, Part], memo: dict[str, Any], old: Canvas, new: Canvas) -> Any:
    """The memory of the rows of `old`, on a canvas as wide as `new`."""
    (rows, before), width = old.tokens.shape, new.tokens.shape[1]
    if before == width:
        return memo
    place = torch.arange(width, device=old.tokens.device)
    index = place.masked_fill(place >= before, -1).expand(rows, -1)
    return memo | {name: part.moved(memo[name], index) for name, part in parts.items()}


def joined(one: Any, other: Any) -> Any:
    """Records of the same kind with the rows of both: tensors, one below the other.

    A row that has just joined may hold one value in place of one per token of the vocabulary.
    """

    def both(x: Tensor, y: Tensor) -> Tensor:
        rest = torch.broadcast_shapes(x.shape[1:], y.shape[1:])
        return torch.cat([part.expand(-1, *rest) for part in (x, y)])

    return mapped(both, one, other)
