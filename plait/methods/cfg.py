"""Classifier-free guidance without training: push away from the promptless guess (SMDM).

arXiv:2410.18514; also in LLaDA's release (arXiv:2502.09992).
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ..budget import Budget
from ..canvas import Canvas
from ..decode import Decoder
from ..errors import PlaitError
from ..guide import Around, Plain
from ..parts import Denoiser, Guide, Mask
from ..schedule import Blocks


@dataclass(frozen=True)
class Unconditional(Around):
    """Logits z_u + (w + 1)(z_c - z_u), where z_u are those with every prompt token masked.

    Costs a second forward per round, but none at w = 0. Confidences are no longer calibrated,
    so thresholds need other values than without guidance.
    """

    strength: float  # w
    inner: Guide = Plain()

    single = False  # the second pass sees another canvas

    def __post_init__(self) -> None:
        if self.strength < 0:
            raise PlaitError(f"strength is {self.strength}; it must be 0 (no guidance) or more")

    def __call__(
        self, model: Denoiser, canvas: Canvas, where: Mask, memo: Any
    ) -> tuple[Float[Tensor, "N V"], Any]:
        """Return the guided logits."""
        logits, memo = self.inner(model, canvas, where, memo)
        if self.strength == 0:
            return logits, memo
        blind = torch.where(canvas.prompt, canvas.mask_id, canvas.tokens)
        free = model(replace(canvas, tokens=blind), where)
        return free + (self.strength + 1) * (logits - free), memo


def cfg(budget: Budget = Budget(), strength: float = 0.1, block: int = 32) -> Decoder:
    """Decode as `llada` with guided logits; 0.1 is SMDM's value for GSM8K."""
    return Decoder(Blocks(block, budget), guide=Unconditional(strength))
