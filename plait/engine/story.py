"""Traces of rows that come and go, put together on the host from the logs of rounds."""

from collections import Counter
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..canvas import Canvas
from ..decode import WATCH, Round
from ..nested import overwrite
from ..parts import Plan, View
from ..trace import Recorder, Trace
from .records import Log

Done = tuple[int, Canvas, Trace]  # number of a row, its canvas without padding, its trace


@dataclass
class Costs:
    """What each row has cost, counted by the engine as `Meter` counts it."""

    forwards: Counter[int] = field(default_factory=Counter)
    query_tokens: Counter[int] = field(default_factory=Counter)


class Story:
    """What the rows in some slots have gone through. Rows are numbered as they come.

    Whatever is told here returns the rows that it ends.
    """

    def __init__(self, canvas: Canvas, seed: int, watch: WATCH | None, before: int = 0) -> None:
        """Begin with rows on the host, after `before` others."""
        self._before, self._seed, self._watch = before, seed, watch
        self._cost = Costs()
        self._recorder = Recorder(seed, self._cost)
        self._numbers = self._recorder.join(canvas)  # of the row in each slot
        self._canvas = canvas.each(torch.clone)
        self._round = torch.zeros_like(canvas.length)

    def join(self, slots: Int[Tensor, " N"], canvas: Canvas) -> list[Done]:
        """Rows have come into slots."""
        numbers = self._recorder.join(canvas)
        for slot, number in zip(slots.tolist(), numbers, strict=True):
            self._numbers[slot] = number
        overwrite(self._canvas, slots, canvas)
        self._round[slots] = 0
        return []

    def add(self, log: Log) -> list[Done]:
        """A round of the rows that were not done."""
        live = (log.computed > 0).nonzero()[:, 0]
        for slot in live.tolist():
            key = int(self._canvas.key[slot])
            self._cost.forwards[key] += 1
            self._cost.query_tokens[key] += int(log.computed[slot])
        before, some = self._canvas, self._canvas.rows(live)
        commit, rewrite, retract, fill = ((log.change >> i & 1).bool() for i in range(4))
        ends = torch.full_like(before.tokens, before.eos_id)
        after = before.write(commit | rewrite, log.draw.long()).erase(retract).write(fill, ends)
        view = _view(some, log.draw.long()[live], log.chosen[live], self._seed, self._round[live])
        masks = (commit[live], rewrite[live], retract[live], fill[live])
        done = Round(view, *masks, after.rows(live))
        self._canvas, self._round[live] = after, self._round[live] + 1
        numbers = [self._numbers[slot] for slot in live.tolist()]
        self._recorder.add(done, numbers)
        if self._watch is not None:
            self._watch(done, [self._before + number for number in numbers])
        return []

    def leave(self, slots: list[int]) -> list[Done]:
        """Rows have left their slots."""
        left = self._canvas.rows(torch.tensor(slots))  # a copy: others join in place
        rows = [(self._numbers[slot], left.row(i)) for i, slot in enumerate(slots)]
        done = [(self._before + n, row, self._recorder.trace(n, row)) for n, row in rows]
        for _, row, _ in done:  # another row may come with the same key
            self._cost.forwards.pop(int(row.key), 0)
            self._cost.query_tokens.pop(int(row.key), 0)
        return done


def _view(
    canvas: Canvas,
    draw: Int[Tensor, "B L"],
    chosen: Float[Tensor, "B L"],
    seed: int,
    round: Int[Tensor, " B"],
) -> View:
    """What a log tells of a view."""
    nothing = torch.zeros_like(canvas.given)
    plan = Plan(nothing, torch.zeros_like(draw), torch.zeros_like(draw[:, :1]))
    return View(canvas, plan, nothing, seed, round, draw=draw, chosen=chosen)
