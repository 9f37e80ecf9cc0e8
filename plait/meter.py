"""Counts what a decode cost, whichever part called the model."""

from collections import Counter

from jaxtyping import Bool, Float
from torch import Tensor

from .canvas import Canvas
from .parts import Denoiser


class Meter:
    """A denoiser that counts forward passes and recomputed positions per row key.

    A row that is looked at in several versions at once (candidates, guidance) counts each.
    """

    def __init__(self, model: Denoiser) -> None:
        self.model, self.vocab = model, model.vocab
        self.forwards: Counter[int] = Counter()
        self.query_tokens: Counter[int] = Counter()

    def __call__(self, canvas: Canvas, where: Bool[Tensor, "B L"]) -> Float[Tensor, "N V"]:
        """Return the model's logits, and count."""
        for key, length in zip(canvas.key.tolist(), canvas.length.tolist(), strict=True):
            self.forwards[key] += 1
            self.query_tokens[key] += length
        return self.model(canvas, where)
