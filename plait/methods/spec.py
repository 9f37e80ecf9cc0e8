"""FreeDave: lossless self-speculative decoding by nested drafts (arXiv:2510.00294)."""

from dataclasses import dataclass

import torch

from ..canvas import Canvas
from ..decode import Decoder, Round, State, act, observe
from ..errors import PlaitError
from ..judge import Branches, look_at, then
from ..nested import choose
from ..parts import Denoiser
from ..schedule import Blocks


@dataclass(frozen=True)
class Nested:
    """Draft the next `depth` commits from present predictions, then check them in one pass.

    Draft j is the canvas after the first j of them. As long as what the decoder does on draft j
    gives draft j + 1 exactly, it moves on without another forward, so the text is that of the
    decoder alone, token for token (in bfloat16 but for numerical ties between batch shapes).
    """

    depth: int  # drafts beyond the canvas itself
    needs = frozenset[str]()
    replays = True

    def __post_init__(self) -> None:
        if self.depth < 0:
            raise PlaitError(f"depth is {self.depth}; it must be 0 or more")

    def init(self, canvas: Canvas) -> Branches:
        """Nothing drafted yet."""
        return Branches.none(canvas, self.depth)

    def round(
        self, model: Denoiser, decoder: Decoder, canvas: Canvas, state: State, seed: int
    ) -> tuple[Round, State]:
        """Look at all drafts, then follow them as far as they hold."""
        drafted: Branches = state.memo["judge"]
        place = torch.arange(self.depth, device=canvas.tokens.device).expand_as(drafted.position)
        drafts = [drafted.written(canvas, place < j) for j in range(self.depth + 1)]
        known = look_at(model, drafts, decoder.needs)
        done, after = act(decoder, *observe(known, decoder, canvas, state, seed))
        going = torch.ones_like(state.round, dtype=torch.bool)
        for draft in drafts[1:]:
            going = going & (done.canvas.tokens == draft.tokens).all(1) & draft.masked.any(1)
            if not going.any():
                break
            onward, later = act(decoder, *observe(known, decoder, draft, after, seed))
            done, after = choose(going, then(done, onward), done), choose(going, later, after)
        ahead = done.view.open & ~done.commit & done.canvas.masked
        after.memo["judge"] = Branches.best(done.view, ahead, self.depth)
        return done, after


def spec(depth: int = 4, block: int = 32) -> Decoder:
    """Decode as `llada` does with one token per round, in fewer rounds.

    A round costs up to `depth` + 1 forwards, which run together: it pays where the model waits
    for memory. The paper's "subset" rule, for threshold decoding, is not built.

    Exact: the text of `llada` at one token per round.
    """
    return Decoder(Blocks(block), judge=Nested(depth))
