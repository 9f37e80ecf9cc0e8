"""What the parts of a decoder look like. Every part answers with a mask over the canvas.

A part never calls the model and never writes the canvas: `decode.step` does both, in one place.
Settings are frozen fields; memory goes in and comes out, with the rows of the batch as leading
axis, so that a row can leave or join a batch at any round.
"""

import abc
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from . import keyed
from .canvas import Canvas

Mask = Bool[Tensor, "B L"]
REVISIONS = 4  # rounds per free position after which nothing is taken back, so that all ends


@dataclass(frozen=True)
class Plan:
    """Where to decode now, and how many commits each pool of positions should get."""

    open: Bool[Tensor, "B L"]
    pool: Int[Tensor, "B L"]  # 0..P-1; which quota a position counts against
    quota: Int[Tensor, "B P"]  # commits wanted this round


@dataclass(frozen=True)
class View:
    """What selector, reviser, length and stop see after one forward pass.

    The statistics are float32, made once, from the logits without the mask token and before any
    temperature. Positions that were not looked at hold -inf (entropy: +inf). Looked at are the
    open positions, all masked ones for parts with needs = {"masked"}, and the written ones too
    for parts with needs = {"placed"}.
    """

    canvas: Canvas
    plan: Plan
    open: Bool[Tensor, "B L"]  # masked positions that may be committed now
    seed: int
    round: Int[Tensor, " B"]
    draw: Int[Tensor, "B L"]  # the sampler's candidate
    chosen: Float[Tensor, "B L"]  # log-probability of the candidate, nats
    placed: Float[Tensor, "B L"] | None = None  # of the token that is written there
    second: Float[Tensor, "B L"] | None = None  # of the best other token; needs = {"second"}
    entropy: Float[Tensor, "B L"] | None = None  # nats; needs = {"entropy"}
    logp: Float[Tensor, "B L V"] | None = None  # needs = {"logp"}
    attention: Float[Tensor, "B L L"] | None = None  # [b, i, j]: i reads j; needs = {"attention"}

    def uniform(self, salt: int) -> Float[Tensor, "B L"]:
        """One random number in (0, 1) for each position, the same in every batch."""
        row = self.canvas.key[:, None]
        return keyed.uniform(self.seed, salt, row, self.canvas.pos, self.round[:, None])


class Part(abc.ABC):
    """Something that a decoder is made of."""

    @property
    def needs(self) -> frozenset[str]:
        """Fields of View beyond `draw` and `chosen` that this part reads; a class may fix them."""
        return frozenset()

    def init(self, canvas: Canvas) -> Any:  # noqa: ARG002
        """Return the memory this part carries from round to round; leading axis B."""
        return None

    def moved(self, memo: Any, index: Int[Tensor, "B L"]) -> Any:  # noqa: ARG002
        """Return the memory after positions moved: new place i was `index[i]`, or is new (-1).

        Parts with memory per position must answer this; see `by_index`.
        """
        return memo


class Start(Part):
    """What a canvas holds before the first round."""

    @abc.abstractmethod
    def __call__(self, canvas: Canvas, seed: int) -> Canvas:
        """Return the canvas to decode from; only free positions may differ."""


class Schedule(Part):
    """Where, and how many."""

    @abc.abstractmethod
    def __call__(self, canvas: Canvas, round: Int[Tensor, " B"], memo: Any) -> tuple[Plan, Any]:
        """Return which positions are being decoded, and how many commits they should get."""


class Selector(Part):
    """Which."""

    at_least: ClassVar[int] = 1  # 0: a round may commit nothing, else the engine adds the best one

    @abc.abstractmethod
    def __call__(self, view: View, memo: Any) -> tuple[Mask, Any]:
        """Return which open positions to commit."""


class Sampler(Part):
    """What."""

    @abc.abstractmethod
    def __call__(
        self, logits: Float[Tensor, "N V"], seed: int, where: Int[Tensor, "N 3"]
    ) -> Int[Tensor, " N"]:
        """Return a token for each position; `where` holds its (row key, position, round)."""


