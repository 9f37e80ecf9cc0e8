"""CART: a masked token counts by how much is visible near it (Dream, arXiv:2508.15487)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import PlaitError
from ..weight import Tokens, Weight


@dataclass(frozen=True)
class Cart(Weight):
    """w_n = 1/2 sum over visible i of p (1 - p)^(|n - i| - 1), for masked n.

    Prompt and headers are visible; padding is not, where the code of Dream and NAP counts it.
    """

    p: float

    def __call__(self, tokens: Tokens) -> Float[Tensor, "B #L"]:
        """In [0, 1); zero where nothing is visible."""
        kind, device = tokens.loss.dtype, tokens.loss.device
        seen = (tokens.real & ~tokens.masked).to(kind)
        place = torch.arange(seen.shape[1], device=device)
        apart = (place[:, None] - place).abs()
        kernel = 0.5 * self.p * (1 - self.p) ** (apart - 1).clamp(min=0)
        with torch.autocast(device.type, enabled=False):
            near = seen @ kernel.masked_fill(apart == 0, 0).to(kind)
        return near * tokens.masked


def cart(p: float = 0.1) -> Cart:
    """The default is that of NAP (arXiv:2602.23225); Dream's own value is not published."""
    if not 0 < p < 1:
        raise PlaitError(f"p is {p}; it must be in (0, 1)")
    return Cart(p)
