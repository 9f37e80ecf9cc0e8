"""Statistics of a forward pass: made once, in float32, for all parts."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from .canvas import Canvas
from .parts import Plan, Sampler, View


def log_probability(logits: Float[Tensor, "N V"], token: Int[Tensor, " N"]) -> Float[Tensor, " N"]:
    """Log-probability of one token per row, in nats, without rounding to 0 when nearly sure.

    `log_softmax` in float32 gives exactly 0 for every p > 1 - 6e-8, so sure positions tie and
    the leftmost wins. Here log p = -log1p(sum of exp(z_v - z_token) over the others), which
    keeps the order of the doubts down to 1e-38.
    """
    rest = logits - logits.gather(-1, token[:, None])
    rest = rest.scatter(-1, token[:, None], -torch.inf)
    return -F.softplus(rest.logsumexp(-1), threshold=1e4)


def _spread(
    open: Bool[Tensor, "B L"], values: Shaped[Tensor, "N *rest"], empty: float
) -> Shaped[Tensor, "B L *rest"]:
    """Put the values of the open positions on the canvas, `empty` elsewhere."""
    full = values.new_full((*open.shape, *values.shape[1:]), empty)
    return full.masked_scatter(open.reshape(*open.shape, *[1] * (values.ndim - 1)), values)


def look(
    canvas: Canvas,
    plan: Plan,
    open: Bool[Tensor, "B L"],
    logits: Float[Tensor, "N V"],
    sampler: Sampler,
    seed: int,
    round: Int[Tensor, " B"],
    needs: frozenset[str],
) -> View:
    """Draw a candidate at every open position and describe how sure the model is of it."""
    logits = logits.index_fill(-1, torch.tensor([canvas.mask_id], device=logits.device), -torch.inf)
    row, place = open.nonzero(as_tuple=True)
    where = torch.stack([canvas.key[row], canvas.pos[row, place], round[row]], 1)
    draw = sampler(logits, seed, where)

    extra: dict[str, Tensor] = {}
    if "second" in needs:
        other = logits.scatter(-1, draw[:, None], -torch.inf).argmax(-1)
        extra["second"] = _spread(open, log_probability(logits, other), -torch.inf)
    if "entropy" in needs:
        logp = logits.log_softmax(-1)
        extra["entropy"] = _spread(open, -(logp.exp() * logp.clamp(min=-1e30)).sum(-1), torch.inf)
    if "logp" in needs:
        extra["logp"] = _spread(open, logits.log_softmax(-1), -torch.inf)
    chosen = _spread(open, log_probability(logits, draw), -torch.inf)
    return View(
        canvas,
        plan,
        open,
        seed,
        round,
        draw=_spread(open, draw, canvas.mask_id),
        chosen=chosen,
        **extra,
    )
