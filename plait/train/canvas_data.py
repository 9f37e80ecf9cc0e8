"""Training batches of NAP canvases (arXiv:2602.23225), made from the tasks as they are needed.

A row holds a prompt, several paths of reasoning, shuffled or sorted by kind, and the answer.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal

import torch
from torch.utils.data import IterableDataset, get_worker_info

from ..data.problem import Problem, Task, problems
from ..data.tasks import load
from ..errors import PlaitError
from ..layout import Codec, Row, nap
from ..models.box import Slots
from .batches import Batch, batch
from .corrupt import Corruption
from .view import View

TASKS = {"countdown": 0.33, "chain": 0.27, "multiply": 0.36, "sudoku4": 0.04}
REDRAWS = 100  # failures in a row that mean that the slots do not suit the tasks


@dataclass(frozen=True)
class Rows:
    """What training rows look like. Lengths are positions, shares are in [0, 1]."""

    tasks: Mapping[str, float] = field(default_factory=lambda: dict(TASKS))  # name to weight
    slots: Slots = Slots()
    streams: tuple[float, ...] = (0.08, 0.12, 0.65, 0.15)  # weight of 1, 2, 3, ... streams
    usual: float = 0.15  # share of rows whose streams have the length of `slots`
    lengths: tuple[int, int] = (16, 64)  # of a stream in the other rows
    widths: tuple[int, ...] = (112, 160, 216, 304)  # of batches; each is compiled once
    positions: int = 86_528  # in a batch
    repeats: int = 4  # batches made of the same rows, each with masks of its own
    cross: Literal["full", "blocked"] = "full"  # do streams see each other?
    shuffle: bool = True  # a path may stand in any stream; False: sorted by the name of its kind
    workers: int = 8

    def __post_init__(self) -> None:
        if self.positions < max(self.widths):
            raise PlaitError(
                f"rows.positions is {self.positions}: a batch must hold a row of the largest of "
                f"rows.widths, {max(self.widths)}"
            )


@dataclass
class Drawer:
    """An endless supply of rows, by one random generator. Counts what it had to draw again."""

    rows: Rows
    codec: Codec
    seed: int  # differs between workers
    exclude: frozenset[str] = frozenset()  # keys of problems
    counts: Counter[str] = field(default_factory=Counter)

    def __iter__(self) -> Iterator[Row]:
        """Rows that fit the widest batch; texts are never cut."""
        rng = Random(f"rows/{self.seed}")
        tasks = {name: load(name) for name in self.rows.tasks}
        supply = {
            name: problems(task, "train", self.seed, favour_hard(task), self.exclude)
            for name, task in tasks.items()
        }
        names, weights = list(supply), list(self.rows.tasks.values())
        failures = 0
        while failures < REDRAWS:
            (name,) = rng.choices(names, weights)
            row = self._row(tasks[name], next(supply[name]), rng)
            self.counts["rows" if row else f"redrawn {name}"] += 1
            failures = 0 if row else failures + 1
            if row:
                yield row
        raise PlaitError(f"{failures} rows in a row do not fit: {dict(self.counts)}")

    def _row(self, task: Task, problem: Problem, rng: Random) -> Row | None:
        """A row that fills one of the widths; None if its texts fit none.

        No row needs padding, so attention needs no mask. Either the streams have the usual
        length and the summary gets what is left, or they share all but the usual summary.
        """
        (streams,) = rng.choices(range(1, len(self.rows.streams) + 1), self.rows.streams)
        found = task.paths(problem, rng, streams)
        if not self.rows.shuffle:
            found.sort(key=lambda path: path.kind)
        texts = [path.text for path in found] + [problem.answer]
        *paths, answer = (len(self.codec.literal(text)) for text in texts)
        longest = max(paths)
        given = len(self.codec.prompt(problem.prompt)) + streams + 1
        usual, summary = self.rows.slots.length, self.rows.slots.summary
        low, high = max(self.rows.lengths[0], longest + 1), self.rows.lengths[1]
        if rng.random() < self.rows.usual:
            low = high = usual
        for width in self.rows.widths:
            free = width - given
            length = min((free - summary) // streams, high)
            rest = free - streams * length
            if length >= max(low, longest + 1) and rest > answer:
                return nap(streams, length, rest).row(self.codec, problem.prompt, texts)
        return None


def favour_hard(task: Task) -> list[int]:
    """Levels to draw from: the n-th easiest n * n times."""
    return [level for n, level in enumerate(task.levels, 1) for _ in range(n * n)]


class CanvasBatches(IterableDataset[Batch]):
    """Whole batches of corrupted rows, grouped by width. Workers differ by their seed.

    A batch has `positions` positions, so a wide one has fewer rows. Ranks must not differ by
    seed: accelerate gives each its share of the batches of one stream.
    """

    def __init__(
        self,
        rows: Rows,
        codec: Codec,
        exclude: frozenset[str] = frozenset(),
        seed: int = 0,
        corruption: Corruption = Corruption(),
        view: View = View(),
    ) -> None:
        super().__init__()
        self.rows, self.codec, self.exclude, self.seed = rows, codec, exclude, seed
        self.corruption, self.view = corruption, view

    def __iter__(self) -> Iterator[Batch]:
        """Batches for ever."""
        worker = get_worker_info()
        seed = 1000 * self.seed + (worker.id if worker else 0)
        rng = torch.Generator().manual_seed(seed)
        full: dict[int, list[Row]] = {width: [] for width in self.rows.widths}
        for row in Drawer(self.rows, self.codec, seed, self.exclude):
            rows = full[len(row.ids)]
            rows.append(row)
            if len(rows) == self.rows.positions // len(row.ids):
                for _ in range(self.rows.repeats):
                    yield batch(
                        rows,
                        self.codec,
                        rng,
                        self.corruption,
                        self.view,
                        self.rows.cross == "blocked",
                    )
                rows.clear()


def excluded(files: Sequence[str]) -> frozenset[str]:
    """Keys of the problems in `files`, each written as TASK=FILE."""
    keys: set[str] = set()
    for item in files:
        name, equals, path = item.partition("=")
        if not equals:
            raise PlaitError(f"'{item}' is not of the form TASK=FILE")
        keys.update(problem.key for problem in load(name).read(path))
    return frozenset(keys)
