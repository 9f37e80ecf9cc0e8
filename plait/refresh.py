"""Caches as refresh policies: which positions of a canvas a forward pass recomputes.

A model that keeps the keys and values of a canvas has one forward: tokens, positions to
recompute, buffer. A `Cache` says which positions those are; all else that is attended to is as
old as its last recomputation. The loop keeps the invariants: what was never computed is
recomputed before anyone sees it, and each row can commit somewhere.
"""

import abc
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from .canvas import Canvas
from .errors import PlaitError
from .inner import Rows
from .parts import Denoiser, Mask, Part, View, by_index


@dataclass(frozen=True)
class Refresh:
    """What one forward pass recomputes, and what may be attended to in it."""

    stale: Bool[Tensor, "B L"]
    seen: Bool[Tensor, "B L"] | None = None  # None = all
    inner: Rows | None = None  # decides more inside of the forward pass


@runtime_checkable
class Buffer(Protocol):
    """Keys and values of a canvas: made by the model, which writes into them in place."""

    def grown(self, rows: int, length: int) -> "Buffer":
        """The same with more rows behind the others, and with another width."""
        ...


@dataclass(frozen=True)
class Kept:
    """What a model keeps of a canvas between forward passes. Leading axis B."""

    kv: "Buffer"
    valid: Bool[Tensor, "B L"]  # computed at least once

    def grown(self, rows: int, length: int) -> "Kept":
        """The same with rows behind the others, and with another width; what is new is invalid."""
        here = self.valid[:, :length]
        pad = (0, length - here.shape[1], 0, rows - len(here))
        return Kept(self.kv.grown(rows, length), F.pad(here, pad, value=False))

    def moved(self, index: Int[Tensor, "B M"]) -> "Kept":
        """The same after a move: keys are turned to the places where they were."""
        wide = self.grown(*index.shape)
        return Kept(wide.kv, wide.valid & stayed(index))


class Cache(Part):
    """What is stale."""

    offers: ClassVar[frozenset[str]] = frozenset()  # "masked", "placed": recomputed every round
    hides: ClassVar[bool] = False  # some positions are seen by nobody
    inside_layers: ClassVar[bool] = False  # it decides inside of the forward pass, by `inner`
    final: ClassVar[bool] = False  # what was kept of a written position is never renewed

    @abc.abstractmethod
    def __call__(
        self, canvas: Canvas, open: Mask, round: Int[Tensor, " B"], memo: Any
    ) -> tuple[Refresh, Any]:
        """Return what to recompute; open positions outside of it cannot be committed now."""

    def after(self, view: View, memo: Any) -> Any:  # noqa: ARG002
        """Return the memory after the forward pass was looked at."""
        return memo

    def fit(self, block: int) -> "Cache":  # noqa: ARG002
        """Return this cache for a model with blocks of this size; PlaitError if they do not go."""
        return self


@runtime_checkable
class Keeping(Protocol):
    """A denoiser that can keep keys and values, and recompute a part of a canvas."""

    vocab: int

    @property
    def block(self) -> int:
        """Positions per block of a block-causal model; 0 = every position sees all."""
        ...

    def keep(self, canvas: Canvas) -> Buffer:
        """Return an empty buffer for the rows of a canvas; leading axis B."""
        ...

    def recompute(
        self, canvas: Canvas, where: Bool[Tensor, "B L"], refresh: Refresh, kv: Buffer
    ) -> tuple[Float[Tensor, "N V"], Float[Tensor, " B"]]:
        """Return logits at `where`, a part of `refresh.stale`, and positions computed per row."""
        ...


def keeping(model: Denoiser) -> Keeping:
    """Return the model as one that keeps keys and values; PlaitError if it does not."""
    if isinstance(model, Keeping):
        return model
    raise PlaitError(
        "a cache needs a model that keeps its keys and values, and this one does not; "
        "leave out the cache"
    )


@dataclass
class Partial:
    """A model as the decoder sees it in one round with a cache: a forward pass over a part."""

    model: Keeping
    refresh: Refresh
    kv: Buffer

    @property
    def vocab(self) -> int:
        """Number of token ids, the mask included."""
        return self.model.vocab

    def __call__(self, canvas: Canvas, where: Bool[Tensor, "B L"]) -> Float[Tensor, "N V"]:
        """Return logits at `where`."""
        return self.model.recompute(canvas, where, self.refresh, self.kv)[0]


