"""What a cache decides inside of a forward pass, layer by layer, for one row at a time.

Published caches of this kind are written for one row. Rows run one by one here too, so that what
one of them needs does not depend on the others.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from .canvas import Canvas

Seen = Bool[Tensor, "1 #H #N L"] | None


@runtime_checkable
class Inner(Protocol):
    """One row's decisions in one forward pass: a `Sees`, a `Walk`, or both."""

    computed: float  # positions that went through a layer, averaged over layers; 0 = as planned


@runtime_checkable
class Sees(Protocol):
    """An `Inner` that restricts attention."""

    def sees(
        self,
        layer: int,
        query: Float[Tensor, "1 H N D"],
        key: Float[Tensor, "1 H L D"],
        visible: Seen,
        at: Int[Tensor, "1 N"],
    ) -> Seen:
        """Return whom the queried positions `at` see in this layer; None = all."""
        ...


@runtime_checkable
class Walk(Protocol):
    """An `Inner` that takes a row through the blocks itself."""

    def walk(
        self,
        blocks: Any,
        x: Float[Tensor, "1 N W"],
        at: Int[Tensor, "1 N"],
        look: Callable[[int, Int[Tensor, "1 M"]], Any],
    ) -> tuple[Float[Tensor, "1 M W"], Int[Tensor, "1 M"]]:
        """Return the states after the last block, and of which positions they are.

        `look(layer, at)` is what a layer needs to know to compute the positions `at`.
        """
        ...


@runtime_checkable
class Rows(Protocol):
    """The decisions of a batch: one `Inner` per row."""

    def row(self, row: int, length: int) -> Inner:
        """Return that of a row, which has no padding."""
        ...


@dataclass
class Plain:
    """Decides nothing."""

    computed: float = 0


class Notes:
    """What a cache notes of rows between rounds, by their keys.

    It stays with a row when others leave or join, and is dropped when positions of it move.
    """

    def __init__(self) -> None:
        self._rows: dict[int, tuple[Int[Tensor, " L"], dict[Any, Any]]] = {}

    def of(self, canvas: Canvas, row: int) -> dict[Any, Any]:
        """The notes of a row; empty if it is new, or has other positions than before."""
        key, names = int(canvas.key[row]), canvas.ids[row, : int(canvas.length[row])]
        if key not in self._rows or not torch.equal(self._rows[key][0], names):
            self._rows[key] = names, {}
        return self._rows[key][1]

    def clear(self) -> None:
        """Forget all rows."""
        self._rows.clear()


def weights(
    query: Float[Tensor, "1 H N D"], key: Float[Tensor, "1 H L D"], visible: Seen
) -> Float[Tensor, "1 H N L"]:
    """Attention weights in float32: SDPA does not give its own away."""
    score = query.float() @ key.float().transpose(-1, -2) / query.shape[-1] ** 0.5
    if visible is not None:
        score = score.masked_fill(~visible, -torch.inf)
    return score.softmax(-1)


def both(one: Seen, other: Bool[Tensor, "1 #H #N L"]) -> Seen:
    """What is visible by both."""
    return other if one is None else one & other
