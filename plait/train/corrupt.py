"""Forward process: which positions of a training row are masked.

A rate t per row, then each free position by itself with probability t (arXiv:2406.07524).
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def rates(rows: int, rng: torch.Generator, low: float = 1e-3) -> Float[Tensor, " B"]:
    """A mask rate in (low, 1] for each row, stratified over the batch (arXiv:2406.07524).

    Row b draws from the b-th of B equal parts, shifted together, so that every batch covers the
    whole range and the loss varies less. Rows must come in random order.
    """
    shift = torch.rand((), generator=rng)
    level = (shift + torch.arange(rows)) / rows
    return 1 - (1 - low) * level  # level < 1, so low is excluded and 1 is included


def masks(
    free: Bool[Tensor, "B L"], rate: Float[Tensor, " B"], rng: torch.Generator
) -> Bool[Tensor, "B L"]:
    """Positions to mask: each free one with the rate of its row, a given one never."""
    return free & (torch.rand(free.shape, generator=rng) < rate[:, None])
