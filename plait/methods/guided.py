"""Guided diffusion: an autoregressive model supervises what is committed (arXiv:2505.21467)."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..canvas import Canvas
from ..causal import Causal, predictions
from ..decode import Decoder, Round, State, act, observe
from ..errors import PlaitError
from ..parts import Denoiser, Mask, Selector, View
from ..schedule import Blocks

Rule = Literal["deterministic", "top_k", "threshold"]


@dataclass(frozen=True)
class Exactly(Selector):
    """Commit what the judge has decided."""

    commit: Bool[Tensor, "B L"]

    def __call__(self, view: View, memo: Any) -> tuple[Mask, Any]:
        """Return it."""
        del view
        return self.commit, memo


@dataclass(frozen=True)
class Supervisor:
    """Accept drafts from left to right as long as the guider agrees; then write its own token.

    One forward drafts every open position, one of the guider checks them. The guider agrees when
    the draft is its own first choice ("deterministic": the text is then the guider's greedy
    text), among its `k` likeliest ("top_k"), or at least `sure` probable ("threshold").
    """

    guider: Causal
    rule: Rule
    k: int
    sure: float  # probability

    def __post_init__(self) -> None:
        if self.rule not in ("deterministic", "top_k", "threshold"):
            raise PlaitError(f"rule '{self.rule}' is not deterministic, top_k or threshold")
        if self.k < 1 or not 0 <= self.sure <= 1:
            raise PlaitError(f"k is {self.k} and sure is {self.sure}; want k >= 1, 0 <= sure <= 1")

    needs, replays = frozenset[str](), False

    def init(self, canvas: Canvas) -> None:
        """No memory."""
        del canvas

    def round(
        self, model: Denoiser, decoder: Decoder, canvas: Canvas, state: State, seed: int
    ) -> tuple[Round, State]:
        """Commit the accepted drafts and the guider's token at the first one it refuses."""
        view, state = observe(model, decoder, canvas, state, seed)
        drafted = canvas.write(view.open, view.draw)
        logp = predictions(self.guider, drafted)
        first = view.open & (view.open.cumsum(1) == 1)
        refused = view.open & ~self._agrees(logp, view.draw)
        before = (refused | (canvas.masked & ~view.open)).cumsum(1)
        accepted = view.open & (before == 0)
        correction = refused & (before == 1) & (refused.cumsum(1) == 1)
        commit = accepted | correction | (first & ~accepted.any(1, keepdim=True))
        own = logp.max(-1)
        draw = torch.where(correction, own.indices, view.draw)
        chosen = torch.where(correction, own.values, view.chosen)
        return act(
            replace(decoder, selector=Exactly(commit)),
            replace(view, draw=draw, chosen=chosen),
            state,
        )

    def _agrees(self, logp: Float[Tensor, "B L V"], draft: Int[Tensor, "B L"]) -> Mask:
        known = draft < logp.shape[-1]
        own = logp.gather(-1, draft.clamp(max=logp.shape[-1] - 1)[..., None])
        if self.rule == "threshold":
            return known & (own[..., 0].exp() >= self.sure)
        k = 1 if self.rule == "deterministic" else self.k
        return known & ((logp > own).sum(-1) < k)


def guided(
    guider: Causal, rule: Rule = "top_k", k: int = 5, sure: float = 0.1, block: int = 32
) -> Decoder:
    """Draft with the diffusion model, supervise with an autoregressive one, left to right.

    At a refusal the guider's token is written, as by the authors' code (two more of its rules are
    not built); their text says that the diffusion model generates. Only its forwards are counted.

    Needs: an autoregressive model.
    Exact: with rule=deterministic, the guider's greedy text.
    """
    return Decoder(Blocks(block), judge=Supervisor(guider, rule, k, sure))
