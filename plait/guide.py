"""Guides: what stands between the model and the decoder."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .canvas import Canvas
from .errors import PlaitError
from .parts import Denoiser, Guide, Mask


@dataclass(frozen=True)
class Plain(Guide):
    """The model's own logits."""

    single = True

    def __call__(
        self, model: Denoiser, canvas: Canvas, where: Mask, memo: Any
    ) -> tuple[Float[Tensor, "N V"], Any]:
        """Return one forward pass."""
        return model(canvas, where), memo


class Around(Guide):
    """A guide that changes what another one says, and has no memory of its own."""

    inner: Guide

    @property
    def needs(self) -> frozenset[str]:
        """What the inner guide needs."""
        return self.inner.needs

    @property
    def single(self) -> bool:
        """As the inner guide."""
        return self.inner.single

    def init(self, canvas: Canvas) -> Any:
        """The inner guide's memory."""
        return self.inner.init(canvas)

    def moved(self, memo: Any, index: Int[Tensor, "B M"]) -> Any:
        """The inner guide's memory, moved."""
        return self.inner.moved(memo, index)


@dataclass(frozen=True)
class PenaliseEnd(Around):
    """Any guide, with the tokens that end a text made less likely, or impossible.

    Instruct models trained on padded answers are too sure of the end far to the right (LLaDA,
    arXiv:2502.09992): without blocks it floods the canvas. An infinite penalty writes every slot
    to its last position.
    """

    nats: float = math.inf  # taken off the logits of ends
    inner: Guide = Plain()

    def __post_init__(self) -> None:
        if not self.nats >= 0:
            raise PlaitError(f"the penalty on ends is {self.nats} nats; it must be 0 or more")

    def __call__(
        self, model: Denoiser, canvas: Canvas, where: Mask, memo: Any
    ) -> tuple[Float[Tensor, "N V"], Any]:
        """Return the inner guide's logits with the penalty taken off."""
        logits, memo = self.inner(model, canvas, where, memo)
        end = torch.tensor([canvas.eos_id, *canvas.stops], device=logits.device)
        return logits.index_copy(-1, end, logits[:, end] - self.nats), memo


def suppress_end(inner: Guide = Plain()) -> Guide:
    """Any guide, with the end-of-sequence token made impossible."""
    return PenaliseEnd(math.inf, inner)