@dataclass(frozen=True)
class Revision:
    """What to take back, and what to write over: masks over the canvas.

    A position in `rewrite` gets the candidate of this round (`View.draw`).
    """

    erase: Bool[Tensor, "B L"]
    rewrite: Bool[Tensor, "B L"]


class Reviser(Part):
    """What to take back or to write over."""

    @abc.abstractmethod
    def __call__(self, view: View, commit: Mask, memo: Any) -> tuple[Revision, Any]:
        """Return the changes to written positions; those of `commit` count as written.

        What a round commits and erases at once was never written: no trace tells of it.
        """

    def limit(self, canvas: Canvas) -> Int[Tensor, " B"]:
        """Return the round from which nothing is changed any more."""
        return REVISIONS * (~canvas.given).sum(1)

    def holds(self, canvas: Canvas, round: Int[Tensor, " B"], memo: Any) -> Bool[Tensor, " B"]:  # noqa: ARG002
        """Return the rows that commit nothing and do not end, since what is written may change."""
        return torch.zeros_like(round, dtype=torch.bool)


@dataclass(frozen=True)
class Change:
    """How regions end, grow and shrink.

    `fill` closes masked positions with the end-of-sequence token. `insert` counts new masked
    positions to put after each position, in its region; `delete` cuts positions away.
    """

    fill: Bool[Tensor, "B L"]
    insert: Int[Tensor, "B L"] | None = None
    delete: Bool[Tensor, "B L"] | None = None


class Length(Part):
    """How long a region is."""

    @abc.abstractmethod
    def __call__(self, canvas: Canvas, view: View, memo: Any) -> tuple[Change, Any]:
        """Return the changes of length; `canvas` is the one after this round's commits."""

    def waits(self, view: View, memo: Any) -> Bool[Tensor, " B"]:  # noqa: ARG002
        """Return the rows that should commit nothing now, since their length is being found."""
        return torch.zeros_like(view.round, dtype=torch.bool)


class Stop(Part):
    """When the rest needs no more rounds."""

    needs = frozenset({"masked"})

    @abc.abstractmethod
    def __call__(self, view: View, memo: Any) -> tuple[Bool[Tensor, " B"], Any]:
        """Return the rows to finish now: each masked position gets its candidate."""


class Guide(Part):
    """What stands between the model and the decoder: other logits, for more forwards perhaps."""

    @property
    def single(self) -> bool:
        """Does it look at the canvas itself, once, and at no other version of it?"""
        return False

    @abc.abstractmethod
    def __call__(
        self, model: "Denoiser", canvas: Canvas, where: Mask, memo: Any
    ) -> tuple[Float[Tensor, "N V"], Any]:
        """Return logits at the N positions of `where`, in row-major order."""


@runtime_checkable
class Denoiser(Protocol):
    """A masked diffusion model as the loop sees it."""

    @property
    def vocab(self) -> int:
        """Number of token ids, the mask included."""
        ...

    def __call__(self, canvas: Canvas, where: Bool[Tensor, "B L"]) -> Float[Tensor, "N V"]:
        """Return logits at the N positions of `where`, in row-major order.

        A row's logits must not depend on the other rows of the batch.
        """
        ...


def by_index(
    values: Shaped[Tensor, "B L *rest"], index: Int[Tensor, "B M"]
) -> Shaped[Tensor, "B M *rest"]:
    """Return values per position after a move, zero at new positions."""
    old = index.clamp(min=0)
    rows = torch.arange(len(index), device=index.device)[:, None]
    new = (index < 0).reshape(*index.shape, *[1] * (values.ndim - 2))
    return torch.where(new, torch.zeros_like(values[rows, old]), values[rows, old])


def nothing(canvas: Canvas) -> Mask:
    """Return the empty mask."""
    return torch.zeros_like(canvas.given)
