"""Revisers: which written positions to take back or to write over."""

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from .canvas import Canvas
from .errors import PlaitError
from .parts import Mask, Reviser, Revision, View, by_index, nothing
from .schedule import block_of, leftmost_block
from .select import rank


@dataclass(frozen=True)
class Keep(Reviser):
    """Never change anything that is written."""

    def __call__(self, view: View, commit: Mask, memo: Any) -> tuple[Revision, Any]:
        """Return no change."""
        del commit
        return Revision(nothing(view.canvas), nothing(view.canvas)), memo


class Noted(Reviser):
    """A reviser that notes one number for each position; 0 at first and at new positions."""

    def init(self, canvas: Canvas) -> Float[Tensor, "B L"]:
        """Zeros."""
        return torch.zeros(canvas.tokens.shape, device=canvas.tokens.device)

    def moved(self, memo: Float[Tensor, "B L"], index: Int[Tensor, "B M"]) -> Float[Tensor, "B M"]:
        """Take the numbers along."""
        return by_index(memo, index)


def earlier(view: View) -> Mask:
    """Positions that were written in an earlier round."""
    return ~(view.canvas.masked | view.canvas.given)


def lowest(score: Float[Tensor, "B L"], among: Mask, count: Int[Tensor, " B"]) -> Mask:
    """The `count` positions of `among` with the lowest score; of equals, the leftmost."""
    return among & (rank(-score, among) < count[:, None])


@dataclass(frozen=True)
class Revise(Reviser):
    """Write over a token when another one has at least probability `above` in its place.

    Token-to-token editing (LLaDA2.1). It needs a model that was trained to correct, and at
    temperature 0 the other token is the most probable one.
    """

    above: float  # probability; above 1 nothing is ever written over

    needs = frozenset({"placed"})

    def __post_init__(self) -> None:
        if self.above < 0:
            raise PlaitError(f"the editing threshold is {self.above}; it must be 0 or more")

    def __call__(self, view: View, commit: Mask, memo: Any) -> tuple[Revision, Any]:
        """Return the positions to write over."""
        del commit
        return Revision(nothing(view.canvas), other(view, self.above)), memo


def other(view: View, above: float) -> Mask:
    """Written positions whose candidate is another token, of at least probability `above`."""
    bar = math.log(above) if above > 0 else -math.inf
    return earlier(view) & (view.draw != view.canvas.tokens) & (view.chosen >= bar)


BARS = {"low": 0.1, "other": 0.9, "moved": 0.3}  # defaults of the release for arXiv:2604.18738


@dataclass(frozen=True)
class Suspicion:
    """How often each position was taken back, and its probability when last looked at."""

    times: Int[Tensor, "B L"]
    before: Float[Tensor, "B L"]  # probability of what is written; 0 = not looked at yet


@dataclass(frozen=True)
class Remask(Reviser):
    """Take back a written token that looks wrong, so that it is predicted afresh.

    Token-to-mask editing (arXiv:2604.18738). A token is suspect when its own probability is
    below `bar` ("low"), when another one has at least probability `bar` ("other"), or when
    its probability moved by more than `bar` since the last round ("moved").
    """

    detector: Literal["low", "other", "moved"] = "low"
    bar: float | None = None  # a probability; None = the paper's for the detector
    times: int = 3  # how often one position may be taken back

    needs = frozenset({"placed"})

    def __post_init__(self) -> None:
        if self.detector not in BARS:
            raise PlaitError(f"detector '{self.detector}' is not 'low', 'other' or 'moved'")
        if self.bar is not None and self.bar < 0:
            raise PlaitError(f"the bar of suspicion is {self.bar}; it must be 0 or more")
        if self.times < 0:
            raise PlaitError(f"times is {self.times}; it must be 0 or more")

    def init(self, canvas: Canvas) -> Suspicion:
        """Nothing taken back, nothing looked at."""
        return Suspicion(
            torch.zeros_like(canvas.tokens), torch.zeros_like(canvas.tokens, dtype=torch.float32)
        )

    def moved(self, memo: Suspicion, index: Int[Tensor, "B M"]) -> Suspicion:
        """Take the counts along."""
        return Suspicion(by_index(memo.times, index), by_index(memo.before, index))

    def __call__(self, view: View, commit: Mask, memo: Suspicion) -> tuple[Revision, Suspicion]:
        """Return the suspects as erased."""
        del commit
        assert view.placed is not None
        bar = BARS[self.detector] if self.bar is None else self.bar
        now, before = view.placed.exp(), memo.before
        if self.detector == "low":
            suspect = now < bar
        elif self.detector == "other":
            suspect = other(view, bar)
        else:
            suspect = (before > 0) & ((now - before).abs() > bar)
        erase = earlier(view) & suspect & (memo.times < self.times)
        after = torch.where(erase | ~earlier(view), 0, now)
        return Revision(erase, nothing(view.canvas)), Suspicion(memo.times + erase, after)


