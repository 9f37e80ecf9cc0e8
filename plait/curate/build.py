"""From judged paths to records: filters, the choice of m paths, their order, the summary."""

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

from ..errors import PlaitError
from ..measure.diversity import diversity
from .filters import Each, Filter, Together
from .sample import Drawn, Sample, digest, is_text

TRIES = 5_000  # choices of paths that are looked at, where there are more
ANSWER = "{answer}"


@dataclass(frozen=True)
class Plan:
    """How records are made of paths. `filters` go by their texts, as the user wrote them."""

    filters: dict[str, Filter] = field(default_factory=dict)
    streams: int = 3
    choose: Literal["random", "diverse"] = "random"  # "diverse": the least alike
    summary: str = ANSWER  # with the right answer in the place of {answer}
    joint: str = "\n"  # between the paths of the Long-CoT baseline
    seed: int = 0

    def __post_init__(self) -> None:
        if self.streams < 1:
            raise PlaitError(f"the number of streams is {self.streams}; it must be >= 1")
        if ANSWER not in self.summary:
            raise PlaitError(f"the summary '{self.summary}' has no {ANSWER}, where the answer goes")


@dataclass
class Built:
    """Records for NAP, the same paths for Long-CoT, and what was left out, by reason."""

    records: list[dict[str, Any]] = field(default_factory=list)
    long_cot: list[dict[str, Any]] = field(default_factory=list)
    paths: Counter[str] = field(default_factory=Counter)  # left out
    questions: Counter[str] = field(default_factory=Counter)  # left out


def build(samples: Sequence[Sample], plan: Plan, teacher: str) -> Built:
    """Make the records, in the order of the samples. Depends on samples and plan alone.

    What may stand in no record, as an empty path, is left out before any filter. Of the
    choices of `streams` paths that all filters keep, one is drawn; its order is uniform, so that
    the law of the paths does not depend on their places.
    """
    built = Built()
    for sample in samples:
        rng = Random(f"curate/{plan.seed}/{sample.id}")
        left = _fitting(sample, plan, built.paths)
        if len(left) < plan.streams:
            built.questions[f"fewer than {plan.streams} paths left"] += 1
            continue
        chosen, refused = _choose(left, plan, rng)
        if not chosen:
            built.questions[refused] += 1
            continue
        record = _record(sample, chosen, plan, teacher)
        built.records.append(record)
        built.long_cot.append(_joined(record, plan.joint))
    return built


def _fitting(sample: Sample, plan: Plan, out: Counter[str]) -> list[Drawn]:
    """The paths that may stand in a record; `out` counts the others, by the first reason."""
    each = {name: f for name, f in plan.filters.items() if isinstance(f, Each)}
    left = []
    for path in sample.paths:
        why = _unfit(path) or next((name for name, f in each.items() if not f.keeps(path)), "")
        if why:
            out[why] += 1
        else:
            left.append(path)
    return left


def _unfit(path: Drawn) -> str:
    """Why a path may stand in no record at all; empty if it may."""
    if not path.text.strip():
        return "empty"
    if not path.ended:
        return "without an end"
    return "" if is_text(path.text) else "with half of a surrogate pair"


def _choose(paths: list[Drawn], plan: Plan, rng: Random) -> tuple[list[Drawn], str]:
    """Paths that the filters keep together, or the filter that refused the last choice."""
    together = {n: f for n, f in plan.filters.items() if isinstance(f, Together)}
    refused, best, least = "", list[Drawn](), float("inf")
    for chosen in _choices(paths, plan.streams, rng):
        why = next((name for name, f in together.items() if not f.keeps(chosen)), "")
        if why:
            refused = why
            continue
        if plan.choose == "random" or plan.streams == 1:
            return chosen, ""
        alike = diversity([path.text for path in chosen])["similarity"]
        if alike < least:
            best, least = chosen, alike
    return best, refused


def _choices(paths: list[Drawn], count: int, rng: Random) -> Iterator[list[Drawn]]:
    """The choices of `count` paths in random order: all, or 5,000 draws and the most right one.

    Each keeps the order of a shuffle, so that given its paths their order is uniform.
    """
    shuffled = rng.sample(paths, len(paths))
    if math.comb(len(shuffled), count) <= TRIES:
        every = list(itertools.combinations(range(len(shuffled)), count))
        rng.shuffle(every)
    else:
        every = [tuple(sorted(rng.sample(range(len(shuffled)), count))) for _ in range(TRIES)]
        right_first = sorted(range(len(shuffled)), key=lambda n: not shuffled[n].correct)
        every.append(tuple(sorted(right_first[:count])))  # what filters keep that count the right
    return ([shuffled[n] for n in numbers] for numbers in every)


def _record(sample: Sample, paths: list[Drawn], plan: Plan, teacher: str) -> dict[str, Any]:
    told = []
    for path in paths:
        text = path.text.strip()
        verdict = {"correct": bool(path.correct), "seed": path.seed}
        told.append({"text": text, **verdict, "hash": digest(text)})
    return {
        "id": sample.id,
        "prompt": sample.prompt,
        "paths": told,
        "answer": plan.summary.replace(ANSWER, sample.gold),
        "gold": sample.gold,
        "teacher": teacher,
    }


def _joined(record: dict[str, Any], joint: str) -> dict[str, Any]:
    """The same record with its paths one after another as one."""
    paths = record["paths"]
    text = joint.join(path["text"] for path in paths)
    right = all(path["correct"] for path in paths)
    one = {"text": text, "correct": right, "of": [path["hash"] for path in paths]}
    return record | {"paths": [one | {"hash": digest(text)}]}
