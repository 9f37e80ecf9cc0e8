"""GSM8K: word problems of primary school (arXiv:2110.14168), 1,319 of them, without examples."""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from .. import extract
from ..benchmark import Benchmark, Item, Verdict
from ..source import Hub, Source

ASK = "{question}\nThink step by step, and put the final number in \\boxed{{}}."


class Gsm8k(Benchmark):
    """The answer is the number that the text ends on; the gold one stands after "####"."""

    name = "gsm8k"
    chat = True

    def items(self, source: Source) -> Iterator[Item]:
        """Read gsm8k/test.jsonl, or openai/gsm8k."""
        for row in source.records(self.name, "gsm8k/test.jsonl", Hub("openai/gsm8k", "main")):
            _, mark, gold = row.text("answer").rpartition("####")
            try:
                number = Decimal(gold.strip().replace(",", ""))
            except InvalidOperation:
                number = Decimal("nan")
            if not mark or not number.is_finite():
                raise row.fault("'answer' does not end with #### and a number")
            prompt = ASK.format(question=row.text("question").strip())
            yield Item(self.name, f"test-{row.number}", prompt, str(number), number)

    def judge(self, item: Item, answer: str) -> Verdict:
        """Compare as numbers: 18, $18 and 18.00 are one."""
        found = extract.number(answer)
        said = "" if found is None else str(found)
        return Verdict(found == item.facts, said, "" if said else "it holds no number")


def gsm8k() -> Gsm8k:
    """Make the benchmark."""
    return Gsm8k()
