"""The canvas: what has been written so far, and what may still change."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Int
from torch import Tensor

GIVEN = -1  # the region of positions that are never written: the prompt, and padding
HEADER = -2  # of text that the layout wrote: never written either, but no part of the prompt


@dataclass(frozen=True)
class Canvas:
    """B rows of L token positions, padded on the right. Copy-on-write.

    `region` says which slot a position belongs to (negative = not writable). `key` names a row for
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
    id: Int[Tensor, "B L"] | None = None  # names of positions; None = they never moved
    named: int = 0  # names given so far, once positions have moved
    context: int = 0  # positions that the model has; 0 = no limit
    blind: Bool[Tensor, "B L L"] | None = None  # [b, i, j]: i may not see j, whatever the groups
    stops: tuple[int, ...] = ()  # ids that end a region besides `eos_id`

    @property
    def given(self) -> Bool[Tensor, "B L"]:
        """Positions that are never written, never erased."""
        return self.region < 0

    @property
    def prompt(self) -> Bool[Tensor, "B L"]:
        """Positions of the prompt (and padding)."""
        return self.region == GIVEN

    @property
    def masked(self) -> Bool[Tensor, "B L"]:
        """Free positions that hold no token yet."""
        return (self.tokens == self.mask_id) & ~self.given

    def ends(self, tokens: Int[Tensor, "*A"]) -> Bool[Tensor, "*A"]:
        """Which of these tokens end a region: ends of sequence, and what else stops the model."""
        found = tokens == self.eos_id  # one by one: a graph on a GPU takes no new constants
        for stop in self.stops:
            found = found | (tokens == stop)
        return found

    @property
    def real(self) -> Bool[Tensor, "B L"]:
        """Positions that belong to the row, padding excluded."""
        return torch.arange(self.tokens.shape[1], device=self.tokens.device) < self.length[:, None]

    def visible(self) -> Bool[Tensor, "B #L L"]:
        """[b, i, j]: may position i of row b attend to position j? One i where it is all the same.

        That spares attention a mask of B x L x L.
        """
        seen = self.real[:, None, :]
        if self.blind is not None:
            seen = seen & ~self.blind
        if self.group is None:
            return seen
        mine, other = self.group[:, :, None], self.group[:, None, :]
        return seen & ((other == -1) | (mine == other) | (mine == self.regions - 1))

    def each(self, change: Callable[[Tensor], Tensor]) -> "Canvas":
        """A canvas whose every tensor went through `change`."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        tensors: dict[str, Any] = {k: change(v) for k, v in values.items() if isinstance(v, Tensor)}
        return replace(self, **tensors)

    @staticmethod
    def joined(parts: Sequence["Canvas"]) -> "Canvas":
        """Canvases of one width, one below the other."""

        def together(name: str) -> Tensor:
            return torch.cat([getattr(part, name) for part in parts])

        values = {f.name: getattr(parts[0], f.name) for f in fields(parts[0])}
        names = [name for name, value in values.items() if isinstance(value, Tensor)]
        tensors: dict[str, Any] = {name: together(name) for name in names}
        return replace(parts[0], **tensors)

    @staticmethod
    def stack(rows: Sequence["Canvas"], least: int = 0) -> "Canvas":
        """Rows without padding, padded on the right to the longest (or `least`), as one canvas."""
        first, width = rows[0], max(least, *(r.tokens.shape[1] for r in rows))
        blank = {"tokens": first.eos_id, "region": GIVEN, "group": -1, "id": -1}
        moved = any(r.id is not None for r in rows)

        def wide(row: Canvas) -> Canvas:
            row = replace(row, id=row.ids) if moved else row
            values = {f.name: getattr(row, f.name) for f in fields(row)}
            flat = {k: v for k, v in values.items() if isinstance(v, Tensor) and v.ndim == 2}
            pad = (0, width - row.tokens.shape[1])
            padded: dict[str, Any] = {
                k: F.pad(v, pad, value=blank.get(k, 0)) for k, v in flat.items()
            }
            padded["pos"] = torch.arange(width, device=row.tokens.device)[None]
            return replace(row, **padded, named=max(r.named for r in rows))

        return Canvas.joined([wide(row) for row in rows])

    @property
    def ids(self) -> Int[Tensor, "B L"]:
        """Names of the positions, which stay with them when they move."""
        return (
            torch.arange(self.tokens.shape[1], device=self.tokens.device).expand_as(self.tokens)
            if self.id is None
            else self.id
        )

    def resize(
        self, insert: Int[Tensor, "B L"] | None, delete: Bool[Tensor, "B L"] | None
    ) -> tuple["Canvas", Int[Tensor, "B M"]]:
        """Put `insert` masks after each position and cut `delete` away; given ones stay.

        Of insertions that the model's context has no room for, the leftmost are made.
        Returns the canvas and, for each of its positions, where it was before (-1 = new).
        """
        insert = torch.zeros_like(self.tokens) if insert is None else insert
        kept = torch.ones_like(self.given) if delete is None else ~delete | self.given
        if self.context:
            room = (self.context - (kept & self.real).sum(1)).clamp(min=0)[:, None]
            insert = (insert - (insert.cumsum(1) - room).clamp(min=0)).clamp(min=0)
        rows, places = [], []
        for i, end in enumerate(self.length.tolist()):
            here = torch.arange(end, device=insert.device)
            copies = kept[i, :end].long() + insert[i, :end]
            source = here.repeat_interleave(copies)
            new = torch.cat([source.new_tensor([-1]), source]).diff() == 0
            new |= ~kept[i, source]
            rows.append(self._rearranged(i, source, new))
            places.append(source.masked_fill(new, -1)[None])
        width = max(p.shape[1] for p in places)
        index = torch.cat([F.pad(p, (0, width - p.shape[1]), value=-1) for p in places])
        return Canvas.stack(rows), index

    def _rearranged(self, row: int, source: Int[Tensor, " M"], new: Bool[Tensor, " M"]) -> "Canvas":
        """Row `row` with the positions `source`, masked where `new`."""
        moved = self.each(lambda x: x[row : row + 1, source] if x.ndim == 2 else x[row : row + 1])
        names = self.ids.to(source.device)[row, source]
        given = self.named or self.tokens.shape[1]
        fresh = given - 1 + new.cumsum(0)
        return replace(
            moved,
            tokens=moved.tokens.masked_fill(new, self.mask_id),
            length=torch.full_like(moved.length, len(source)),
            id=torch.where(new, fresh, names)[None],
            named=given + int(new.sum()),
        )

    def row(self, row: int) -> "Canvas":
        """One row by itself, without padding."""
        end = slice(int(self.length[row]))
        return self.each(lambda x: x[row : row + 1, *[end] * (x.ndim - 1)])

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

    def first_in_region(self, where: Bool[Tensor, "B L"]) -> Int[Tensor, "B L"]:
        """For each position the first position of its region in `where`; L if there is none."""
        length, own = self.tokens.shape[1], self.region.clamp(min=0)
        place = torch.arange(length, device=where.device).expand_as(own)
        place = torch.where(where & ~self.given, place, length)
        first = place.new_full((len(own), self.regions), length)
        return first.scatter_reduce(1, own, place, "amin").gather(1, own)

    def write(self, where: Bool[Tensor, "B L"], tokens: Int[Tensor, "B L"]) -> "Canvas":
        """A canvas that holds `tokens` at `where`; given positions never change."""
        return replace(self, tokens=torch.where(where & ~self.given, tokens, self.tokens))

    def erase(self, where: Bool[Tensor, "B L"]) -> "Canvas":
        """A canvas that is masked again at `where`; given positions never change."""
        return self.write(where, torch.full_like(self.tokens, self.mask_id))

    def written(self, row: int, region: int) -> list[int]:
        """Token ids of a region up to the first that ends it, masks left out."""
        ids = self.tokens[row][self.region[row] == region].tolist()
        ends = [n for n, i in enumerate(ids) if i == self.eos_id or i in self.stops]
        return [i for i in ids[: ends[0] if ends else len(ids)] if i != self.mask_id]
