"""The feed-forward layer: one MLP, or a mixture of experts."""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from .config import Config, Experts

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu_tanh": partial(F.gelu, approximate="tanh"),
}


class Mlp(nn.Module):
    """A feed-forward layer, with a gate (SwiGLU and its kin, arXiv:2002.05202) or without."""

    def __init__(self, config: Config, hidden: int) -> None:
        super().__init__()
        self.gate = nn.Linear(config.width, hidden, bias=config.mlp_bias) if config.gated else None
        self.up = nn.Linear(config.width, hidden, bias=config.mlp_bias)
        self.down = nn.Linear(hidden, config.width, bias=config.mlp_bias)
        self._activation = ACTIVATIONS[config.activation]

    def forward(self, x: Float[Tensor, "*A W"]) -> Float[Tensor, "*A W"]:
        """Each position by itself."""
        if self.gate is None:
            return self.down(self._activation(self.up(x)))
        return self.down(self._activation(self.gate(x)) * self.up(x))


class Mixture(nn.Module):
    """Experts of which each position uses a few, and perhaps one that all use."""

    def __init__(self, config: Config, experts: Experts) -> None:
        super().__init__()
        self._experts = experts
        self.router = nn.Linear(config.width, experts.count, bias=False)
        self.router_bias = nn.Parameter(torch.zeros(experts.count)) if experts.router_bias else None
        self.experts = nn.ModuleList(Mlp(config, experts.hidden) for _ in range(experts.count))
        self.shared = Mlp(config, experts.shared) if experts.shared else None

    def forward(self, x: Float[Tensor, "B N W"]) -> Float[Tensor, "B N W"]:
        """Each position by itself."""
        flat = x.flatten(0, 1)
        chosen, weight = self.route(flat)
        out = torch.zeros_like(flat)
        for expert in chosen.unique().tolist():
            row, rank = (chosen == expert).nonzero(as_tuple=True)
            share = self.experts[expert](flat[row]) * weight[row, rank, None].to(x.dtype)
            out.index_add_(0, row, share)
        if self.shared is not None:
            out = out + self.shared(flat)
        return out.view_as(x)

    def route(self, x: Float[Tensor, "M W"]) -> tuple[Int[Tensor, "M E"], Float[Tensor, "M E"]]:
        """The experts of each position and their weights, in float32."""
        by = self._experts
        logits = F.linear(x.float(), self.router.weight.float())
        score = logits.softmax(-1) if by.score == "softmax" else logits.sigmoid()
        wanted = score if self.router_bias is None else score + self.router_bias.float()
        if by.groups > 1:
            grouped = wanted.unflatten(-1, (by.groups, -1))
            best = grouped.topk(2, -1).values.sum(-1).topk(by.open_groups, -1).indices
            shut = torch.ones_like(grouped[..., 0]).scatter(-1, best, 0).bool()
            wanted = grouped.masked_fill(shut[..., None], -torch.inf).flatten(-2)
        chosen = wanted.topk(by.active, -1).indices
        weight = score.gather(-1, chosen)
        if by.normalised:
            weight = weight / weight.sum(-1, keepdim=True)
        return chosen, weight * by.scale
