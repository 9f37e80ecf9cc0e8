"""MBPP (arXiv:2108.07732): 500 Python functions to write, each from a sentence and tests."""

from collections.abc import Iterator

from .. import extract, sandbox
from ..benchmark import Benchmark, Item, Verdict
from ..source import Hub, Source

TEST = range(11, 511)  # the numbers of the test split
ASK = "{text} Your code should pass these tests:\n{tests}\nAnswer with one code block."


class Mbpp(Benchmark):
    """Without examples; the tests are part of the prompt, as in the paper."""

    name = "mbpp"
    chat = True
    runs_code = True

    def check(self) -> None:
        """Ask for a sandbox."""
        sandbox.check()

    def items(self, source: Source) -> Iterator[Item]:
        """Read mbpp/mbpp.jsonl, or google-research-datasets/mbpp."""
        hub = Hub("google-research-datasets/mbpp", "full")
        for row in source.records(self.name, "mbpp/mbpp.jsonl", hub):
            number, tests = row.number_of("task_id"), "\n".join(row.texts("test_list"))
            if number not in TEST:
                continue
            prompt = ASK.format(text=row.text("text").strip(), tests=tests)
            facts = f"{row.text('test_setup_code')}\n{tests}\n"
            yield Item(self.name, str(number), prompt, row.text("code"), facts)

    def judge(self, item: Item, answer: str) -> Verdict:
        """Run the tests on the code."""
        said = extract.code(answer)
        outcome = sandbox.run(f"{said}\n\n{item.facts}")
        return Verdict(outcome.passed, said, outcome.why)


def mbpp() -> Mbpp:
    """Make the benchmark."""
    return Mbpp()
