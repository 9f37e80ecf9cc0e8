"""A guide that keeps tokens out of slots that cannot hold them."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from .canvas import Canvas
from .errors import PlaitError
from .guide import Around
from .layout import Codec
from .parts import Denoiser, Guide, Mask

DIGITS = frozenset("0123456789")


@lru_cache(8)
def spelt_with(codec: Codec, vocab: int, letters: frozenset[str]) -> Bool[Tensor, " V"]:
    """Tokens whose text is made of `letters` only."""
    texts = [codec.decode([i]) for i in range(vocab)]
    return torch.tensor([bool(text) and letters.issuperset(text) for text in texts])


@dataclass(frozen=True)
class Confined(Around):
    """Any guide, with each region kept to what its kind can hold.

    A number begins with a digit or a sign and goes on with digits (and a point) or ends. A choice
    goes on as one of its options that agrees with what is written of it. Other regions are free.
    """

    codec: Codec
    kinds: tuple[str, ...]  # of each region: "integer", "number", "choice" or another
    options: tuple[tuple[tuple[int, ...], ...], ...]  # token ids of each region's options
    nullable: tuple[bool, ...]  # may a number be left out?
    inner: Guide

    def __call__(
        self, model: Denoiser, canvas: Canvas, where: Mask, memo: Any
    ) -> tuple[Float[Tensor, "N V"], Any]:
        """Return the inner guide's logits, -inf for what does not fit."""
        logits, memo = self.inner(model, canvas, where, memo)
        row, place = where.nonzero(as_tuple=True)
        barred = torch.zeros(logits.shape, dtype=torch.bool, device=logits.device)
        for region, kind in enumerate(self.kinds):
            here = canvas.region[row, place] == region
            inside = canvas.region == region
            step = (inside.cumsum(1) - 1)[row, place]  # place within the slot
            if kind in ("integer", "number"):
                first, rest = self._number(canvas, logits.shape[1], region)
                barred |= (here & (step == 0))[:, None] & ~first.to(logits.device)
                barred |= (here & (step > 0))[:, None] & ~rest.to(logits.device)
            elif kind == "choice":
                for n in here.nonzero()[:, 0].tolist():
                    text = canvas.tokens[row[n]][inside[row[n]]].tolist()
                    barred[n] = ~self._choice(canvas, logits.shape[1], region, text, int(step[n]))
        return logits.masked_fill(barred, -torch.inf), memo

    def _spelt(self, vocab: int, letters: frozenset[str]) -> Bool[Tensor, " V"]:
        return spelt_with(self.codec, vocab, letters)  # type: ignore[arg-type]

    def _number(
        self, canvas: Canvas, vocab: int, region: int
    ) -> tuple[Bool[Tensor, " V"], Bool[Tensor, " V"]]:
        """Tokens that a number may begin with, and those that it may go on with."""
        digits = self._spelt(vocab, DIGITS)
        if not digits.any():
            raise PlaitError("the tokenizer has no token of digits, so no number can be written")
        signs = self._spelt(vocab, frozenset("-"))
        point = frozenset("." if self.kinds[region] == "number" else "")
        first, rest = digits | signs, self._spelt(vocab, DIGITS | point).clone()
        rest[canvas.eos_id] = True
        if self.nullable[region]:
            first = first.clone()
            first[canvas.eos_id] = True
        return first, rest

    def _choice(
        self, canvas: Canvas, vocab: int, region: int, text: list[int], step: int
    ) -> Bool[Tensor, " V"]:
        """Tokens at `step` of the options that agree with what is written elsewhere."""
        padded = [[*o, *[canvas.eos_id] * (len(text) - len(o))] for o in self.options[region]]
        agree = [
            option
            for option in padded
            if all(
                t in (canvas.mask_id, o) or i == step
                for i, (t, o) in enumerate(zip(text, option, strict=True))
            )
        ]
        allowed = torch.zeros(vocab, dtype=torch.bool)
        # Tokens committed in one round may come from different options; then all are open.
        allowed[[option[step] for option in agree or padded]] = True
        return allowed
