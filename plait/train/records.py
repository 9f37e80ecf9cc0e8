"""Training rows from a file of problems with their paths, for any model (arXiv:2602.23225)."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal

import torch
from torch.utils.data import IterableDataset, get_worker_info

from ..errors import PlaitError, unknown
from ..layout import Codec, Layout
from ..measure import corpus
from ..models.box import Slots
from .batches import Batch, Ends, batch, filled, given
from .corrupt import Corruption
from .view import View

FORMS = ("nap", "long_cot", "single", "plain")
KEPT = ("all", "correct", "heard")
ANSWER = ("answer", "gold", "summary")


@dataclass(frozen=True)
class Problem:
    """One record: a request, several ways of working it out, and the right answer."""

    prompt: str
    paths: tuple[str, ...]
    answer: str
    heard: frozenset[str] = frozenset()  # paths that are read, and not learned


@dataclass(frozen=True)
class Records:
    """How records become rows. Lengths are positions.

    form="nap": `streams` paths of a record, each in its slot, and the answer in the summary.
    "long_cot": the same paths one after another in one slot of their whole length. "single": one
    path of a record in that slot, drawn anew in each epoch. "plain": the paths are left out and
    the answer has the slot. Where a record has more paths than there are streams, some are drawn.

    keep="correct" leaves wrong paths out. "heard" has them stand in their slots without a mask or
    a loss, as streams that went wrong, so that the summary learns what to make of them and nothing
    learns to write them; the paper trains "all". Both need records that say which are correct.
    """

    file: Path = Path("records.jsonl")
    form: Literal["nap", "long_cot", "single", "plain"] = "nap"
    streams: int = 3
    length: int = 330  # of a stream
    summary: int = 32
    shuffle: bool = True  # the order of the paths, in each epoch; False: as they stand
    keep: Literal["all", "correct", "heard"] = "all"  # paths
    cross: Literal["full", "blocked"] = "full"  # do streams see each other?
    ends: Ends = Ends()
    rows: int = 16  # in a batch
    joint: str = "\n"  # between the paths of long_cot
    template: bool = True  # put prompts into the model's chat template, if it has one
    multiple: int = 32  # positions that batches are padded to a multiple of: few shapes to compile
    pool: int = 1  # batches that share out their rows by length: less padding
    fill: bool = False  # up to there with trained ends of the last slot: attention needs no mask
    workers: int = 0

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise unknown("form", self.form, FORMS)
        for name in ("streams", "length", "summary", "rows", "multiple", "pool"):
            if getattr(self, name) < 1:
                raise PlaitError(f"rows.{name} is {getattr(self, name)}; it must be >= 1")
        if self.keep not in KEPT:
            raise unknown("keep", self.keep, KEPT)
        if self.keep == "heard" and self.form != "nap":
            raise PlaitError(
                f"rows.keep=heard needs paths in streams of their own: set rows.form=nap, which is "
                f"'{self.form}'"
            )

    @property
    def slots(self) -> Slots:
        """What the trained model is to be decoded with."""
        if self.form == "plain":
            return Slots(0, self.length * self.streams, self.summary, 0, self.cross)
        count = self.streams if self.form == "nap" else 1
        length = self.length if self.form == "nap" else self.length * self.streams
        return Slots(count, length, self.summary, count, self.cross)

    @property
    def layout(self) -> Layout:
        """The canvas of every row."""
        return self.slots.layout

    def texts(self, problem: Problem, rng: Random) -> list[str]:
        """What stands in the slots."""
        if self.form == "plain":
            return [problem.answer]
        paths = list(problem.paths)
        if self.shuffle:
            rng.shuffle(paths)
        paths = paths[: 1 if self.form == "single" else self.streams]
        streams = paths if self.form == "nap" else [self.joint.join(paths)]
        return [*streams, problem.answer]

    def needs(self) -> int:
        """The fewest paths that a record must have."""
        return {"nap": self.streams, "long_cot": self.streams, "single": 1, "plain": 0}[self.form]


def read(path: Path, keep: str = "all") -> list[Problem]:
    """The problems of a file of JSON lines; PlaitError names the line that is at fault."""
    found = []
    for record in corpus.read(path):
        place = f"{path}, line {record.line}"
        answers = [record.values[name] for name in ANSWER if record.values.get(name)]
        if not answers or not isinstance(answers[0], str):
            raise PlaitError(f"{place}: there is no right answer; give it as 'answer'")
        if not record.prompt.strip():
            raise PlaitError(f"{place}: there is no prompt")
        paths, heard = record.paths, frozenset[str]()
        if keep != "all":
            flags = corpus.correct(record)
            if flags is None:
                raise PlaitError(f'{place}: it does not say which paths are "correct"')
            right = [path for path, good in zip(paths, flags, strict=True) if good]
            if keep == "correct":
                paths = right
            else:
                heard = frozenset(paths) - {*right}
        found.append(Problem(record.prompt, tuple(paths), answers[0], heard))
    return found


@dataclass
class Kept:
    """The problems that fit, and why others do not."""

    problems: list[Problem]
    counts: Counter[str] = field(default_factory=Counter)

    def told(self) -> str:
        """For a person: how many are used and what was left out."""
        used = f"{len(self.problems)} records are used"
        return f"{used}; left out: {self.left()}" if self.counts else used

    def left(self) -> str:
        """What was left out, and why."""
        return ", ".join(f"{n} {why}" for why, n in sorted(self.counts.items()))


def fitting(records: Records, codec: Codec, context: int) -> Kept:
    """The problems of the file whose every choice of paths fits; texts are never cut.

    Raises PlaitError if none is left.
    """
    kept, size = Kept([]), records.layout.size(codec)
    room = context - size
    if room < 1:
        raise PlaitError(
            f"the slots take {size} positions, and the model's context is {context}: set "
            "rows.length, rows.summary or rows.streams smaller"
        )
    for problem in read(records.file, records.keep):
        why = _misfit(problem, records, codec, room)
        if why:
            kept.counts[why] += 1
        else:
            kept.problems.append(problem)
    if not kept.problems:
        raise PlaitError(f"{records.file}: no record can be used: {kept.left()}")
    return kept


def _misfit(problem: Problem, records: Records, codec: Codec, room: int) -> str:
    slots, needs = records.slots, records.needs()
    try:
        sizes = [len(codec.literal(path)) for path in problem.paths if needs]
        said = len(codec.literal(problem.answer))
    except PlaitError:
        return "with signs that the tokenizer has no tokens for"
    answer = slots.summary if slots.streams else slots.length
    if len(sizes) < needs:
        return f"with fewer than {needs} paths"
    if records.form == "long_cot":
        together = sum(sorted(sizes)[-needs:]) + needs * len(codec.literal(records.joint))
        sizes = [together]
    if needs and max(sizes) >= slots.length:
        return f"with a path of {slots.length} tokens or more"
    if said >= answer:
        return f"with an answer of {answer} tokens or more"
    if len(codec.prompt(problem.prompt)) > room:
        return "with a prompt that the context has no room for"
    return ""


class RecordBatches(IterableDataset[Batch]):
    """Whole batches for ever, in an order that depends on (seed, epoch) alone.

    Batch number n is the same whoever asks for it, so that a run can go on from `first`.
    """

    def __init__(
        self,
        records: Records,
        problems: list[Problem],
        codec: Codec,
        corruption: Corruption = Corruption(),
        view: View = View(),
        seed: int = 0,
        first: int = 0,
    ) -> None:
        super().__init__()
        self.records, self.problems, self.codec = records, problems, codec
        self.corruption, self.view, self.seed, self.first = corruption, view, seed, first
        self._layout = records.layout
        self._sizes: list[int] = []  # of prompts; needed where rows are shared out by length
        if records.pool > 1:
            self._sizes = [len(codec.prompt(problem.prompt)) for problem in problems]

    def __iter__(self) -> Iterator[Batch]:
        """Batches from `first` on; workers take turns."""
        worker = get_worker_info()
        number, stride = (worker.id, worker.num_workers) if worker else (0, 1)
        number += self.first
        while True:
            yield self.number(number)
            number += stride

    def number(self, n: int) -> Batch:
        """The batch with this number, from 0."""
        rng = torch.Generator().manual_seed(self.seed * 1_000_003 + n)
        numbers = self.drawn(n)
        drawn = [self.texts(number) for number in numbers]
        rows = [self._layout.row(self.codec, prompt, texts) for prompt, texts in drawn]
        rows = self.records.ends(rows, self.codec.eos_id, self.view.block, rng)
        rows = [
            given(row, self._heard(number, texts))
            for row, number, (_, texts) in zip(rows, numbers, drawn, strict=True)
        ]
        blocked = self.records.cross == "blocked"
        width = -(-max(len(row.ids) for row in rows) // self.records.multiple)
        width *= self.records.multiple
        if self.records.fill:
            rows = [filled(row, width, self.codec.eos_id) for row in rows]
        return batch(rows, self.codec, rng, self.corruption, self.view, blocked, width)

    def drawn(self, n: int) -> list[int]:
        """The numbers of the rows of a batch.

        Batches of a pool get rows of like length, in an order by chance among the batches and
        among the rows of one: noise levels go by a row's place.
        """
        size, pool = self.records.rows, self.records.pool
        group, place = divmod(n, pool)
        rows = list(range(group * pool * size, (group + 1) * pool * size))
        if pool == 1:
            return rows
        rows.sort(key=lambda row: self._sizes[self._index(row)[1]])
        order = list(range(pool))
        Random(f"pool/{self.seed}/{group}").shuffle(order)
        return sorted(rows[order[place] * size : (order[place] + 1) * size])

    def texts(self, n: int) -> tuple[str, list[str]]:
        """The prompt and the texts of the row with this number, from 0."""
        epoch, index = self._index(n)
        rng = Random(f"paths/{self.seed}/{epoch}/{index}")
        problem = self.problems[index]
        return problem.prompt, self.records.texts(problem, rng)

    def _heard(self, n: int, texts: Sequence[str]) -> list[int]:
        """The slots of a row that nothing learns to write."""
        heard = self.problems[self._index(n)[1]].heard
        return [slot for slot, text in enumerate(texts[:-1]) if text in heard]

    def _index(self, n: int) -> tuple[int, int]:
        """Epoch and problem of a row."""
        epoch, place = divmod(n, len(self.problems))
        return epoch, self._order(epoch)[place]

    def _order(self, epoch: int) -> list[int]:
        if getattr(self, "_epoch", None) != epoch:
            self._epoch, self._shuffled = epoch, list(range(len(self.problems)))
            Random(f"order/{self.seed}/{epoch}").shuffle(self._shuffled)
        return self._shuffled
