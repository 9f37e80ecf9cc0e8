"""Ask, decode, judge, keep: the evaluation of one model with one method."""

import itertools
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ..errors import PlaitError
from ..generate import Answer
from .benchmark import Benchmark, Item, Verdict
from .results import Results, Sample, opened
from .source import Source


@runtime_checkable
class Answering(Protocol):
    """What an evaluation needs of a model with its settings."""

    def check(self, prompt: str) -> None:
        """Raise PlaitError if a prompt cannot be decoded."""
        ...

    def stream(self, prompts: Sequence[str], keys: Sequence[int]) -> Iterator[tuple[int, Answer]]:
        """Yield (number of the prompt, answer) as each is done."""
        ...


def items_of(benchmarks: Iterable[Benchmark], source: Source, limit: int | None) -> list[Item]:
    """The items to ask, task by task; the first `limit` of each. Every one of them is checked."""
    items: list[Item] = []
    for benchmark in benchmarks:
        most = benchmark.count if limit is None else limit
        found = list(itertools.islice(benchmark.items(source), most))
        if not found:
            raise PlaitError(f"{benchmark.name} has no items")
        twice = [name for name, times in Counter(i.id for i in found).items() if times > 1]
        if twice:
            raise PlaitError(f"{benchmark.name} has two items '{twice[0]}'")
        items += found
    return items


def evaluate(
    benchmarks: Sequence[Benchmark],
    items: Sequence[Item],
    folder: Path,
    settings: Mapping[str, Any],
    facts: Mapping[str, Any],
    session: Answering,
) -> Iterator[Sample]:
    """Answer what the folder lacks; yield every sample, those of earlier runs first.

    An item that the model has no room for counts as wrong, and says so.
    """
    with opened(folder, settings) as results:
        todo = [item for item in items if not results.answers(item)]
        results.began({**facts, "todo": len(todo), "done": len(items) - len(todo)})
        yield from (results.samples[i.task, i.id] for i in items if results.answers(i))
        for benchmark in benchmarks:  # one after the other, or their times would mix
            own = [item for item in todo if item.task == benchmark.name]
            yield from _answer(results, benchmark, own, session)


def _answer(
    results: Results, benchmark: Benchmark, todo: Sequence[Item], session: Answering
) -> Iterator[Sample]:
    good = []
    for item in todo:
        try:
            session.check(item.prompt)
            good.append(item)
        except PlaitError as error:
            yield results.add(item, Verdict(False, "", str(error)), None, 0.0)
    prompts, keys = [item.prompt for item in good], [item.key for item in good]
    start = time.perf_counter()
    for number, answer in session.stream(prompts, keys):
        clock = time.perf_counter() - start
        verdict = benchmark.judge(good[number], answer.raw)
        yield results.add(good[number], verdict, answer, clock)
        start = time.perf_counter()  # judging, and what the caller does, is no decoding
