"""Revisers: which written positions to take back."""

from dataclasses import dataclass
from typing import Any

from .parts import Mask, Reviser, View, nothing


@dataclass(frozen=True)
class Keep(Reviser):
    """Never take anything back."""

    def __call__(self, view: View, memo: Any) -> tuple[Mask, Any]:
        """Return the empty mask."""
        return nothing(view.canvas), memo
