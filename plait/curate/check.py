"""Is a path right? The judges of the benchmarks say so, by meaning and not by letters."""

from dataclasses import replace

from ..data.tasks import load
from ..eval import gold
from ..eval.benchmark import Benchmark, Item
from ..eval.generated import Generated
from .sample import Drawn, Question


def judge(question: Question) -> tuple[Benchmark, Item]:
    """Who judges the answers to a question, and the item to judge them by.

    A task's verifier, or else who judges by the right answer alone.
    """
    item = Item("curate", question.id, question.prompt, question.gold, question.problem)
    if question.problem is not None:
        return Generated(load(question.problem.task), question.problem.task), item
    return gold.judge(item)


def judged(question: Question, paths: list[Drawn]) -> tuple[Drawn, ...]:
    """The paths, each with a verdict; those that came with one keep it."""
    benchmark, item = judge(question)

    def one(path: Drawn) -> Drawn:
        if path.correct is not None:
            return path
        verdict = benchmark.judge(item, path.said or path.text)
        return replace(path, correct=verdict.correct, said=verdict.extracted)

    return tuple(map(one, paths))
