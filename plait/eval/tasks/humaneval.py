"""HumanEval (arXiv:2107.03374): 164 Python functions to complete, each with tests."""

import re
from collections.abc import Iterator

from .. import extract, sandbox
from ..benchmark import Benchmark, Item, Verdict
from ..source import Hub, Source

ASK = "Complete this Python function. Answer with the whole function in one code block.\n\n{start}"


class HumanEval(Benchmark):
    """An answer may be the whole function or only what follows the prompt."""

    name = "humaneval"
    chat = True
    runs_code = True

    def check(self) -> None:
        """Ask for a sandbox."""
        sandbox.check()

    def items(self, source: Source) -> Iterator[Item]:
        """Read humaneval/HumanEval.jsonl.gz, or openai/openai_humaneval."""
        hub = Hub("openai/openai_humaneval")
        for row in source.records(self.name, "humaneval/HumanEval.jsonl.gz", hub):
            start, entry = row.text("prompt"), row.text("entry_point")
            facts = start, f"{row.text('test')}\ncheck({entry})\n", entry
            gold = start + row.text("canonical_solution")
            yield Item(self.name, row.text("task_id"), ASK.format(start=start), gold, facts)

    def judge(self, item: Item, answer: str) -> Verdict:
        """Run the tests on the function."""
        start, tests, entry = item.facts
        said = extract.code(answer)
        whole = re.search(rf"^def {re.escape(entry)}\b", said, re.MULTILINE)
        # The prompt comes first even so: answers use what it imports and defines.
        program = f"{start}    pass\n\n{said}" if whole else start + said
        outcome = sandbox.run(f"{program}\n\n{tests}")
        return Verdict(outcome.passed, said, outcome.why)


def humaneval() -> HumanEval:
    """Make the benchmark."""
    return HumanEval()
