"""From rows to a batch: padding, cut-offs, masks, and who sees whom."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from ..canvas import HEADER, Canvas
from ..errors import unknown
from ..layout import PROMPT, Codec, Row
from .corrupt import Corruption
from .view import View

HIDDEN = -9  # the region of positions that nobody sees: padding
SIZES = 16  # of which one is the number of positions that are picked
Batch = dict[str, Tensor]


@dataclass(frozen=True)
class Ends:
    """What becomes of the room after a text's end: the padding and end-of-sequence policy.

    padding="train": all of it is end tokens, seen and trained (LLaDA, arXiv:2502.09992).
    "hidden": the first end is trained and the rest is padding (Dream, arXiv:2508.15487).
    "block": ends are trained up to the next block's boundary (BD3-LM, arXiv:2503.09573). cut="row":
    every slot of a batch is cut to the real length that it has in one row, drawn at random
    (Dream's and NAP's random cut-off: fewer ends are trained, and some texts go on after the cut).
    """

    padding: Literal["train", "hidden", "block"] = "train"
    cut: Literal["none", "row"] = "none"

    def __post_init__(self) -> None:
        if self.padding not in ("train", "hidden", "block"):
            raise unknown("padding", self.padding, ("train", "hidden", "block"))
        if self.cut not in ("none", "row"):
            raise unknown("cut", self.cut, ("none", "row"))

    def __call__(
        self, rows: Sequence[Row], eos_id: int, block: int, rng: torch.Generator
    ) -> list[Row]:
        """The rows of a batch with this policy."""
        if self.cut == "row":
            drawn = rows[int(torch.randint(len(rows), (), generator=rng))]
            rows = [cut(row, real_lengths(drawn, eos_id)) for row in rows]
        if self.padding == "train":
            return list(rows)
        return [hide(row, eos_id, block if self.padding == "block" else 1) for row in rows]


def real_lengths(row: Row, eos_id: int) -> list[int]:
    """Positions of each slot up to its first end, which is counted."""
    found = []
    for slot in range(max(row.region) + 1):
        ids = [token for token, region in zip(row.ids, row.region, strict=True) if region == slot]
        found.append(ids.index(eos_id) + 1 if eos_id in ids else len(ids))
    return found


def cut(row: Row, lengths: Sequence[int]) -> Row:
    """The row without what lies after the first `lengths[k]` positions of each slot k."""
    passed = [0] * len(lengths)
    kept = []
    for place, region in enumerate(row.region):
        if region >= 0:
            passed[region] += 1
            if passed[region] > lengths[region]:
                continue
        kept.append(place)
    return Row(*([field[i] for i in kept] for field in (row.ids, row.region, row.group)))


def hide(row: Row, eos_id: int, block: int) -> Row:
    """The row with what follows the first end of each slot hidden, from a block's boundary on."""
    region = list(row.region)
    edge = 0  # where hiding starts in the slot that is passed through
    for place, (token, slot) in enumerate(zip(row.ids, row.region, strict=True)):
        new = place == 0 or row.region[place - 1] != slot
        edge = 0 if new else edge
        if slot < 0:
            continue
        if token == eos_id and not edge:
            edge = -(-(place + 1) // block) * block
        if edge and place >= edge:
            region[place] = HIDDEN
    return replace(row, region=region)


def filled(row: Row, width: int, eos_id: int) -> Row:
    """The row with its last slot lengthened by ends, so that it has `width` positions."""
    more = width - len(row.ids)
    last = max(row.region)
    fields = (row.ids, eos_id), (row.region, last), (row.group, row.group[-1])
    return Row(*([*values, *[value] * more] for values, value in fields))


def given(row: Row, slots: Collection[int]) -> Row:
    """The row with some slots given, as headers are: read, and neither masked nor trained."""
    return replace(row, region=[HEADER if slot in slots else slot for slot in row.region])


def canvas(rows: Sequence[Row], codec: Codec, blocked: bool, width: int = 0) -> Canvas:
    """The rows as they are when they are written, padded with hidden positions.

    The canvas is as long as the longest row, and has at least `width` positions.
    """
    width = max(width, *(len(row.ids) for row in rows))

    def pad(fields: Sequence[Sequence[int]], value: int) -> Int[Tensor, "B L"]:
        # torch would look at lists number by number, which took a third of a batch's time
        return torch.from_numpy(np.array([[*f, *[value] * (width - len(f))] for f in fields]))

    return Canvas(
        tokens=pad([row.ids for row in rows], codec.eos_id),
        region=pad([row.region for row in rows], HIDDEN),
        pos=torch.arange(width).expand(len(rows), -1).contiguous(),
        length=torch.tensor([len(row.ids) for row in rows]),
        key=torch.arange(len(rows)),
        group=pad([row.group for row in rows], PROMPT) if blocked else None,
        regions=max(max(row.region) for row in rows) + 1,
        mask_id=codec.mask_id,
        eos_id=codec.eos_id,
    )


def batch(
    rows: Sequence[Row],
    codec: Codec,
    rng: torch.Generator,
    corruption: Corruption = Corruption(),
    view: View = View(),
    blocked: bool = False,
    width: int = 0,
) -> Batch:
    """Rows, corrupted, in the form that `trainer.Denoise` takes.

    Keys `real` and `visible` are there if some position is hidden or streams are blocked from
    each other; without them every position sees all.
    """
    whole = canvas(rows, codec, blocked, width)
    target, free = whole.tokens.int(), whole.region >= 0
    ended = free & (target == codec.eos_id)
    noised = corruption(free, whole.region, rng, view.block, ended)
    twice = len(noised.masked) // len(rows)
    target, free = target.repeat(twice, 1), free.repeat(twice, 1)
    made = {
        "tokens": target.masked_fill(noised.masked, codec.mask_id),
        "target": target,
        "masked": noised.masked,
        "free": free,
        "rate": noised.rate,
    }
    real = whole.region != HIDDEN
    if not (blocked or view.attends) and bool(real.all()):
        return made
    visible = real[:, None, :] & (whole.visible() if blocked else real[:, None, :])
    return made | {"real": real.repeat(twice, 1), "visible": visible.repeat(twice, 1, 1)}


def picked(made: Batch) -> Batch:
    """The batch, and as "picked" the flat places of its masked positions.

    Others follow them, whose loss counts for nothing, up to one of a few sizes: so shapes are few,
    and can be compiled and captured.
    """
    masked = made["masked"].flatten()
    step = -(-len(masked) // SIZES)
    size = max(1, -(-int(masked.sum()) // step)) * step
    order = (~masked).to(torch.uint8).argsort(stable=True)
    return made | {"picked": order[:size]}
