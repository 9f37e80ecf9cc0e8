"""Stops: when the rest of a row needs no more rounds."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from .parts import Stop, View


@dataclass(frozen=True)
class WhenFull(Stop):
    """Go on until nothing is masked."""

    needs = frozenset()  # looks at nothing

    def __call__(self, view: View, memo: Any) -> tuple[Bool[Tensor, " B"], Any]:
        """Return no row."""
        return torch.zeros_like(view.round, dtype=torch.bool), memo
