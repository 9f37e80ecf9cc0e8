"""Accuracy against speed: one cell for each method and budget, compared on the same problems."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..measure.interval import Difference
from .report import Figures, cells, figures, markdown
from .results import Name, Sample

Points = Sequence[tuple[float, float]]  # (tokens per forward, accuracy in %)


@dataclass(frozen=True)
class Cell:
    """A method at a budget, and what it answered."""

    method: str  # its cells with other options and budgets make one curve
    options: str  # as the user wrote them: threshold=0.9
    budget: int | None  # tokens per round; None: the method decides by itself
    samples: tuple[Sample, ...]

    @property
    def name(self) -> str:
        """For example nap@4, or fast_dllm:threshold=0.9."""
        spelt = ":".join(filter(None, (self.method, self.options)))
        return spelt if self.budget is None else f"{spelt}@{self.budget}"

    @property
    def figures(self) -> Figures:
        """Its figures."""
        return figures(self.samples)

    @property
    def right(self) -> dict[Name, bool]:
        """Which problems it solved."""
        return {sample.name: sample.correct for sample in self.samples}

    def against(self, other: "Cell") -> Difference:
        """How much more often it is right than another, problem by problem."""
        here, there = self.right, other.right
        return Difference.of([here[name] for name in there], list(there.values()))


def reference(cell: Cell, cells: Sequence[Cell]) -> Cell | None:
    """What a cell is compared with: the first method, at the same budget or as many rounds."""
    base = [c for c in cells if c.method == cells[0].method]
    if cell in base:
        return None
    rounds = cell.figures.rounds
    return min(base, key=lambda c: (c.budget != cell.budget, abs(c.figures.rounds - rounds)))


def aup(points: Points, best: float, alpha: float = 3.0) -> float:
    """Accuracy under parallelism (AUP of d3LLM, arXiv:2601.07568), by tokens per forward.

    The area under the accuracy, in % times tokens. `best` is the highest accuracy of any method on
    the task. Points that lose more than 5 % against the least parallel one do not count, where
    d3LLM's code refuses them; what is below `best` counts less, times exp(alpha (accuracy / best
    - 1)), except before the least parallel point. Of points with the same parallelism the more
    accurate comes first. NaN of no points.
    """
    ordered = sorted(points, key=lambda p: (p[0], -p[1]))
    if not ordered:
        return math.nan
    kept = [p for p in ordered if p[1] >= ordered[0][1] - 5]

    def weighted(y: float) -> float:
        return y * min(math.exp(-alpha * (1 - y / best)), 1.0) if best else 0.0

    area = kept[0][0] * kept[0][1]
    for (before, low), (after, high) in itertools.pairwise(kept):
        area += (after - before) * (weighted(low) + weighted(high)) / 2
    return area


def aups(cells: Sequence[Cell]) -> dict[str, float]:
    """AUP of each method, from its cells."""
    points: dict[str, list[tuple[float, float]]] = {}
    for cell in cells:
        found = cell.figures
        points.setdefault(cell.method, []).append((found.tokens_per_forward, 100 * found.accuracy))
    best = max(y for some in points.values() for _, y in some)
    return {method: aup(some, best) for method, some in points.items()}


COLUMNS = (
    *("cell", "n", "accuracy % (95 %)", "rounds", "forwards", "tokens"),
    *("tokens/forward", "tokens/s", "s/answer", "ARness", "against (95 %, paired)"),
)


def table(found: Sequence[Cell]) -> str:
    """One row for each cell, and the AUP of each method."""
    rows = [(cell.name, *cells(cell.figures), _difference(cell, found)) for cell in found]
    areas = [(method, f"{area:.1f}") for method, area in aups(found).items()]
    return f"{markdown(COLUMNS, rows)}\n\n{markdown(('method', 'AUP'), areas)}"


def _difference(cell: Cell, found: Sequence[Cell]) -> str:
    other = reference(cell, found)
    if other is None:
        return ""
    difference = cell.against(other)
    low, high = (100 * end for end in difference.interval())
    return f"{100 * difference.value:+.1f} ({low:+.1f} to {high:+.1f}) {other.name}"


def record(found: Sequence[Cell], settings: Mapping[str, Any]) -> dict[str, Any]:
    """All of it as plain values."""
    rows = []
    for cell in found:
        other = reference(cell, found)
        row: dict[str, Any] = {
            "method": cell.method,
            "options": cell.options,
            "tokens_per_round": cell.budget,
        }
        row |= asdict(cell.figures)
        if other is not None:
            difference = cell.against(other)
            row |= {"against": other.name, **asdict(difference)}
            row |= {"difference": difference.value, "difference95": difference.interval()}
        rows.append(row)
    return {"settings": dict(settings), "cells": rows, "aup": aups(found)}
