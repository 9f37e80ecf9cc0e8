"""RCR: running-confidence remasking (MDPO, arXiv:2508.13148)."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ..budget import Budget
from ..decode import Decoder
from ..length import Full
from ..parts import Mask, Revision, Selector, View, nothing
from ..revise import Noted
from ..schedule import Blocks
from ..select import rank_in


@dataclass(frozen=True)
class Everything(Selector):
    """Commit every open candidate; a reviser takes back what is too many."""

    def __call__(self, view: View, memo: Any) -> tuple[Mask, Any]:
        """Return the open positions."""
        return view.open, memo


@dataclass(frozen=True)
class LeastSure(Noted):
    """Of all that is written, take back the least sure, so that only the quota is gained.

    Tokens compete within their pool: inside nap each stream by itself. How sure a token is was
    noted when it was predicted, and is never measured again; tokens that were there before the
    first round count as certain. The published code marks "not generated" by a confidence of 0
    and so keeps any token whose true confidence is 0; here positions that were never predicted
    are simply not among the candidates.
    """

    def __call__(
        self, view: View, commit: Mask, memo: Float[Tensor, "B L"]
    ) -> tuple[Revision, Float[Tensor, "B L"]]:
        """Return the tokens to take back, this round's among them."""
        sure = torch.where(commit, view.chosen, memo)
        written = (commit | ~view.canvas.masked) & ~view.canvas.given
        pool, quota = view.plan.pool, view.plan.quota
        none = torch.zeros_like(quota)
        kept, new = (none.scatter_add(1, pool, some.long()) for some in (written, commit))
        keep = kept - (new - quota).clamp(min=0)
        erase = written & (rank_in(sure, written, pool) >= keep.gather(1, pool))
        return Revision(erase, nothing(view.canvas)), sure


def rcr(budget: Budget = Budget(), block: int = 32) -> Decoder:
    """Reveal as many tokens as `llada`, but let kept tokens lose their place to surer ones.

    Earlier blocks may be reopened. The paper's schedules other than linear are not built.
    """
    # Ends may be taken back, so nothing is closed because of one.
    return Decoder(
        Blocks(block, budget, reopens=True), Everything(), reviser=LeastSure(), length=Full()
    )
