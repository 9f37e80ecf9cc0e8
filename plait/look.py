"""Statistics of a forward pass: made once, in float32, for all parts."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from .canvas import Canvas
from .offers import attentive
from .parts import Denoiser, Plan, Sampler, View


def log_probability(logits: Float[Tensor, "N V"], token: Int[Tensor, " N"]) -> Float[Tensor, " N"]:
    """Log-probability of one token per row, in nats, without rounding to 0 when nearly sure.

    `log_softmax` in float32 gives exactly 0 for every p > 1 - 6e-8, so sure positions tie and
    the leftmost wins. Here log p = -log1p(sum of exp(z_v - z_token) over the others), which
    keeps the order of the doubts down to 1e-38.
    """
    rest = logits - logits.gather(-1, token[:, None])
    rest = rest.scatter(-1, token[:, None], -torch.inf)
    # In float64, since a CPU rounds the last few of N float32 values differently from the rest,
    # and a row's numbers must not depend on how many rows there are.
    return -F.softplus(rest.logsumexp(-1).double(), threshold=1e4).to(logits.dtype)


def _spread(
    open: Bool[Tensor, "B L"], values: Shaped[Tensor, "N *rest"], empty: float
) -> Shaped[Tensor, "B L *rest"]:
    """Put the values of the open positions on the canvas, `empty` elsewhere."""
    full = values.new_full((*open.shape, *values.shape[1:]), empty)
    return full.masked_scatter(open.reshape(*open.shape, *[1] * (values.ndim - 1)), values)


def scope(canvas: Canvas, open: Bool[Tensor, "B L"], needs: frozenset[str]) -> Bool[Tensor, "B L"]:
    """Which positions need logits, for parts that need `needs`."""
    where = open
    if "masked" in needs:
        where = where | canvas.masked
    if "placed" in needs:
        where = where | ~(canvas.masked | canvas.given)
    return where


def look(
    canvas: Canvas,
    plan: Plan,
    open: Bool[Tensor, "B L"],
    where: Bool[Tensor, "B L"],
    logits: Float[Tensor, "N V"],
    sampler: Sampler,
    seed: int,
    round: Int[Tensor, " B"],
    needs: frozenset[str],
) -> View:
    """Draw a candidate at every position of `where` and describe how sure the model is of it."""
    logits = logits.index_fill(-1, torch.tensor([canvas.mask_id], device=logits.device), -torch.inf)
    row, place = where.nonzero(as_tuple=True)
    keys = torch.stack([canvas.key[row], canvas.pos[row, place], round[row]], 1)
    draw = sampler(logits, seed, keys)
    extra: dict[str, Tensor] = {}
    if "placed" in needs:
        token = torch.where(canvas.masked, 0, canvas.tokens)[row, place]
        placed = log_probability(logits, token)
        placed = placed.masked_fill(canvas.masked[row, place], -torch.inf)
        extra["placed"] = _spread(where, placed, -torch.inf)
    if "second" in needs:
        other = logits.scatter(-1, draw[:, None], -torch.inf).argmax(-1)
        extra["second"] = _spread(where, log_probability(logits, other), -torch.inf)
    if "entropy" in needs:
        logp = logits.log_softmax(-1)
        entropy = -(logp.exp() * logp.clamp(min=-1e30)).sum(-1)
        extra["entropy"] = _spread(where, entropy, torch.inf)
    if "logp" in needs:
        extra["logp"] = _spread(where, logits.log_softmax(-1), -torch.inf)
    chosen = _spread(where, log_probability(logits, draw), -torch.inf)
    tokens = _spread(where, draw, canvas.mask_id)
    return View(canvas, plan, open, seed, round, draw=tokens, chosen=chosen, **extra)


class Overheard:
    """A denoiser that remembers the attention of the first forward pass through it."""

    def __init__(self, model: Denoiser) -> None:
        self._model, self.vocab = attentive(model), model.vocab
        self.attention: Float[Tensor, "B L L"] | None = None

    def __call__(self, canvas: Canvas, where: Bool[Tensor, "B L"]) -> Float[Tensor, "N V"]:
        """Return the model's logits."""
        logits, attention = self._model.attend(canvas, where)
        self.attention = attention if self.attention is None else self.attention
        return logits
