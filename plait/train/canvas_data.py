"""Training batches of NAP canvases (arXiv:2602.23225), made from the tasks as they are needed.

A row holds a prompt, several paths of reasoning in random order, and the answer in the summary.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from ..canvas import GIVEN
from ..data.problem import Problem, Task, problems
from ..data.tasks import load
from ..errors import PlaitError
from ..layout import Codec, Row, nap
from ..models.box import Slots
from .corrupt import masks, rates

TASKS = {"countdown": 0.45, "chain": 0.3, "sudoku4": 0.15, "multiply": 0.1}
REDRAWS = 100  # failures in a row that mean that the slots do not suit the tasks
Batch = dict[str, Tensor]


@dataclass(frozen=True)
class Rows:
    """What training rows look like. Lengths are positions, shares are in [0, 1]."""

    tasks: Mapping[str, float] = field(default_factory=lambda: dict(TASKS))  # name to weight
    slots: Slots = Slots()
    streams: tuple[float, ...] = (0.1, 0.15, 0.6, 0.15)  # weight of 1, 2, 3, ... streams
    usual: float = 0.75  # share of rows with the lengths of `slots`; the others draw theirs
    lengths: tuple[int, int] = (32, 72)  # of a stream, where drawn
    summaries: tuple[int, int] = (16, 32)  # of the summary, where drawn
    widths: tuple[int, ...] = (144, 192, 240, 288, 384)  # of batches; each is compiled once
    positions: int = 129_024  # in a batch, padding counted
    workers: int = 14


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
        """A row in a drawn layout; None if a text or the row is too long for it."""
        (streams,) = rng.choices(range(1, len(self.rows.streams) + 1), self.rows.streams)
        length, summary = self.rows.slots.length, self.rows.slots.summary
        if rng.random() >= self.rows.usual:
            length, summary = rng.randint(*self.rows.lengths), rng.randint(*self.rows.summaries)
        texts = [path.text for path in task.paths(problem, rng, streams)]
        try:
            layout = nap(streams, length, summary)
            row = layout.row(self.codec, problem.prompt, [*texts, problem.answer])
        except PlaitError:
            return None
        return row if len(row.ids) <= self.rows.widths[-1] else None


def favour_hard(task: Task) -> list[int]:
    """Levels to draw from: the n-th easiest n times."""
    return [level for n, level in enumerate(task.levels, 1) for _ in range(n)]


class CanvasBatches(IterableDataset[Batch]):
    """Whole batches of corrupted rows, grouped by width. Workers differ by their seed.

    A batch has `positions` positions, so a wide one has fewer rows. Ranks must not differ by
    seed: accelerate gives each its share of the batches of one stream.
    """

    def __init__(
        self, rows: Rows, codec: Codec, exclude: frozenset[str] = frozenset(), seed: int = 0
    ) -> None:
        super().__init__()
        self.rows, self.codec, self.exclude, self.seed = rows, codec, exclude, seed

    def __iter__(self) -> Iterator[Batch]:
        """Batches for ever."""
        worker = get_worker_info()
        seed = 1000 * self.seed + (worker.id if worker else 0)
        rng = torch.Generator().manual_seed(seed)
        full: dict[int, list[Row]] = {width: [] for width in self.rows.widths}
        for row in Drawer(self.rows, self.codec, seed, self.exclude):
            width = next(w for w in self.rows.widths if len(row.ids) <= w)
            full[width].append(row)
            if len(full[width]) == self.rows.positions // width:
                yield batch(full[width], width, self.codec, rng)
                full[width] = []


def batch(rows: Sequence[Row], width: int, codec: Codec, rng: torch.Generator) -> Batch:
    """Rows padded to `width` and corrupted, in the form that `run.Denoise` takes."""

    def pad(field: list[list[int]], value: int) -> Tensor:
        padded = [f + [value] * (width - len(f)) for f in field]
        return torch.tensor(padded, dtype=torch.int32)  # half the shared memory of int64

    target = pad([row.ids for row in rows], codec.eos_id)
    free = pad([row.region for row in rows], GIVEN) != GIVEN
    length = torch.tensor([len(row.ids) for row in rows])
    rate = rates(len(rows), rng)
    masked = masks(free, rate, rng)
    return {
        "tokens": target.masked_fill(masked, codec.mask_id),
        "target": target,
        "masked": masked,
        "free": free,
        "real": torch.arange(width) < length[:, None],
        "rate": rate,
    }


def excluded(files: Sequence[str]) -> frozenset[str]:
    """Keys of the problems in `files`, each written as TASK=FILE."""
    keys: set[str] = set()
    for item in files:
        name, equals, path = item.partition("=")
        if not equals:
            raise PlaitError(f"'{item}' is not of the form TASK=FILE")
        keys.update(problem.key for problem in load(name).read(path))
    return frozenset(keys)
