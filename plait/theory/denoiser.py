"""A finite law as a model: plait's decoding methods run on it with exact conditionals."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..canvas import Canvas
from ..errors import PlaitError
from .laws import FiniteLaw

NEVER = -1e4  # log of 0: exp of it is 0 in every format, and guides may subtract it
CHUNK = 2**24  # comparisons of a partial word with a word of the law, done at once


@dataclass(frozen=True)
class LawDenoiser:
    """A denoiser whose logits are log p(x_i | what is visible), in float64, of a finite law.

    At a written position, where revising methods ask too, it is p(x_i | all else that is visible).

    The vocabulary is the law's symbols, the mask, and an end of sequence that never comes. Where
    what is visible has probability 0 there is no conditional, and logits are uniform: every
    completion lies outside the law, so no distance to it depends on that choice.
    """

    law: FiniteLaw

    @property
    def mask_id(self) -> int:
        """The token of a masked position."""
        return self.law.symbols

    @property
    def eos_id(self) -> int:
        """The token that would end a sequence."""
        return self.law.symbols + 1

    @property
    def vocab(self) -> int:
        """Symbols, mask and end."""
        return self.law.symbols + 2

    @cached_property
    def words(self) -> Int[Tensor, "S n"]:
        """The words of the law."""
        return torch.tensor(list(self.law.mass))

    @cached_property
    def mass(self) -> Float[Tensor, " S"]:
        """Their probabilities."""
        return torch.tensor([float(p) for p in self.law.mass.values()], dtype=torch.float64)

    def __call__(self, canvas: Canvas, where: Bool[Tensor, "B L"]) -> Float[Tensor, "N V"]:
        """Return the logits at `where`, in row-major order."""
        if canvas.tokens.shape[1] != self.law.n:
            raise PlaitError(
                f"the law has {self.law.n} positions and the canvas {canvas.tokens.shape[1]}; a "
                "method that adds or cuts positions cannot run on it"
            )
        row, place = where.nonzero(as_tuple=True)
        chances = self.conditionals(canvas.tokens)[row, place]
        written = (canvas.tokens[row, place] != self.mask_id).nonzero()[:, 0]
        if len(written):
            others = canvas.tokens[row[written]].clone()
            others[torch.arange(len(written)), place[written]] = self.mask_id
            alone = self.conditionals(others)[torch.arange(len(written)), place[written]]
            chances[written] = alone
        special = chances.new_zeros(len(chances), 2)
        return torch.cat([chances, special], 1).log().clamp(min=NEVER)

    def conditionals(self, tokens: Int[Tensor, "B L"]) -> Float[Tensor, "B L K"]:
        """p(x_i | visible tokens) for every position and symbol."""
        seen, row = tokens.unique(dim=0, return_inverse=True)
        symbols = torch.arange(self.law.symbols)
        shows = (self.words[:, :, None] == symbols).double().flatten(1)
        parts = []
        for some in seen.split(max(1, CHUNK // self.words.numel())):
            fits = (some[:, None] == self.words) | (some[:, None] == self.mask_id)
            weight = fits.all(2) * self.mass
            total = weight.sum(1, keepdim=True)
            chance = torch.where(total > 0, weight @ shows / total, 1 / self.law.symbols)
            parts.append(chance.unflatten(1, (self.law.n, self.law.symbols)))
        return torch.cat(parts)[row]

    def canvas(self, keys: Sequence[int], streams: Sequence[range] | None = None) -> Canvas:
        """An all-masked canvas with one row per key; `streams` are its regions, if several."""
        rows, n = len(keys), self.law.n
        regions = streams or [range(n)]
        region = torch.tensor([next(k for k, r in enumerate(regions) if i in r) for i in range(n)])
        return Canvas(
            tokens=torch.full((rows, n), self.mask_id),
            region=region.expand(rows, n).contiguous(),
            pos=torch.arange(n).expand(rows, n).contiguous(),
            length=torch.full((rows,), n),
            key=torch.tensor(list(keys)),
            mask_id=self.mask_id,
            eos_id=self.eos_id,
            regions=len(regions),
        )
