"""A learned policy decides what to commit, from confidences alone (arXiv:2512.09106)."""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ..decode import Decoder
from ..errors import PlaitError
from ..parts import Mask, Selector, View
from ..schedule import Blocks, Whole
from ..select import rank


class PolicyNet(nn.Module):
    """One transformer layer over the free positions, from four features to a logit each.

    The features are confidence (1 where written), masked or not, place, and the share written.
    The paper's features are the first two and progress; place tells attention about order.
    `direct` reads the features alone: as it is set here, a soft threshold at 0.9.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.embed, self.qkv = nn.Linear(4, width), nn.Linear(width, 3 * width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.head, self.direct = nn.Linear(width, 1), nn.Linear(4, 1)
        with torch.no_grad():
            for part in (self.head, self.direct):
                part.weight.zero_(), part.bias.zero_()
            self.direct.weight[0, 0], self.direct.bias[0] = 50, -45

    def forward(self, features: Float[Tensor, "L 4"]) -> Float[Tensor, " L"]:
        """Return the log-odds of committing each position."""
        x = self.embed(features)
        q, k, v = self.qkv(F.layer_norm(x, x.shape[-1:])).chunk(3, -1)
        x = x + (q @ k.T / x.shape[-1] ** 0.5).softmax(-1) @ v
        x = x + self.down(F.gelu(self.up(F.layer_norm(x, x.shape[-1:]))))
        return (self.head(F.layer_norm(x, x.shape[-1:])) + self.direct(features))[:, 0]


@dataclass(frozen=True)
class Learned(Selector):
    """Commit each open position with the probability that a network gives it, independently."""

    net: PolicyNet
    temperature: float  # of the Bernoulli draws; 0 = commit what is likelier than not

    needs = frozenset({"masked"})

    def __post_init__(self) -> None:
        if self.temperature < 0:
            raise PlaitError(f"temperature is {self.temperature}; it must be 0 or more")

    def __call__(self, view: View, memo: Any) -> tuple[Mask, Any]:
        """Return the draw, or the best position of the policy if the draw is empty."""
        odds = self.log_odds(view)
        u = view.uniform(salt=13)
        limit = self.temperature * (u.log() - (-u).log1p()).to(odds.dtype)
        commit = view.open & (odds > limit)
        best = view.open & (rank(odds, view.open) == 0)
        return torch.where(commit.any(1, keepdim=True), commit, best), memo

    def log_odds(self, view: View) -> Float[Tensor, "B L"]:
        """Return the logits of the policy; row by row, so that none depends on its batch."""
        canvas, odds = view.canvas, torch.full_like(view.chosen, -torch.inf)
        self.net.to(odds)
        for row, free in enumerate(~canvas.given):
            masked = canvas.masked[row, free]
            sure = torch.where(masked, view.chosen[row, free].exp(), 1)
            place = torch.linspace(0, 1, len(masked), device=sure.device)
            share = (~masked).float().mean().expand_as(sure)
            odds[row, free] = self.net(torch.stack([sure, masked.float(), place, share], 1))
        return odds

    def log_probability(self, view: View, commit: Bool[Tensor, "B L"]) -> Float[Tensor, " B"]:
        """Log-probability of drawing `commit` at temperature 1, for training by its gradient."""
        odds = torch.where(view.open, torch.where(commit, 1, -1) * self.log_odds(view), torch.inf)
        return F.logsigmoid(odds).sum(1)


def unmask_policy(weights: str = "", temperature: float = 1.0, block: int = 0) -> Decoder:
    """Let the policy in the safetensors file `weights` commit; "" is a soft threshold at 0.9.

    `block` = 0 opens the whole canvas, where the paper gains the most over thresholds.
    """
    try:
        state = load_file(weights) if weights else PolicyNet().state_dict()
        net = PolicyNet(len(state["embed.weight"]))
        net.load_state_dict(state)
    except (OSError, KeyError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())
        raise PlaitError(f"'{weights}' holds no unmasking policy: {reason}") from error
    net.requires_grad_(False)
    return Decoder(Blocks(block) if block else Whole(), Learned(net, temperature))
