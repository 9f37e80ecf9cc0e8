"""ETE: explore an uncertain position where exploiting sure ones stalls (arXiv:2511.21103)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ..canvas import Canvas
from ..decode import Decoder, Round, State, act, observe
from ..errors import PlaitError
from ..judge import Branches, adding, look_at
from ..parts import Denoiser, View
from ..schedule import Blocks
from ..select import Factor


@dataclass(frozen=True)
class Explore:
    """Try several tokens at the most uncertain position, keep the one that unlocks most.

    Sure tokens carry hardly any bits, so a decoder that commits only those needs many rounds. A
    round that committed no more than the engine's one has stalled; the next looks at `tries`
    tokens for the position of highest entropy and goes on from the token after which most open
    positions are sure.
    """

    tries: int
    sure: float  # probability from which a position counts as unlocked
    needs = frozenset({"entropy", "logp"})
    replays = True

    def __post_init__(self) -> None:
        if self.tries < 1:
            raise PlaitError(f"tries is {self.tries}; it must be 1 or more")

    def init(self, canvas: Canvas) -> Branches:
        """Nothing to try yet."""
        return Branches.none(canvas, self.tries)

    def round(
        self, model: Denoiser, decoder: Decoder, canvas: Canvas, state: State, seed: int
    ) -> tuple[Round, State]:
        """Look at the canvas and every try; go on from the best try where there is one."""
        tried: Branches = state.memo["judge"]
        one = torch.eye(self.tries, dtype=torch.bool, device=canvas.tokens.device)
        picks = [row.expand_as(tried.position) for row in one]
        versions = [canvas, *(tried.written(canvas, pick) for pick in picks)]
        known = look_at(model, versions, decoder.needs)
        views = [observe(known, decoder, version, state, seed)[0] for version in versions[1:]]
        unlocked = torch.stack([(v.open & (v.chosen.exp() >= self.sure)).sum(1) for v in views])
        best = unlocked.argmax(0)
        taken = torch.stack(picks)[best, torch.arange(len(best), device=best.device)]
        start = tried.written(canvas, taken)
        done, after = act(decoder, *observe(known, decoder, start, state, seed))
        stalled = (done.commit.sum(1) <= 1) & (tried.position < 0).all(1)
        after.memo["judge"] = self._tries(done.view, done).only(stalled[:, None])
        return adding(tried, taken, canvas, done), after

    def _tries(self, view: View, done: Round) -> Branches:
        """The likeliest tokens of the most uncertain position that is still open."""
        assert view.entropy is not None
        assert view.logp is not None
        left = view.open & ~done.commit & done.canvas.masked
        position = view.entropy.masked_fill(~left, -torch.inf).argmax(1)
        rows = torch.arange(len(position), device=position.device)
        score, token = view.logp[rows, position].topk(min(self.tries, view.logp.shape[-1]), dim=-1)
        room = (0, self.tries - score.shape[1])  # a vocabulary may be smaller than that
        score, token = F.pad(score, room, value=-torch.inf), F.pad(token, room)
        found = Branches(position[:, None].expand_as(token), token, score)
        return found.only(left.any(1, keepdim=True) & (score > -torch.inf))


def ete(window: int = 64, factor: float = 1.0, tries: int = 3, sure: float = 0.9) -> Decoder:
    """Exploit by factor over a window of several blocks, explore where that stalls.

    A reconstruction: the paper's rule for exploring was not published as code. Every try counts
    as a forward.
    """
    return Decoder(Blocks(window), Factor(factor), judge=Explore(tries, sure))
