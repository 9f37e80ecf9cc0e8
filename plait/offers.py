"""What a denoiser may offer beyond logits; one that does not is refused in a sentence."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from .canvas import Canvas
from .errors import PlaitError
from .parts import Denoiser, by_index


@runtime_checkable
class Attentive(Protocol):
    """A denoiser that can show its attention, for parts with needs = {"attention"}."""

    def attend(
        self, canvas: Canvas, where: Bool[Tensor, "B L"]
    ) -> tuple[Float[Tensor, "N V"], Float[Tensor, "B L L"]]:
        """Return the logits, and the attention averaged over layers and heads: [b, i, j], i to j.

        Rows of real positions sum to 1; padding neither reads nor is read (0).
        """
        ...


@dataclass(frozen=True)
class Blend:
    """Tokens that are mixed into the input of a position; its own token keeps the other weight."""

    tokens: Int[Tensor, "B L K"]
    weight: Float[Tensor, "B L K"]  # each position's sum up to 1

    @staticmethod
    def none(canvas: Canvas, count: int) -> "Blend":
        """`count` tokens of weight 0 at each position."""
        tokens = canvas.tokens[..., None].repeat(1, 1, count)
        return Blend(tokens, torch.zeros(tokens.shape, device=tokens.device))

    def moved(self, index: Int[Tensor, "B M"]) -> "Blend":
        """The mixture after positions moved; new ones have none."""
        return Blend(by_index(self.tokens, index), by_index(self.weight, index))

    def at(self, where: Bool[Tensor, "B L"]) -> "Blend":
        """The mixture, of weight 0 elsewhere."""
        return Blend(self.tokens, self.weight.masked_fill(~where[..., None], 0))

    def part(self, rows: slice, length: int) -> "Blend":
        """That of some rows, up to a position."""
        return Blend(self.tokens[rows, :length], self.weight[rows, :length])


@runtime_checkable
class Blending(Protocol):
    """A denoiser that can read a mixture of tokens at a position."""

    def blend(
        self, canvas: Canvas, where: Bool[Tensor, "B L"], mixture: Blend
    ) -> Float[Tensor, "N V"]:
        """Return logits for the input embeddings (1 - sum w_k) E[token] + sum w_k E[token_k]."""
        ...


@runtime_checkable
class Layered(Protocol):
    """A denoiser that shows what its head reads, for methods that put a layer in between."""

    def states(self, canvas: Canvas) -> Float[Tensor, "B L W"]:
        """Return, for each position, the state from which its token is predicted; padding any."""
        ...

    def read(self, states: Float[Tensor, "N W"]) -> Float[Tensor, "N V"]:
        """Return the logits of some states."""
        ...

    def embedded(self, tokens: Int[Tensor, "B L"]) -> Float[Tensor, "B L W"]:
        """Return the input embeddings of tokens."""
        ...


@runtime_checkable
class Shifting(Protocol):
    """A denoiser that says whether it tells a token from the position before it."""

    @property
    def shift(self) -> bool:
        """True where it does, as models do that were autoregressive."""
        ...


def attentive(model: Denoiser) -> Attentive:
    """Return the model as one that shows its attention; PlaitError if it does not."""
    if isinstance(model, Attentive):
        return model
    raise _lacking("reads attention weights", "does not show them")


def blending(model: Denoiser) -> Blending:
    """Return the model as one that reads mixtures; PlaitError if it does not."""
    if isinstance(model, Blending):
        return model
    raise _lacking("feeds mixtures of tokens to the model", "takes tokens only")


def layered(model: Denoiser) -> Layered:
    """Return the model as one that shows its states; PlaitError if it does not."""
    if isinstance(model, Layered):
        return model
    raise _lacking("puts a layer before the model's head", "does not show what its head reads")


def shifted(model: Denoiser) -> bool:
    """Whether the model tells a token from the position before it; False if it does not say."""
    return isinstance(model, Shifting) and model.shift


def _lacking(does: str, lacks: str) -> PlaitError:
    return PlaitError(
        f"this method {does}, and this model {lacks}; choose a method that needs probabilities only"
    )
