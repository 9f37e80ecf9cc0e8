"""An evaluation goes on whatever the model's programs do."""

import functools
from collections.abc import Iterator, Sequence

import pytest
from data_files import lines
from test_sandbox import HOSTILE, SHORT
from tiny import Digits, Tiny

from plait import methods
from plait.decode import decode
from plait.errors import PlaitError
from plait.eval import report, sandbox, tasks
from plait.eval.run import evaluate, items_of
from plait.eval.source import Source
from plait.generate import Answer, _answer
from plait.layout import plain

RIGHT = "def twice(x):\n    return 2 * x"


class Programs:
    """Answers the item with a number by the program of that number."""

    def __init__(self, programs: Sequence[str]) -> None:
        self.programs = programs

    def check(self, prompt: str) -> None:
        pass

    def stream(self, prompts: Sequence[str], keys: Sequence[int]) -> Iterator[tuple[int, Answer]]:
        for number, (prompt, key) in enumerate(zip(prompts, keys, strict=True)):
            canvas = plain(2).build(Digits(), ["5"], [key])
            _, (trace,) = decode(Tiny(), methods.load("ar"), canvas)
            place = int(prompt.split(" ", 1)[0])
            yield number, _answer(prompt, [("answer", self.programs[place])], trace)


@pytest.mark.slow
def test_hostile_programs_are_wrong_answers_and_no_more(tmp_path, monkeypatch):
    try:
        sandbox.check()
    except PlaitError as error:
        pytest.skip(str(error))
    monkeypatch.setattr(sandbox, "run", functools.partial(sandbox.run, limits=SHORT))
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    facts = {"outside": outside, "port": 1, "pid": 1, "python": sandbox.python(), "mark": "m"}
    programs = [text.format(**facts) for text in HOSTILE.values()]
    programs.insert(len(programs) // 2, RIGHT)
    programs.append(RIGHT)
    data = {"code": RIGHT, "test_list": ["assert twice(2) == 4"], "test_setup_code": ""}
    rows = [data | {"task_id": 11 + i, "text": f"{i} things."} for i in range(len(programs))]
    lines(tmp_path / "data/mbpp/mbpp.jsonl", rows)
    mbpp = tasks.load("mbpp")
    items = items_of([mbpp], Source(tmp_path / "data"), None)
    found = list(evaluate([mbpp], items, tmp_path / "r", {}, {}, Programs(programs)))
    assert [s.correct for s in found] == [program == RIGHT for program in programs]
    assert all(s.why for s in found if not s.correct)
    figures = report.figures(found)
    assert (figures.right, figures.n, figures.unanswered) == (2, len(programs), 0)
    assert [p.name for p in outside.iterdir()] == ["kept"]
    again = list(evaluate([mbpp], items, tmp_path / "r", {}, {}, Programs([])))
    assert [s.values for s in again] == [s.values for s in found]  # nothing is asked twice


def test_times_are_of_decoding(tmp_path):
    """Judging takes none of the time that speeds are made from."""
    import time

    class Slow(type(tasks.load("multiply"))):
        def judge(self, item, answer):
            time.sleep(0.2)
            return super().judge(item, answer)

    benchmark = tasks.load("multiply")
    slow = Slow(benchmark.task, "multiply")
    items = items_of([slow], Source(), 3)
    numbered = [
        type(item)(item.task, item.id, f"{i} ?", "1", item.facts) for i, item in enumerate(items)
    ]
    start = time.perf_counter()
    found = list(evaluate([slow], numbered, tmp_path / "r", {}, {}, Programs(["1", "2", "3"])))
    spent = time.perf_counter() - start
    assert sum(s.clock for s in found) < spent - 0.5
    assert report.figures(found).seconds == pytest.approx(sum(s.clock for s in found) / 3)


def test_prompts_are_checked_before_the_clock_starts(tmp_path):
    import time

    class Slow(Programs):
        def check(self, prompt):
            time.sleep(0.2)
            if prompt.startswith("1"):
                raise PlaitError("no room")

    benchmark = tasks.load("multiply")
    items = [
        type(item)(item.task, item.id, f"{i} ?", "1", item.facts)
        for i, item in enumerate(items_of([benchmark], Source(), 3))
    ]
    found = list(evaluate([benchmark], items, tmp_path / "r", {}, {}, Slow(["1", "2", "3"])))
    assert {s.id: s.why for s in found if s.why} == {items[1].id: "no room"}
    assert sum(s.clock for s in found) < 0.2
