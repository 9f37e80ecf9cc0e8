"""SparseD: late rounds attend by a pattern found in an early one (arXiv:2509.24014)."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..canvas import Canvas
from ..errors import PlaitError
from ..inner import Notes, Plain, Seen, both, weights
from ..parts import Mask
from ..refresh import Cache, Refresh, check_every, due


@dataclass
class Pattern:
    """Which blocks of keys each block of queries of one row sees, by layer and head."""

    select: float
    size: int
    prompt: Bool[Tensor, " L"]
    notes: dict[Any, Any]
    computed: float = 0

    def sees(
        self,
        layer: int,
        query: Float[Tensor, "1 H N D"],
        key: Float[Tensor, "1 H L D"],
        visible: Seen,
        at: Int[Tensor, "1 N"],
    ) -> Seen:
        """Find the pattern when a layer is asked for the first time; see by it."""
        del at
        if layer not in self.notes:
            self.notes[layer] = self._found(weights(query, key, visible))
        return both(visible, self.notes[layer])

    def _found(self, seen: Float[Tensor, "1 H L L"]) -> Bool[Tensor, "1 H L L"]:
        length = seen.shape[-1]
        block = torch.arange(length, device=seen.device) // self.size
        count = int(block[-1]) + 1
        member = torch.nn.functional.one_hot(block, count).float()
        mass = member.T @ seen[0] @ member  # [H, query block, key block]
        chosen = torch.zeros_like(mass, dtype=torch.bool)
        for part in (self.prompt, ~self.prompt):
            there = (member.T @ part.float()) > 0
            own = mass.masked_fill(~there, -torch.inf)
            best = own.topk(min(int(self.select * int(there.sum())) + 1, count), -1).indices
            chosen |= torch.zeros_like(chosen).scatter_(-1, best, True) & there
        return chosen[:, block][:, :, block][None]


@dataclass(frozen=True)
class Rows:
    """Which rows are past their dense rounds."""

    owner: "Sparse"
    canvas: Canvas
    dense: Bool[Tensor, " B"]
    notes: Notes

    def row(self, row: int, length: int) -> Pattern | Plain:
        """The pattern of a row; none in a dense round."""
        notes = self.notes.of(self.canvas, row)
        if self.dense[row]:
            notes.clear()
            return Plain()
        return Pattern(self.owner.select, self.owner.block, self.canvas.prompt[row, :length], notes)


@dataclass(frozen=True)
class Sparse(Cache):
    """All positions; after a share `skip` of the text each head sees some blocks only."""

    skip: float  # of the free positions
    select: float  # of the blocks
    block: int  # positions
    refresh: int  # rounds

    offers: ClassVar[frozenset[str]] = frozenset({"masked", "placed"})
    inside_layers: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_every(self.refresh)
        if not (0 <= self.skip <= 1 and 0 <= self.select <= 1):
            raise PlaitError(
                f"skip is {self.skip} and select {self.select}; both must lie between 0 and 1"
            )
        if self.block < 1:
            raise PlaitError(f"block is {self.block} positions; it must be >= 1")

    def init(self, canvas: Canvas) -> Notes:
        """No pattern yet."""
        del canvas
        return Notes()

    def __call__(
        self, canvas: Canvas, open: Mask, round: Int[Tensor, " B"], memo: Notes
    ) -> tuple[Refresh, Notes]:
        """Return all positions, and the patterns."""
        del open
        free = (~canvas.given).sum(1).clamp(min=1)
        early = 1 - canvas.masked.sum(1) / free < self.skip
        dense = early | due(round, self.refresh)[:, 0]
        return Refresh(canvas.real, inner=Rows(self, canvas, dense, memo)), memo


def sparse_attention(
    skip: float = 0.2, select: float = 0.3, block: int = 128, refresh: int = 0
) -> Sparse:
    """Recompute all; from a share `skip` of the text on, see a share `select` of the keys.

    In the first round after that each head scores blocks of keys by the attention they get from
    each block of queries, and keeps the best, those of the prompt and the others apart. `refresh`
    makes every so many rounds dense, and the pattern new. Progress is what is written, where the
    published code wants the number of rounds in advance. The pattern is a mask: this shows what
    sparsity costs in accuracy; it saves time only with kernels that skip blocks.
    """
    return Sparse(skip, select, block, refresh)
