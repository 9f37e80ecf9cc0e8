"""Muon (arXiv:2502.16982): a step of the same size in every direction of a matrix."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.optim import Optimizer

QUINTIC = 3.4445, -4.7750, 2.0315  # of the iteration; steepest at small singular values
ITERATIONS = 5


class Muon(Optimizer):
    """Momentum, then the nearest orthogonal matrix, as large as AdamW's steps are on average.

    The same rule as torch.optim.Muon with `adjust_lr_fn="match_rms_adamw"`, which takes one matrix
    at a time. Here all of one shape are taken together: a narrow model has dozens, each far too
    small for a GPU, and would otherwise wait longer for its optimiser than for its gradients.
    """

    def __init__(
        self, params: Iterable[Any], lr: float, weight_decay: float = 0.0, momentum: float = 0.95
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step of all matrices that have a gradient."""
        assert closure is None, "the gradients are there"
        for group in self.param_groups:
            alike: dict[torch.Size, list[Tensor]] = defaultdict(list)
            for weight in group["params"]:
                if weight.grad is not None:
                    alike[weight.shape].append(weight)
            for weights in alike.values():
                self._together(weights, group["lr"], group["weight_decay"], group["momentum"])

    def _together(self, weights: list[Tensor], lr: float, decay: float, keep: float) -> None:
        """The step of matrices of one shape."""
        for weight in weights:
            if "momentum" not in self.state[weight]:
                self.state[weight]["momentum"] = torch.zeros_like(weight)
        momenta = [self.state[weight]["momentum"] for weight in weights]
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        torch._foreach_lerp_(momenta, gradients, 1 - keep)
        ahead = torch.stack(torch._foreach_lerp(gradients, momenta, keep))  # Nesterov's
        size = 0.2 * math.sqrt(max(ahead.shape[1:]))  # AdamW's steps have this mean square
        steps = orthogonal(ahead).to(weights[0].dtype).unbind()
        torch._foreach_mul_(weights, 1 - lr * decay)
        torch._foreach_add_(weights, steps, alpha=-lr * size)


def orthogonal(stack: Float[Tensor, "N A B"]) -> Float[Tensor, "N A B"]:
    """About the nearest orthogonal matrix of each, in bfloat16, by Newton and Schulz's iteration.

    Singular values end between 0.7 and 1.2, not at 1, which is enough for a step.
    """
    tall = stack.shape[1] > stack.shape[2]
    x = (stack.mT if tall else stack).bfloat16()
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    a, b, c = QUINTIC
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x
