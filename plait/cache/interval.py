"""dLLM-Cache: the prompt rarely, the answer often, and what has moved always (arXiv:2506.06295)."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..canvas import Canvas
from ..errors import PlaitError
from ..inner import Notes
from ..parts import Mask
from ..refresh import Cache, Refresh, check_every, due


@dataclass
class Moving:
    """One row's walk: each layer recomputes what is due and what moved, and reuses the rest."""

    share: float
    prompt: Bool[Tensor, " L"]
    masked: Bool[Tensor, " L"]
    fresh: tuple[bool, bool]  # is the prompt due, is the answer?
    notes: dict[Any, Any]
    computed: float = 0

    def walk(
        self,
        blocks: Any,
        x: Float[Tensor, "1 N W"],
        at: Int[Tensor, "1 N"],
        look: Callable[[int, Int[Tensor, "1 M"]], Any],
    ) -> tuple[Float[Tensor, "1 M W"], Int[Tensor, "1 M"]]:
        """Return the states of all positions."""
        for layer, block in enumerate(blocks):
            if block.modulation is not None or block._post:
                raise PlaitError(
                    "the cache 'interval' needs plain blocks, norms before attention and no time "
                    "input; use 'dual' or 'prefix'"
                )
            normed = block.attention_norm(x)
            values = block.attention.value(normed)[0]
            chosen = self._chosen(layer, values)
            some = at[:, chosen]
            self.computed += len(chosen) / len(blocks)
            new = torch.zeros_like(x), torch.zeros_like(x), values, torch.zeros_like(at[0])
            heard, made, before, age = (note.clone() for note in self.notes.get(layer, new))
            heard[:, chosen] = block.attention(normed[:, chosen], look(layer, some), layer)
            x = x + heard
            made[:, chosen] = block.mlp(block.mlp_norm(x[:, chosen]))
            x = x + made
            before[chosen] = values[chosen]
            age += 1
            age[chosen] = 0
            self.notes[layer] = (heard, made, before, age)
        return x, at

    def _chosen(self, layer: int, values: Float[Tensor, "L I"]) -> Int[Tensor, " C"]:
        """The positions to recompute in a layer."""
        due_prompt, due_answer = self.fresh
        wanted = (self.prompt & due_prompt) | (~self.prompt & due_answer)
        if not due_answer and layer in self.notes:
            _, _, before, age = self.notes[layer]
            alike = F.cosine_similarity(values.float(), before.float(), -1)
            # equal values are equally alike, which the rounding of a cosine would not have them be
            alike = alike.masked_fill((values == before).all(-1), 1).clamp(max=1)
            alike = alike.masked_fill(self.prompt, torch.inf)
            order = (age + self.masked * (age.max() + 1)).sort(descending=True, stable=True).indices
            order = order[alike[order].sort(stable=True).indices]
            wanted[order[: math.ceil(self.share * int((~self.prompt).sum()))]] = True
        elif layer not in self.notes:
            wanted = torch.ones_like(wanted)
        return wanted.nonzero()[:, 0]


@dataclass(frozen=True)
class Rows:
    """What is due in each row."""

    share: float
    canvas: Canvas
    prompt: Bool[Tensor, "B 1"]
    answer: Bool[Tensor, "B 1"]
    notes: Notes

    def row(self, row: int, length: int) -> Moving:
        """The walk of a row."""
        notes = self.notes.of(self.canvas, row)
        fresh = bool(self.prompt[row]), bool(self.answer[row])
        prompt, masked = (x[row, :length] for x in (self.canvas.prompt, self.canvas.masked))
        return Moving(self.share, prompt, masked, fresh, notes)


@dataclass(frozen=True)
class Interval(Cache):
    """All positions are asked for; each layer decides which of them it computes."""

    prompt: int  # rounds
    refresh: int  # rounds
    share: float  # of the answer

    offers: ClassVar[frozenset[str]] = frozenset({"masked", "placed"})
    inside_layers: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_every(self.refresh)
        check_every(self.prompt)
        if not 0 <= self.share <= 1:
            raise PlaitError(f"share is {self.share}; it must lie between 0 and 1")

    def init(self, canvas: Canvas) -> Notes:
        """Nothing was computed."""
        del canvas
        return Notes()

    def __call__(
        self, canvas: Canvas, open: Mask, round: Int[Tensor, " B"], memo: Notes
    ) -> tuple[Refresh, Notes]:
        """Return all positions, and what is due."""
        del open
        answer = due(round, self.refresh)
        prompt = due(round, self.prompt) | (answer & (self.refresh == 1))
        return Refresh(canvas.real, inner=Rows(self.share, canvas, prompt, answer, memo)), memo


def interval(prompt: int = 50, refresh: int = 7, share: float = 0.25) -> Interval:
    """Recompute the prompt every `prompt` rounds and the answer every `refresh` rounds.

    In between each layer recomputes the share of the answer whose values have moved most, and
    reuses what attention and MLP gave for the rest. Values do not move at all where nothing before
    them was recomputed, so most are equally alike. Of those, masks come first, as they are read
    next, then what was computed longest ago, then the leftmost; the published code leaves that to
    the sort, and with it accuracy depends on the device.
    Projections of values are paid for in every round and not counted as computed positions. The
    published defaults are by task and model; these are LLaDA's for GSM8K.
    """
    return Interval(prompt, refresh, share)
