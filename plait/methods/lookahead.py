"""LoPA: look ahead along several branches, keep the most confident (arXiv:2512.16229)."""

from dataclasses import dataclass

import torch

from ..canvas import Canvas
from ..decode import Decoder, Round, State, act, observe
from ..errors import PlaitError
from ..judge import Branches, adding, look_at
from ..parts import Denoiser
from ..schedule import Blocks
from ..select import Threshold


@dataclass(frozen=True)
class Lookahead:
    """Branches that each add one of the most confident positions that were not committed.

    The branch whose open positions are the surest on average is kept, and its logits, which are
    there already, make the next commits. With one branch it is the plain decoder.
    """

    branches: int  # the plain canvas included
    needs = frozenset[str]()
    replays = True

    def __post_init__(self) -> None:
        if self.branches < 1:
            raise PlaitError(f"branches is {self.branches}; it must be 1 or more")

    def init(self, canvas: Canvas) -> Branches:
        """No branch yet."""
        return Branches.none(canvas, self.branches - 1)

    def round(
        self, model: Denoiser, decoder: Decoder, canvas: Canvas, state: State, seed: int
    ) -> tuple[Round, State]:
        """Look at every branch, choose one, and go on from there."""
        extra: Branches = state.memo["judge"]
        one = torch.eye(self.branches - 1, dtype=torch.bool, device=canvas.tokens.device)
        picks = [torch.zeros_like(extra.position, dtype=torch.bool)]
        picks += [row.expand_as(extra.position) for row in one]
        versions = [extra.written(canvas, pick) for pick in picks]
        known = look_at(model, versions, decoder.needs)
        views = [observe(known, decoder, version, state, seed)[0] for version in versions]
        # A branch that repeats the plain canvas scores the same and loses the tie to it.
        sure = [
            torch.where(v.open, v.chosen.exp(), 0).sum(1) / v.open.sum(1).clamp(min=1)
            for v in views
        ]
        best = torch.stack(sure).argmax(0)
        taken = torch.stack(picks)[best, torch.arange(len(best), device=best.device)]
        start = extra.written(canvas, taken)
        done, after = act(decoder, *observe(known, decoder, start, state, seed))
        done = adding(extra, taken, canvas, done)
        ahead = done.view.open & ~done.commit & done.canvas.masked
        after.memo["judge"] = Branches.best(done.view, ahead, self.branches - 1)
        return done, after


def lookahead(branches: int = 3, threshold: float = 0.9, block: int = 32) -> Decoder:
    """Commit by threshold inside a block, on the best of several branches.

    The paper builds on D2F's pipeline of blocks; here the base is the threshold of Fast-dLLM.
    Each branch counts as a forward, where the paper counts a parallel pass once.
    """
    return Decoder(Blocks(block), Threshold(threshold), judge=Lookahead(branches))
