"""Revisers: which written positions to take back or to write over."""

from dataclasses import dataclass
from typing import Any

from .parts import Mask, Reviser, Revision, View, nothing


@dataclass(frozen=True)
class Keep(Reviser):
    """Never change anything that is written."""

    def __call__(self, view: View, commit: Mask, memo: Any) -> tuple[Revision, Any]:
        """Return no change."""
        del commit
        return Revision(nothing(view.canvas), nothing(view.canvas)), memo
