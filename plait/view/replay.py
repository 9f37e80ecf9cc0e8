"""Replay a trace in the terminal, round by round."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.live import Live as Screen

from ..errors import PlaitError
from ..layout import Layout, Segment
from ..trace import Label, Trace
from .drawing import Drawing
from .picture import Picture, printable


@dataclass
class Pieces:
    """A codec that knows the texts of a label and nothing else."""

    label: Label
    mask_id: int
    eos_id: int
    stop_ids: frozenset[int]

    def encode(self, text: str) -> list[int]:
        """Refuse: the texts of single tokens do not say how a text is cut into them."""
        raise PlaitError(f"a trace holds no tokenizer, so '{text}' has no ids")

    literal = prompt = encode

    def decode(self, ids: Sequence[int]) -> str:
        """The pieces of the ids, one after another; ids without text in brackets."""
        special = self.stop_ids | {self.mask_id}
        return "".join(self.label.pieces.get(i, f"⟨{i}⟩") for i in ids if i not in special)


def replay(trace: Trace, console: Console, rate: float) -> None:
    """Draw the canvas after each round, `rate` rounds a second; elsewhere only the last one."""
    label = trace.label or Label()
    count = int(trace.region.max(initial=0)) + 1
    names = [*label.segments, *(f"region {r}" for r in range(len(label.segments), count))][:count]
    sizes = np.bincount(trace.region[trace.region >= 0], minlength=count).tolist()
    layout = Layout(tuple(Segment(n, s) for n, s in zip(names, sizes, strict=True)))
    codec = Pieces(label, trace.mask_id, trace.eos_id, trace.ends)
    picture = Picture.blank(trace.region, trace.start.copy(), trace.ends)

    def drawing(height: int | None = None) -> Drawing:
        told = f"round {picture.rounds} of {trace.rounds}, {picture.committed} commits"
        return Drawing(picture, layout, codec, printable(label.prompt), told, height)

    screen = Screen(console=console, auto_refresh=False, transient=True)
    with screen:
        for _ in range(trace.rounds):
            picture.follow(trace)
            if console.is_terminal:
                screen.update(drawing(console.height), refresh=True)
                time.sleep(1 / rate)
    console.print(drawing())
