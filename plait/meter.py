"""Counts what a decode cost, whichever part called the model."""

from collections import Counter

from jaxtyping import Bool, Float, Int
from torch import Tensor

from .canvas import Canvas
from .parts import Denoiser, attentive, blending


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
        self._count(canvas)
        return self.model(canvas, where)

    def attend(
        self, canvas: Canvas, where: Bool[Tensor, "B L"]
    ) -> tuple[Float[Tensor, "N V"], Float[Tensor, "B L L"]]:
        """Return the model's logits and attention, and count; PlaitError if it has none."""
        model = attentive(self.model)
        self._count(canvas)
        return model.attend(canvas, where)

    def blend(
        self,
        canvas: Canvas,
        where: Bool[Tensor, "B L"],
        other: Int[Tensor, "B L"],
        weight: Float[Tensor, "B L"],
    ) -> Float[Tensor, "N V"]:
        """Return the model's logits for mixed inputs, and count; PlaitError if it takes none."""
        model = blending(self.model)
        self._count(canvas)
        return model.blend(canvas, where, other, weight)

    def _count(self, canvas: Canvas) -> None:
        for key, length in zip(canvas.key.tolist(), canvas.length.tolist(), strict=True):
            self.forwards[key] += 1
            self.query_tokens[key] += length
