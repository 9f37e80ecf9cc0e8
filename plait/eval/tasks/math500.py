"""MATH-500 (arXiv:2103.03874, arXiv:2305.20050): 500 problems of competitions, without examples."""

from collections.abc import Iterator
from importlib.util import find_spec

from ...errors import missing
from .. import extract
from ..benchmark import Benchmark, Item, Verdict
from ..source import Hub, Source

ASK = "{problem}\nThink step by step, and put the final answer in \\boxed{{}}."


class Math500(Benchmark):
    """Answers are compared as mathematics, by math-verify."""

    name = "math500"
    chat = True

    def check(self) -> None:
        """Ask for math-verify."""
        if find_spec("math_verify") is None:
            raise missing("judging mathematics", "math-verify", "eval")

    def items(self, source: Source) -> Iterator[Item]:
        """Read math/math500_test.jsonl, or HuggingFaceH4/MATH-500."""
        hub = Hub("HuggingFaceH4/MATH-500")
        for row in source.records(self.name, "math/math500_test.jsonl", hub):
            gold, name = row.text("answer"), row.values.get("unique_id", f"test-{row.number}")
            yield Item(self.name, str(name), ASK.format(problem=row.text("problem").strip()), gold)

    def judge(self, item: Item, answer: str) -> Verdict:
        """Compare what is boxed, or else what math-verify finds, with the gold answer."""
        from math_verify import parse, verify

        said = extract.boxed(answer)
        gold = parse(f"\\boxed{{{item.gold}}}")
        found = parse(answer if said is None else f"\\boxed{{{said}}}")
        if not found:
            return Verdict(False, said or "", "it holds no mathematics")
        return Verdict(bool(verify(gold, found)), str(found[-1]) if said is None else said)


def math500() -> Math500:
    """Make the benchmark."""
    return Math500()
