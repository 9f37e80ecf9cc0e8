"""How probable a text is under a masked diffusion model: a bound by sampling, and exact chains."""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from .. import keyed
from ..canvas import Canvas
from ..errors import PlaitError
from ..look import log_probability
from ..parts import Denoiser
from .mean import Mean

Order = Literal["left", "right", "random"]
_COUNT, _PLACE = 101, 102  # salts of the random numbers: how many to hide, and which


def known(
    prompts: Sequence[Sequence[int]], texts: Sequence[Sequence[int]], mask_id: int, eos_id: int
) -> Canvas:
    """A canvas whose rows are a given prompt and a text that is written already (token ids).

    Raises PlaitError if a text is empty or holds the mask.
    """
    for row, text in enumerate(texts):
        if not text or mask_id in text:
            what = "holds the mask token" if text else "is empty"
            raise PlaitError(f"text {row} {what}: it has no likelihood")
    rows = [[*p, *t] for p, t in zip(prompts, texts, strict=True)]
    width = max(map(len, rows))
    region = [
        [-1] * len(p) + [0] * len(t) + [-1] * (width - len(p) - len(t))
        for p, t in zip(prompts, texts, strict=True)
    ]
    return Canvas(
        tokens=torch.tensor([row + [eos_id] * (width - len(row)) for row in rows]),
        region=torch.tensor(region),
        pos=torch.arange(width).expand(len(rows), -1).contiguous(),
        length=torch.tensor([len(row) for row in rows]),
        key=torch.arange(len(rows)),
        mask_id=mask_id,
        eos_id=eos_id,
    )


@torch.inference_mode()
def nelbo(
    model: Denoiser, canvas: Canvas, draws: int = 128, seed: int = 0, batch: int = 32
) -> list[Mean]:
    """An upper bound of -log p of the free positions of each row, in nats per row.

    Each draw hides exactly k of the L free positions and weighs their cross-entropy by L / k:
    the low-variance form of LLaDA (arXiv:2502.09992, Eq. 6). We differ in drawing k from strata
    of 1..L, one for each draw: the mean is the same, and the standard error, which takes the
    draws for independent, is too large. Draws depend on (seed, row key, position, draw) only. A
    row without free positions gives a mean of 0.
    """
    if draws < 1:
        raise PlaitError(f"draws is {draws}; it must be >= 1")
    free = _written(canvas)
    length = free.sum(1)
    number = torch.arange(draws, device=free.device)[:, None]
    stratum = (number + keyed.uniform(seed, _COUNT, canvas.key, number)) / draws
    count = (stratum * length).long() + 1  # [D, B]
    noise = keyed.uniform(seed, _PLACE, canvas.key[:, None], canvas.pos, number[..., None])
    rank = noise.masked_fill(~free, 2.0).argsort(-1).argsort(-1)
    hidden = (rank < count[..., None]) & free  # [D, B, L]
    rows = torch.arange(len(free), device=free.device).expand(draws, -1)
    flat = hidden.flatten(0, 1)
    logp = _given_the_rest(model, canvas, rows.flatten(), flat, flat, batch)
    scores = (-logp.reshape(draws, -1) * length / count).T
    return [Mean.of(row) for row in scores.tolist()]


@torch.inference_mode()
def log_likelihood(
    model: Denoiser,
    canvas: Canvas,
    order: Order | Int[Tensor, "B L"] = "left",
    seed: int = 0,
    batch: int = 32,
) -> Float[Tensor, " B"]:
    """log q of the free positions of each row, in nats, written in this order; exact.

    "left", "right" and "random" write one position at a time: the chain rule, at one forward per
    position. A tensor says in which round each position is written (numbers at given positions
    do not count); those of one round are independent given the rounds before, so that it is the
    likelihood under a parallel decoder that samples at temperature 1 (arXiv:2511.21103). A trace's
    `round`, put on the canvas, is such an order.
    """
    free = _written(canvas)
    if isinstance(order, Tensor):
        rank = order
    elif order == "random":
        rank = keyed.uniform(seed, _PLACE, canvas.key[:, None], canvas.pos)
    else:
        rank = canvas.pos if order == "left" else -canvas.pos
    rows, hidden, where = [], [], []
    for row, (mine, inside) in enumerate(zip(rank, free, strict=True)):
        for moment in mine[inside].unique():
            rows.append(row)
            hidden.append(inside & (mine >= moment))
            where.append(inside & (mine == moment))
    total = torch.zeros(len(free), dtype=torch.float64, device=free.device)
    if not rows:
        return total
    index = torch.tensor(rows, device=free.device)
    logp = _given_the_rest(model, canvas, index, torch.stack(hidden), torch.stack(where), batch)
    return total.index_add(0, index, logp)


def _written(canvas: Canvas) -> Bool[Tensor, "B L"]:
    """The free positions; PlaitError if one of them is masked."""
    if bool(canvas.masked.any()):
        row, place = canvas.masked.nonzero()[0].tolist()
        raise PlaitError(
            f"position {place} of row {row} is masked: a text has a likelihood when it is written"
        )
    return ~canvas.given & canvas.real


def _given_the_rest(
    model: Denoiser,
    canvas: Canvas,
    rows: Int[Tensor, " K"],
    hidden: Bool[Tensor, "K L"],
    where: Bool[Tensor, "K L"],
    batch: int,
) -> Float[Tensor, " K"]:
    """Sum of log p of the tokens at `where`, given what is not hidden, of versions of rows."""
    sums = []
    for some in torch.arange(len(rows), device=rows.device).split(batch):
        part = canvas.rows(rows[some])
        logits = model(part.erase(hidden[some]), where[some]).float()
        logits = logits.index_fill(-1, torch.tensor([canvas.mask_id], device=rows.device), -1e30)
        logp = log_probability(logits, part.tokens[where[some]]).double()
        which = where[some].nonzero()[:, 0]
        sums.append(logp.new_zeros(len(some)).index_add(0, which, logp))
    return torch.cat(sums)
