"""EDLM: an energy corrects independent guesses by importance sampling (arXiv:2410.21357)."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .. import keyed
from ..budget import Budget
from ..canvas import Canvas
from ..causal import Causal, log_likelihood
from ..decode import Decoder, Round, State, act, observe
from ..errors import PlaitError
from ..parts import Denoiser, View
from ..sample import Categorical
from ..schedule import Whole
from ..score import random as random_order
from ..select import TopK


@dataclass(frozen=True)
class Energy:
    """Draw whole completions, weigh them by exp(-E), take this round's tokens from one.

    E = -log p_AR + log p_diffusion of a completion, so a likely text under the autoregressive
    model has a low energy. The authors' release weighs by exp(+E), against their own definition.
    """

    model: Causal
    completions: int
    temperature: float  # of the weights
    window: tuple[float, float]  # shares of masked positions between which it acts
    needs = frozenset({"masked", "logp"})
    replays = False

    def __post_init__(self) -> None:
        if self.completions < 1:
            raise PlaitError(f"completions is {self.completions}; it must be 1 or more")
        if self.temperature <= 0:
            raise PlaitError(f"the energy temperature is {self.temperature}; it must be above 0")

    def init(self, canvas: Canvas) -> None:
        """No memory."""
        del canvas

    def round(
        self, model: Denoiser, decoder: Decoder, canvas: Canvas, state: State, seed: int
    ) -> tuple[Round, State]:
        """Do an ordinary round with the tokens of the chosen completion as candidates."""
        view, state = observe(model, decoder, canvas, state, seed)
        assert view.logp is not None
        share = canvas.masked.sum(1) / (~canvas.given).sum(1).clamp(min=1)
        low, high = self.window
        acts = ((share >= low) & (share <= high))[:, None] & canvas.masked
        drafts = [self._draw(view, j) for j in range(self.completions)]
        energy = torch.stack([self._energy(view, draft) for draft in drafts])
        number = torch.arange(self.completions, device=energy.device)[:, None]
        noise = keyed.gumbel(seed, 4, canvas.key, view.round, number)
        chosen = (noise - energy.double() / self.temperature).argmax(0)
        token = torch.stack(drafts)[chosen, torch.arange(len(chosen), device=chosen.device)]
        draw = torch.where(acts, token, view.draw)
        score = view.logp.gather(-1, draw.clamp(max=view.logp.shape[-1] - 1)[..., None])[..., 0]
        view = replace(view, draw=draw, chosen=torch.where(acts, score, view.chosen))
        return act(decoder, view, state)

    def _draw(self, view: View, number: int) -> Int[Tensor, "B L"]:
        """One token at each masked position, independently of the others."""
        assert view.logp is not None
        token = torch.arange(view.logp.shape[-1], device=view.draw.device)
        counters = (view.canvas.key[:, None, None], view.canvas.pos[..., None])
        noise = keyed.gumbel(view.seed, 3, *counters, view.round[:, None, None], number, token)
        return torch.where(view.canvas.masked, (view.logp + noise).argmax(-1), view.canvas.tokens)

    def _energy(self, view: View, draft: Int[Tensor, "B L"]) -> Float[Tensor, " B"]:
        """-log p_AR + log p_diffusion of a completion, in nats."""
        assert view.logp is not None
        own = view.logp.gather(-1, draft.clamp(max=view.logp.shape[-1] - 1)[..., None])[..., 0]
        masked = view.canvas.masked
        whole = replace(view.canvas, tokens=draft)
        return own.masked_fill(~masked, 0).sum(1) - log_likelihood(
            self.model, whole, ~view.canvas.given
        )


def edlm(
    scorer: Causal,
    budget: Budget = Budget(),
    completions: int = 2,
    temperature: float = 1.0,
    start: float = 0.6,
    end: float = 0.4,
) -> Decoder:
    """Random order at temperature 1; energies act while the masked share is in [end, start].

    Needs: an autoregressive model.
    """
    judge = Energy(scorer, completions, temperature, (end, start))
    return Decoder(Whole(budget), TopK(by=random_order), Categorical(), judge=judge)
