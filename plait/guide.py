"""Guides: what stands between the model and the decoder."""

from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor

from .canvas import Canvas
from .parts import Denoiser, Guide, Mask


@dataclass(frozen=True)
class Plain(Guide):
    """The model's own logits."""

    def __call__(
        self, model: Denoiser, canvas: Canvas, where: Mask, memo: Any
    ) -> tuple[Float[Tensor, "N V"], Any]:
        """Return one forward pass."""
        return model(canvas, where), memo
