"""d2Cache: sure masks, what was just written, and what is attended to (arXiv:2509.23094)."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..canvas import Canvas
from ..errors import PlaitError
from ..inner import Notes, Seen, weights
from ..parts import Mask, View
from ..refresh import Cache, Refresh, check_every, due, placed
from ..select import rank


@dataclass
class Heard:
    """Notes one row's attention, averaged over heads, layer by layer."""

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
        """Return what is visible anyway."""
        length = key.shape[2]
        old = self.notes.get(layer, torch.zeros(length, length, device=key.device))
        self.notes[layer] = old.index_copy(0, at[0], weights(query, key, visible)[0].mean(0))
        return visible


@dataclass(frozen=True)
class Rows:
    """The notes of a batch."""

    canvas: Canvas
    notes: Notes

    def row(self, row: int, length: int) -> Heard:
        """Those of a row."""
        del length
        return Heard(self.notes.of(self.canvas, row))


def attended(notes: dict[Any, Any], length: int, among: Bool[Tensor, " L"], mass: float) -> Tensor:
    """The fewest positions of `among` that hold a share `mass` of the attention, by rollout.

    Rollout multiplies, over layers, the mean of attention and identity (arXiv:2005.00928).
    """
    eye = torch.eye(length, device=among.device)
    total = eye
    for layer in sorted(notes):
        total = (notes[layer] + eye) / 2 @ total
    column = total.sum(0).masked_fill(~among, 0)
    falling, order = column.sort(descending=True, stable=True)
    before = falling.cumsum(0) - falling
    keep = (before < mass * column.sum()) & (falling > 0)
    return torch.zeros_like(among).scatter(0, order, keep)


@dataclass(frozen=True)
class Memo:
    """What was masked in the last round, and how sure each position last was."""

    masked: Bool[Tensor, "B L"]
    sure: Float[Tensor, "B L"]  # probability; 0 = never looked at
    notes: Notes = field(default_factory=Notes)


@dataclass(frozen=True)
class Dual(Cache):
    """The `count` surest masks in dense text, what was just written, and what is attended to."""

    count: int  # positions
    mass: float  # of the attention
    width: float  # positions
    refresh: int  # rounds

    inside_layers: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_every(self.refresh)
        if self.count < 1 or self.width <= 0 or not 0 <= self.mass <= 1:
            raise PlaitError(
                f"count is {self.count}, width {self.width} and mass {self.mass}; they must be at "
                "least 1, above 0, and between 0 and 1"
            )

    def init(self, canvas: Canvas) -> Memo:
        """Nothing was looked at."""
        nothing = torch.zeros(canvas.tokens.shape, device=canvas.tokens.device)
        return Memo(torch.zeros_like(canvas.given), nothing)

    def moved(self, memo: Memo, index: Int[Tensor, "B M"]) -> Memo:
        """Nothing was looked at in its new place."""
        return Memo(placed(memo.masked, index), placed(memo.sure, index), memo.notes)

    def __call__(
        self, canvas: Canvas, open: Mask, round: Int[Tensor, " B"], memo: Memo
    ) -> tuple[Refresh, Memo]:
        """Return the three sets."""
        place = torch.arange(open.shape[1], device=open.device)
        near = torch.exp(-((place[:, None] - place).double() ** 2) / (2 * self.width**2))
        text, real = ((canvas.real & ~canvas.masked), canvas.real)
        density = (text.double() @ near) / (real.double() @ near)
        score = (memo.sure * density).round(decimals=9)  # sums of other lengths round otherwise
        stale = open & (rank(score, open) < self.count)
        stale = stale | (memo.masked & ~canvas.masked)
        for row, length in enumerate(canvas.length.tolist()):
            notes = memo.notes.of(canvas, row)
            rest = (canvas.real & ~canvas.masked & ~stale)[row, :length]
            if notes:
                stale[row, :length] |= attended(notes, length, rest, self.mass)
        stale = stale | (due(round, self.refresh) & canvas.real)
        after = Memo(canvas.masked, memo.sure, memo.notes)
        return Refresh(stale, inner=Rows(canvas, memo.notes)), after

    def after(self, view: View, memo: Memo) -> Memo:
        """Note how sure the positions are that were looked at."""
        seen = view.chosen > -torch.inf
        return Memo(memo.masked, torch.where(seen, view.chosen.exp(), memo.sure), memo.notes)


def d2(count: int = 32, mass: float = 0.1, width: float = 10.0, refresh: int = 0) -> Dual:
    """Recompute sure masks near written text, what was just written, and what is attended to.

    Masks are ranked by their last probability times the density of written text around them
    (Gaussian of `width` positions). Of the rest, the fewest positions with a share `mass` of the
    attention are recomputed, by rollout over all layers. Only what is recomputed may be
    committed. The published code also commits by that product; here the method decides.
    """
    return Dual(count, mass, width, refresh)
