"""The canvas: what has been written so far, and what may still change."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor

GIVEN = -1  # the region of positions that are never written: prompt, headers, padding


@dataclass(frozen=True)
class Canvas:
    """B rows of L token positions, padded on the right. Copy-on-write.

    `region` says which slot a position belongs to (`GIVEN` = not writable). `key` names a row for
    the random numbers, whatever batch it is in. `group` restricts attention: a position sees
    group -1 and its own group; the last region's group sees everything. None = all see all.
    """

    tokens: Int[Tensor, "B L"]
    region: Int[Tensor, "B L"]
    pos: Int[Tensor, "B L"]
    length: Int[Tensor, " B"]
    key: Int[Tensor, " B"]
    mask_id: int
    eos_id: int
    regions: int = 1
    group: Int[Tensor, "B L"] | None = None

    @property
    def given(self) -> Bool[Tensor, "B L"]:
        """Positions that are never written, never erased."""
        return self.region == GIVEN

    @property
    def masked(self) -> Bool[Tensor, "B L"]:
        """Free positions that hold no token yet."""
        return (self.tokens == self.mask_id) & ~self.given

    @property
    def real(self) -> Bool[Tensor, "B L"]:
        """Positions that belong to the row, padding excluded."""
        return torch.arange(self.tokens.shape[1], device=self.tokens.device) < self.length[:, None]

    def visible(self) -> Bool[Tensor, "B L L"]:
        """[b, i, j]: may position i of row b attend to position j?"""
        seen = self.real[:, None, :].expand(-1, self.tokens.shape[1], -1)
        if self.group is None:
            return seen
        mine, other = self.group[:, :, None], self.group[:, None, :]
        return seen & ((other == -1) | (mine == other) | (mine == self.regions - 1))

    def each(self, change: Callable[[Tensor], Tensor]) -> "Canvas":
        """A canvas whose every tensor went through `change`."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        tensors: dict[str, Any] = {k: change(v) for k, v in values.items() if isinstance(v, Tensor)}
        return replace(self, **tensors)

    def row(self, row: int) -> "Canvas":
        """One row by itself, without padding."""
        end = int(self.length[row])
        return self.each(lambda x: x[row : row + 1, :end] if x.ndim == 2 else x[row : row + 1])

    def rows(self, which: Int[Tensor, " N"]) -> "Canvas":
        """Some of the rows."""
        return self.each(lambda x: x[which])

    def to(self, device: torch.device | str) -> "Canvas":
        """The same canvas on another device."""
        return self.each(lambda x: x.to(device))

    def per_region(self, where: Bool[Tensor, "B L"]) -> Int[Tensor, "B R"]:
        """How many positions of `where` lie in each region."""
        regions = torch.arange(self.regions, device=where.device)
        return ((self.region[:, :, None] == regions) & where[:, :, None]).sum(1)

    def write(self, where: Bool[Tensor, "B L"], tokens: Int[Tensor, "B L"]) -> "Canvas":
        """A canvas that holds `tokens` at `where`; given positions never change."""
        return replace(self, tokens=torch.where(where & ~self.given, tokens, self.tokens))

    def erase(self, where: Bool[Tensor, "B L"]) -> "Canvas":
        """A canvas that is masked again at `where`; given positions never change."""
        return self.write(where, torch.full_like(self.tokens, self.mask_id))

    def written(self, row: int, region: int) -> list[int]:
        """Token ids of a region up to its first end-of-sequence token, masks left out."""
        ids = self.tokens[row][self.region[row] == region].tolist()
        end = ids.index(self.eos_id) if self.eos_id in ids else len(ids)
        return [i for i in ids[:end] if i != self.mask_id]
