"""Counts what a decode cost, whichever part called the model."""

import math
from collections import Counter
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Bool, Float, Int
from torch import Tensor

from .canvas import Canvas
from .offers import Blend, attentive, blending, layered, shifted
from .parts import Denoiser
from .refresh import Refresh, keeping


@runtime_checkable
class Tally(Protocol):
    """What each row has cost so far, by its key."""

    forwards: Counter[int]
    query_tokens: Counter[int]


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
        self, canvas: Canvas, where: Bool[Tensor, "B L"], mixture: Blend
    ) -> Float[Tensor, "N V"]:
        """Return the model's logits for mixed inputs, and count; PlaitError if it takes none."""
        model = blending(self.model)
        self._count(canvas)
        return model.blend(canvas, where, mixture)

    def states(self, canvas: Canvas) -> Float[Tensor, "B L W"]:
        """Return what the model's head reads, and count; PlaitError if it does not show it."""
        model = layered(self.model)
        self._count(canvas)
        return model.states(canvas)

    def read(self, states: Float[Tensor, "N W"]) -> Float[Tensor, "N V"]:
        """Return the logits of some states; the head alone is no forward pass."""
        return layered(self.model).read(states)

    def embedded(self, tokens: Int[Tensor, "B L"]) -> Float[Tensor, "B L W"]:
        """Return the model's input embeddings."""
        return layered(self.model).embedded(tokens)

    @property
    def shift(self) -> bool:
        """Whether the model tells a token from the position before it."""
        return shifted(self.model)

    @property
    def block(self) -> int:
        """Positions per block of the model; PlaitError if it keeps nothing."""
        return keeping(self.model).block

    def keep(self, canvas: Canvas) -> Any:
        """Return the model's empty buffer for a canvas; PlaitError if it keeps nothing."""
        return keeping(self.model).keep(canvas)

    def recompute(
        self, canvas: Canvas, where: Bool[Tensor, "B L"], refresh: Refresh, kv: Any
    ) -> tuple[Float[Tensor, "N V"], Float[Tensor, " B"]]:
        """Return the model's logits after it recomputed a part, and count that part."""
        logits, computed = keeping(self.model).recompute(canvas, where, refresh, kv)
        for key, positions in zip(canvas.key.tolist(), computed.tolist(), strict=True):
            self.forwards[key] += 1
            self.query_tokens[key] += math.ceil(positions)
        return logits, computed

    def _count(self, canvas: Canvas) -> None:
        for key, length in zip(canvas.key.tolist(), canvas.length.tolist(), strict=True):
            self.forwards[key] += 1
            self.query_tokens[key] += length
