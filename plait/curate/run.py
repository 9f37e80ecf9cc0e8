"""Ask the teacher what is not asked yet; then make the records and say what became of what."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import PlaitError
from ..measure.audit import audit, contamination
from ..measure.corpus import Record
from .build import Plan, build
from .check import judge, judged
from .filters import Length
from .sample import Question, Sample, digest
from .store import LONG_COT, RECORDS, Store
from .teachers import Teacher

CHUNK = 64  # questions that a teacher gets at a time
SILENT = 16  # questions in a row without a text that mean that the teacher has none

Tests = Mapping[str, Sequence[Record]]  # problems that no record may hold, by name


def sampled(
    store: Store,
    todo: Sequence[Question],
    teacher: Teacher,
    count: int,
    seed: int,
    at_once: int = CHUNK,
) -> Iterator[Sample]:
    """Ask for `count` paths of each question, `at_once` questions; keep and yield each sample.

    A question whose paths are all empty is not kept, so that the next run asks it again. Raises
    PlaitError after 16 such questions in a row, and where no question was ever answered. One
    that its teacher could not be asked, as it is too long, has no paths at all, and counts neither
    way.
    """
    for question in todo:
        judge(question)  # what cannot be judged is not asked
    silent = 0
    for first in range(0, len(todo), at_once):
        chunk = todo[first : first + at_once]
        for number, paths in teacher(chunk, count, seed):
            question = chunk[number]
            answered = any(path.text.strip() for path in paths)
            silent = 0 if answered else silent + bool(paths)
            if silent == SILENT:
                raise _silence(silent)
            if answered:
                found = judged(question, paths)
                sample = Sample(question.id, question.prompt, question.gold, found)
                store.add(sample)
                yield sample
    if todo and not store.samples:
        raise _silence(len(todo))


def _silence(count: int) -> PlaitError:
    return PlaitError(
        f"the teacher gave no text to {count} problems in a row; see that its model and its prompt "
        "are right, and run the same command again: samples are kept"
    )


def clean(questions: Sequence[Question], tests: Tests) -> list[Question]:
    """The questions that hold no test problem: nobody pays for the paths of others."""
    records = [Record(i, question.prompt) for i, question in enumerate(questions)]
    bad = {i for test in tests.values() for i in contamination(records, test)["lines"]}
    return [question for i, question in enumerate(questions) if i not in bad]


@dataclass(frozen=True)
class Came:
    """What came in: problems asked for, those that repeat, and those that a test holds."""

    questions: Sequence[Question]  # to be used
    repeated: int
    contaminated: int
    contradictory: int = 0  # of those that repeat


def finish(
    store: Store, came: Came, tests: Tests, plan: Plan, teacher: str, length: Length
) -> dict[str, Any]:
    """Write the records of all questions that have a sample, and the report; return the report.

    A record whose paths hold a test problem is left out too.
    """
    samples = [store.samples[q.id] for q in came.questions if store.has(q)]
    built = build(samples, plan, teacher)
    held = _held(built.records, tests)
    built.questions["holds a test problem"] += len(held)
    records = [r for i, r in enumerate(built.records) if i not in held]
    store.write(RECORDS, records)
    store.write(LONG_COT, [r for i, r in enumerate(built.long_cot) if i not in held])
    paths = [path for sample in samples for path in sample.paths]
    found: dict[str, Any] = {
        "problems": len(came.questions) + came.repeated + came.contaminated,
        "repeated": came.repeated,
        "contradictory": came.contradictory,
        "contaminated": came.contaminated,
        "unanswered": len(came.questions) - len(samples),
        "sampled_paths": len(paths),
        "right_paths": sum(bool(p.correct) for p in paths) / len(paths) if paths else math.nan,
        "paths_left_out": dict(sorted(built.paths.items())),
        "problems_left_out": {why: n for why, n in sorted(built.questions.items()) if n},
        "filters": list(plan.filters),
        "hash": digest("".join(record["id"] for record in records)),
    }
    found["records"] = audit(_as_corpus(records), length) if records else {"records": 0}
    store.report(found)
    return found


def _held(records: Sequence[dict[str, Any]], tests: Tests) -> set[int]:
    """The places of records that hold a test problem."""
    corpus = _as_corpus(records)
    return {i for test in tests.values() for i in contamination(corpus, test)["lines"]}


def _as_corpus(records: Sequence[dict[str, Any]]) -> list[Record]:
    return [
        Record(i, r["prompt"], paths=[path["text"] for path in r["paths"]], values=r)
        for i, r in enumerate(records)
    ]
