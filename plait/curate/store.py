"""The folder of a curation: whatever kills a run, the paths that a teacher gave stay.

| file | what |
|---|---|
| settings.json | all that decides what the teacher answers; another run must agree with it |
| samples.jsonl | one line per question: every path, its seed, what it says, whether it is right |
| records.jsonl | the canvases, for `plait train` with form nap |
| long_cot.jsonl | the same paths as one, for the baseline |
| report.json | what came in, what was left out and why, what came out |
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import PlaitError
from ..files import as_json, folder_of, read_whole, write_whole
from .sample import Question, Sample

SAMPLES, RECORDS, LONG_COT, REPORT = (
    "samples.jsonl",
    "records.jsonl",
    "long_cot.jsonl",
    "report.json",
)


class Store:
    """An open folder. `samples` holds what was asked, by the id of the question."""

    def __init__(self, folder: Path) -> None:
        """Take up what an earlier run left."""
        self.folder = folder
        rows = read_whole(folder / SAMPLES, _whole, "sample")
        self.samples = {row["id"]: Sample.of(row) for row in rows}

    def has(self, question: Question) -> bool:
        """Say whether a question was asked; PlaitError if its right answer was another then."""
        sample = self.samples.get(question.id)
        if sample is not None and sample.gold != question.gold:
            raise PlaitError(
                f"{self.folder} has {sample.gold!r} as the answer to a problem whose answer is "
                f"{question.gold!r} now ({question.prompt[:60]!r}); choose another folder"
            )
        return sample is not None

    def add(self, sample: Sample) -> None:
        """Keep a sample, before anything else is asked."""
        with _room(self.folder / SAMPLES), (self.folder / SAMPLES).open("ab", 0) as file:
            line = as_json(sample.values()).encode() + b"\n"
            if file.write(line) != len(line):
                raise OSError(None, "the disk is full")
        self.samples[sample.id] = sample

    def write(self, name: str, rows: list[dict[str, Any]]) -> None:
        """Write a file of JSON lines: the old one until it is the new one."""
        with _room(self.folder / name):
            write_whole(self.folder / name, "".join(as_json(row) + "\n" for row in rows))

    def report(self, found: dict[str, Any]) -> None:
        """Write the report."""
        with _room(self.folder / REPORT):
            text = json.dumps(json.loads(as_json(found)), indent=1)
            write_whole(self.folder / REPORT, text + "\n")


@contextlib.contextmanager
def opened(folder: Path, settings: Mapping[str, Any]) -> Iterator[Store]:
    """Open a folder, new or old, for this process alone."""
    with folder_of(folder, SAMPLES, settings):
        yield Store(folder)


@contextlib.contextmanager
def _room(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PlaitError(
            f"{path} cannot be written ({error.strerror}); all samples before are kept: make room "
            "and run the same command again"
        ) from None


def _whole(row: bytes) -> dict[str, Any] | None:
    try:
        values = json.loads(row)
        Sample.of(values)
    except (ValueError, TypeError, KeyError):
        return None
    return values if isinstance(values, dict) else None