@dataclass(frozen=True)
class Calm:
    """The block under revision, whether it changed in the last round, and its rounds when full."""

    block: Int[Tensor, " B"]
    changed: Bool[Tensor, " B"]
    post: Int[Tensor, " B"]
    inner: Any


@dataclass(frozen=True)
class InBlock(Reviser):
    """Any reviser, inside the block being decoded only (LLaDA2.1).

    A full block is held back until a round changes nothing in it, at most `post` rounds.
    """

    inner: Reviser
    size: int
    post: int = 16

    def __post_init__(self) -> None:
        if self.post < 0:
            raise PlaitError(f"post is {self.post}; it must be 0 or more rounds")

    @property
    def needs(self) -> frozenset[str]:
        """What the inner reviser needs."""
        return self.inner.needs

    def init(self, canvas: Canvas) -> Calm:
        """Before the first block."""
        zero = torch.zeros_like(canvas.length)
        return Calm(zero - 1, zero > 0, zero, self.inner.init(canvas))

    def moved(self, memo: Calm, index: Int[Tensor, "B M"]) -> Calm:
        """Move the inner memory."""
        return replace(memo, inner=self.inner.moved(memo.inner, index))

    def holds(self, canvas: Canvas, round: Int[Tensor, " B"], memo: Calm) -> Bool[Tensor, " B"]:
        """Hold rows whose block is full, has just changed, and has rounds left."""
        del round
        mine = block_of(canvas, self.size) == memo.block[:, None]
        full = ~(canvas.masked & mine).any(1)
        return full & memo.changed & (memo.post < self.post)

    def __call__(self, view: View, commit: Mask, memo: Calm) -> tuple[Revision, Calm]:
        """Return the inner reviser's changes in the block."""
        canvas = view.canvas
        held = self.holds(canvas, view.round, memo)
        block = torch.where(held, memo.block, leftmost_block(canvas, self.size))
        mine = block_of(canvas, self.size) == block[:, None]
        found, inner = self.inner(view, commit, memo.inner)
        found = Revision(found.erase & mine, found.rewrite & mine)
        changed = ((commit & mine) | found.erase | found.rewrite).any(1)
        post = torch.where(held, memo.post + 1, 0)
        return found, Calm(block, changed, post, inner)


@dataclass(frozen=True)
class Sceptic(Reviser):
    """Take back tokens that were there before the first round and now look unlikely."""

    doubt: float  # probability below which a draft token is not believed

    needs = frozenset({"placed"})

    def __post_init__(self) -> None:
        if not 0 <= self.doubt <= 1:
            raise PlaitError(f"doubt is {self.doubt}; it must lie between 0 and 1")

    def init(self, canvas: Canvas) -> Bool[Tensor, "B L"]:
        """The draft: what is written and not given."""
        return ~(canvas.masked | canvas.given)

    def moved(self, memo: Bool[Tensor, "B L"], index: Int[Tensor, "B M"]) -> Bool[Tensor, "B M"]:
        """Take the marks along."""
        return by_index(memo, index)

    def holds(self, canvas: Canvas, round: Int[Tensor, " B"], memo: Any) -> Bool[Tensor, " B"]:
        """A canvas full of draft is looked at once."""
        return ~canvas.masked.any(1) & memo.any(1) & (round == 0)

    def __call__(
        self, view: View, commit: Mask, memo: Bool[Tensor, "B L"]
    ) -> tuple[Revision, Bool[Tensor, "B L"]]:
        """Return the draft tokens that are not believed; each is taken back once."""
        del commit
        assert view.placed is not None
        bar = math.log(self.doubt) if self.doubt else -math.inf
        erase = memo & (view.placed < bar)
        return Revision(erase, nothing(view.canvas)), memo & ~erase