def partial(
    keeper: Keeping,
    cache: Cache,
    canvas: Canvas,
    open: Mask,
    round: Int[Tensor, " B"],
    memo: dict[str, Any],
) -> tuple[Partial, Mask]:
    """Ask the cache what is stale; return the model for this round and where it has logits.

    Changes `memo`, which holds the memory of the cache and what the model has kept.
    """
    kept: Kept | None = memo.get("kept")
    if kept is None:
        kept = Kept(keeper.keep(canvas), torch.zeros_like(canvas.given))
    own = cache.fit(keeper.block)
    refresh, memo["cache"] = renewed(own, canvas, open, round, kept.valid, memo["cache"])
    memo["kept"] = Kept(kept.kv, kept.valid | refresh.stale)
    return Partial(keeper, refresh, kept.kv), refresh.stale


def renewed(
    cache: Cache, canvas: Canvas, open: Mask, round: Int[Tensor, " B"], valid: Mask, memo: Any
) -> tuple[Refresh, Any]:
    """What a cache recomputes now, and its memory.

    What is not `valid` was never computed, and is recomputed before anyone sees it. A row that
    could commit nowhere is recomputed whole.
    """
    refresh, memo = cache(canvas, open, round, memo)
    seen = canvas.real if refresh.seen is None else refresh.seen & canvas.real
    stale = (refresh.stale | ~valid) & seen
    lost = ~(open & stale).any(1, keepdim=True)  # such a row would never end
    stale, seen = torch.where(lost, canvas.real, stale), torch.where(lost, canvas.real, seen)
    return replace(refresh, stale=stale, seen=None if refresh.seen is None else seen), memo


def due(round: Int[Tensor, " B"], every: int) -> Bool[Tensor, "B 1"]:
    """Rows whose turn it is to be recomputed whole: every `every` rounds, 0 = never by this."""
    if every == 0:
        return torch.zeros_like(round, dtype=torch.bool)[:, None]
    return (round % every == 0)[:, None]


def hull(where: Mask) -> Mask:
    """All from the first to the last position of `where` in each row."""
    begun = where.cumsum(1) > 0
    return begun & (where.flip(1).cumsum(1).flip(1) > 0)


def first(where: Mask, count: int) -> Mask:
    """The first `count` positions of `where` in each row."""
    return where & (where.cumsum(1) <= count)


@dataclass(frozen=True)
class Span:
    """The block that each row is in: everything between the ends of what was open on entry."""

    inside: Bool[Tensor, "B L"]

    @staticmethod
    def none(canvas: Canvas) -> "Span":
        """No block was entered yet."""
        return Span(torch.zeros_like(canvas.given))

    def enter(self, open: Mask) -> tuple["Span", Bool[Tensor, "B 1"]]:
        """The block after a round that decodes `open`, and the rows that have entered another."""
        entered = (open & ~self.inside).any(1, keepdim=True)
        return Span(torch.where(entered, hull(open), self.inside)), entered

    def moved(self, index: Int[Tensor, "B M"]) -> "Span":
        """The block after a move (see `Part.moved`); rows of which positions moved have left it."""
        return Span(placed(self.inside, index))


class ByBlock(Cache):
    """A cache that keeps which block each row is in, and renews all every `refresh` rounds."""

    refresh: int  # rounds

    def __post_init__(self) -> None:
        check_every(self.refresh)

    def init(self, canvas: Canvas) -> Span:
        """No block yet."""
        return Span.none(canvas)

    def moved(self, memo: Span, index: Int[Tensor, "B M"]) -> Span:
        """A block whose positions moved is entered anew."""
        return memo.moved(index)


def stayed(index: Int[Tensor, "B M"]) -> Bool[Tensor, "B 1"]:
    """Rows that only got wider, or gave up padding: no position has another place than before."""
    place = torch.arange(index.shape[1], device=index.device)
    return ((index == place) | (index < 0)).all(1, keepdim=True)


def placed(values: Shaped[Tensor, "B L"], index: Int[Tensor, "B M"]) -> Shaped[Tensor, "B M"]:
    """What is noted of each position, after a move; nothing of rows of which positions moved."""
    return by_index(values, index) * stayed(index)


def check_every(every: int) -> None:
    """Raise PlaitError if a number of rounds cannot be one."""
    if every < 0:
        raise PlaitError(f"refresh is {every} rounds; it must be 0 (never by itself) or more")
