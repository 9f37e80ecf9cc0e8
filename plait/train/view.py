"""Who sees whom in training: all, more and more, or blocks that see clean ones before them."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from ..errors import PlaitError, unknown


@dataclass(frozen=True)
class View:
    """The attention of training, where it differs from the model's own.

    context="clean": block diffusion (BD3-LM, arXiv:2503.09573; SDAR, arXiv:2510.06303). A row runs
    twice at once, noisy and clean; a noisy block of `block` positions sees itself and the clean
    blocks before it. Blocks are counted from the row's start, as block-causal models do when they
    decode. context="text": the network reads the text itself, as autoregressive models are trained;
    it must be causal and shifted, or it would see what it is to tell. `anneal` opens a causal mask
    over so many steps (DiffuLLaMA, arXiv:2410.17891): at step s a position sees each later one with
    probability (s + 1) / anneal, drawn anew each step.
    """

    context: Literal["noisy", "clean", "text"] = "noisy"
    block: int = 0  # positions; 0 = there are no blocks
    anneal: int = 0  # steps; 0 = open from the start

    def __post_init__(self) -> None:
        if self.context not in ("noisy", "clean", "text"):
            raise unknown("context", self.context, ("noisy", "clean", "text"))
        if self.block < 0 or self.anneal < 0:
            raise PlaitError("view.block and view.anneal must be 0 or more")
        if self.context == "clean" and (not self.block or self.anneal):
            raise PlaitError("view.context=clean needs view.block, and view.anneal=0")
        if self.context == "text" and (self.block or self.anneal):
            raise PlaitError("view.context=text goes with view.block=0 and view.anneal=0")

    @property
    def attends(self) -> bool:
        """Say whether training needs a mask of its own."""
        return self.context == "clean" or self.anneal > 0

    def opened(self, step: int) -> float:
        """The share of later positions that are seen at a step, which counts from 0."""
        return min(1.0, (step + 1) / self.anneal) if self.anneal else 1.0


def annealed(
    visible: Bool[Tensor, "B #L L"], opened: float, seed: int = 0
) -> Bool[Tensor, "B L L"]:
    """`visible`, and later positions with probability `opened`, the same for all rows."""
    length, device = visible.shape[-1], visible.device
    rng = torch.Generator(device).manual_seed(seed)
    drawn = torch.rand(length, length, device=device, generator=rng) < opened
    return visible & (drawn | torch.ones_like(drawn).tril())


def doubled(
    tokens: Int[Tensor, "B L"],
    target: Int[Tensor, "B L"],
    visible: Bool[Tensor, "B #L L"],
    block: int,
) -> tuple[Int[Tensor, "B M"], Int[Tensor, "B M"], Bool[Tensor, "B M M"]]:
    """Tokens, positions and visibility of a row and, after it, its clean copy (M = 2 L)."""
    rows, length = tokens.shape
    place = torch.arange(length, device=tokens.device)
    number = place // block
    same, before = number[:, None] == number, number < number[:, None]
    none = torch.zeros_like(same)
    top, bottom = torch.cat((same, before), 1), torch.cat((none, same | before), 1)
    allowed = torch.cat((top, bottom))
    seen = visible.expand(rows, length, length).repeat(1, 2, 2) & allowed
    pos = torch.cat((place, place)).expand(rows, -1)
    return torch.cat((tokens, target), 1), pos, seen
