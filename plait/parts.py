"""What the parts of a decoder look like. Every part answers with a mask over the canvas.

A part never calls the model and never writes the canvas: `decode.step` does both, in one place.
Settings are frozen fields; memory goes in and comes out, with the rows of the batch as leading
axis, so that a row can leave or join a batch at any round.
"""

import abc
import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from . import keyed
from .canvas import Canvas

Mask = Bool[Tensor, "B L"]


@dataclass(frozen=True)
class Plan:
    """Where to decode now, and how many commits each pool of positions should get."""

    open: Bool[Tensor, "B L"]
    pool: Int[Tensor, "B L"]  # 0..P-1; which quota a position counts against
    quota: Int[Tensor, "B P"]  # commits wanted this round


@dataclass(frozen=True)
class View:
    """What selector and reviser see after one forward pass.

    The statistics are float32, made once, from the logits without the mask token and before any
    temperature. Positions that were not looked at hold -inf (entropy: +inf).
    """

    canvas: Canvas
    plan: Plan
    open: Bool[Tensor, "B L"]  # masked positions that may be committed now
    seed: int
    round: Int[Tensor, " B"]
    draw: Int[Tensor, "B L"]  # the sampler's candidate
    chosen: Float[Tensor, "B L"]  # log-probability of the candidate, nats
    second: Float[Tensor, "B L"] | None = None  # of the best other token; needs = {"second"}
    entropy: Float[Tensor, "B L"] | None = None  # nats; needs = {"entropy"}
    logp: Float[Tensor, "B L V"] | None = None  # needs = {"logp"}

    def uniform(self, salt: int) -> Float[Tensor, "B L"]:
        """One random number in (0, 1) for each position, the same in every batch."""
        row = self.canvas.key[:, None]
        return keyed.uniform(self.seed, salt, row, self.canvas.pos, self.round[:, None])


class Part(abc.ABC):
    """Something that a decoder is made of."""

    needs: ClassVar[frozenset[str]] = frozenset()  # fields of View beyond `draw` and `chosen`

    def init(self, canvas: Canvas) -> Any:  # noqa: ARG002
        """Return the memory this part carries from round to round; leading axis B."""
        return None


class Schedule(Part):
    """Where, and how many."""

    @abc.abstractmethod
    def __call__(self, canvas: Canvas, round: Int[Tensor, " B"], memo: Any) -> tuple[Plan, Any]:
        """Return which positions are being decoded, and how many commits they should get."""


class Selector(Part):
    """Which."""

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


class Reviser(Part):
    """What to take back."""

    @abc.abstractmethod
    def __call__(self, view: View, memo: Any) -> tuple[Mask, Any]:
        """Return which written positions to mask again."""


class Length(Part):
    """How long a region is."""

    @abc.abstractmethod
    def __call__(self, canvas: Canvas, memo: Any) -> tuple[Mask, Any]:
        """Return which masked positions to close with the end-of-sequence token."""


def take(memo: Any, rows: Int[Tensor, " N"]) -> Any:
    """Return the memory of some rows: every tensor in `memo`, indexed on its leading axis."""
    if isinstance(memo, Tensor):
        return memo[rows]
    if isinstance(memo, dict):
        return {k: take(v, rows) for k, v in memo.items()}
    if isinstance(memo, (tuple, list)):
        return type(memo)(take(v, rows) for v in memo)
    if dataclasses.is_dataclass(memo) and not isinstance(memo, type):
        fields = {f.name: take(getattr(memo, f.name), rows) for f in dataclasses.fields(memo)}
        return dataclasses.replace(memo, **fields)
    return memo


def nothing(canvas: Canvas) -> Mask:
    """Return the empty mask."""
    return torch.zeros_like(canvas.given)
