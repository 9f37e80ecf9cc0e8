"""The folder of an evaluation: whatever kills a run, what was answered stays, and is kept once.

| file | what |
|---|---|
| settings.json | all that decides what comes out; another run must agree with it |
| runs.jsonl | each start: command, versions, hashes, machine |
| samples.jsonl | one line per item: prompt, answer, verdict, costs, place of the trace |
| traces.jsonl.gz | the trace of each answer, in the order of the samples |
| results.json | the figures, once all items are answered |
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import PlaitError
from ..files import as_json, folder_of, read_whole, record
from ..generate import Answer
from ..measure import trace_file
from .benchmark import Item, Verdict

RUNS, SAMPLES, TRACES, RESULTS = (
    "runs.jsonl",
    "samples.jsonl",
    "traces.jsonl.gz",
    "results.json",
)
TIMED = ("batch_size", "cores", "gpu", "machine", "threads")  # facts that seconds depend on
Name = tuple[str, str]  # of an item: its task and id


@dataclass(frozen=True)
class Sample:
    """One answered item, as plain values: a line of samples.jsonl."""

    values: dict[str, Any]

    @property
    def name(self) -> Name:
        """The item that it answers."""
        return self.values["task"], self.values["id"]

    def __getattr__(self, name: str) -> Any:
        """A value by its name."""
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None


class Results:
    """An open folder. `samples` holds what is answered, by item."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        """Take up what an earlier run left; PlaitError if it had other settings."""
        self.folder = folder
        self.samples: dict[Name, Sample] = {}
        for sample in read_samples(folder):
            self.samples[sample.name] = sample
        ends = [sum(s.trace) for s in self.samples.values() if s.trace is not None]
        opening = trace_file.opening(settings)
        traces = folder / TRACES
        if not traces.exists() or traces.stat().st_size < len(opening):
            traces.write_bytes(opening)
        os.truncate(traces, max(ends, default=len(opening)))

    def answers(self, item: Item) -> bool:
        """Say whether an item is answered; PlaitError if that was another question."""
        sample = self.samples.get((item.task, item.id))
        if sample is not None and (sample.prompt, sample.gold) != (item.prompt, item.gold):
            raise PlaitError(
                f"{self.folder} answers {item.task} {item.id} with another text than the data has "
                "now; choose another folder"
            )
        return sample is not None

    def began(self, facts: Mapping[str, Any]) -> None:
        """Note a start."""
        starts(self.folder)  # what a kill tore is cut off before more is written
        with (self.folder / RUNS).open("a", encoding="utf-8") as file:
            file.write(as_json(dict(facts)) + "\n")

    def add(self, item: Item, verdict: Verdict, answer: Answer | None, clock: float) -> Sample:
        """Keep an answer: first its trace, then the line that says where the trace is.

        `clock` is the time that it added to the run, in seconds.
        """
        place = None
        if answer is not None:
            data = trace_file.member(answer.trace)
            with (self.folder / TRACES).open("ab") as file:
                place = [file.seek(0, os.SEEK_END), len(data)]
                file.write(data)
        values: dict[str, Any] = {
            "task": item.task,
            "id": item.id,
            "prompt": item.prompt,
            "gold": item.gold,
        }
        values |= {"correct": verdict.correct, "extracted": verdict.extracted, "why": verdict.why}
        if answer is not None:
            values |= answer.record() | _costs(answer) | {"answer": answer.raw}
        sample = Sample(values | {"clock": round(clock, 4), "trace": place})
        with (self.folder / SAMPLES).open("ab") as file:
            file.write(as_json(sample.values).encode() + b"\n")
        self.samples[sample.name] = sample
        return sample


def _costs(answer: Answer) -> dict[str, Any]:
    trace = answer.trace
    return {"query_tokens": trace.query_tokens, "positions": len(trace.start), "key": trace.key}


@contextlib.contextmanager
def opened(folder: Path, settings: Mapping[str, Any]) -> Iterator[Results]:
    """Open a folder of results, new or old, for this process alone."""
    with folder_of(folder, SAMPLES, settings):
        yield Results(folder, settings)


def read_samples(folder: Path) -> list[Sample]:
    """The samples of a folder, a torn last line dropped; PlaitError names a spoilt one."""
    return [Sample(values) for values in read_whole(folder / SAMPLES, _whole, "sample")]


def starts(folder: Path) -> list[dict[str, Any]]:
    """The facts of all starts in a folder, a torn last line dropped; none in a new one."""
    path = folder / RUNS
    return read_whole(path, record, "start") if path.exists() else []


def _whole(row: bytes) -> dict[str, Any] | None:
    values = record(row)
    wanted = {"task", "id", "prompt", "gold", "correct", "trace", "clock"}
    return values if values is not None and wanted <= values.keys() else None


def measured(folder: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a start, where seconds depend on them those of the starts that asked something.

    A start that finds all items answered measures nothing. Values that differ stand in a list.
    """
    found, asked = dict(facts), [run for run in starts(folder) if run["todo"]]
    for name in TIMED:
        values = [run[name] for run in asked if name in run]
        if different := [v for i, v in enumerate(values) if v not in values[:i]]:
            found[name] = different[0] if len(different) == 1 else different
    return found
