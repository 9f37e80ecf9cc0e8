"""The contract of benchmarks, checked on every file of the folder."""

import itertools
import logging
import sys
from dataclasses import replace
from pathlib import Path

import data_files
import pytest

from plait.errors import PlaitError
from plait.eval import sandbox, tasks
from plait.eval.source import Source

FILED = [
    ("gsm8k", "gsm8k/test.jsonl", 3),
    ("math500", "math/math500_test.jsonl", 3),
    ("humaneval", "humaneval/HumanEval.jsonl.gz", 3),
    ("mbpp", "mbpp/mbpp.jsonl", 2),
    ("countdown_cd3", "countdown/countdown_cd3_test.jsonl", 2),
    ("sudoku4_d1", "sudoku/4x4_test_sudoku.csv", 1),
]
CODING = [name for name in tasks.names() if tasks.load(name).runs_code]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Source:
    return Source(data_files.write(tmp_path_factory.mktemp("data")))


@pytest.fixture(scope="module")
def shut_in() -> None:
    try:
        sandbox.check()
    except PlaitError as error:
        pytest.skip(str(error))


def gold(item) -> str:
    """A correct answer as a model would write it."""
    return f"So it is \\boxed{{{item.gold}}}." if item.task in ("gsm8k", "math500") else item.gold


def first(name: str, data: Source, count: int = 3) -> list:
    return list(itertools.islice(tasks.load(name).items(data), count))


def test_the_folder_is_the_list():
    assert {name for name, *_ in FILED} | {"chain", "countdown", "multiply", "sudoku4"} == {
        *tasks.names()
    }
    with pytest.raises(PlaitError, match="did you mean 'gsm8k'"):
        tasks.load("gsm8")


@pytest.mark.parametrize("name", tasks.names())
def test_items(name, data):
    benchmark = tasks.load(name)
    assert benchmark.name == name
    items = first(name, data)
    assert items == first(name, data)
    assert {item.task for item in items} == {name}
    assert len({item.key for item in items}) == len(items)
    assert all(0 <= item.key < 2**48 and item.prompt.strip() and item.gold for item in items)


@pytest.mark.parametrize("name", tasks.names())
def test_a_correct_answer_is_correct_and_others_are_not(name, data, shut_in):
    benchmark = tasks.load(name)
    benchmark.check()
    one, *_ = items = first(name, data)
    for item in items:
        assert benchmark.judge(item, gold(item)).correct
        assert benchmark.judge(item, f"\n{gold(item)}\n").correct
    for wrong in ("", "I do not know.", "\\boxed{-12345}", "def f(: x", "9" * 40):
        verdict = benchmark.judge(one, wrong)
        assert not verdict.correct
    assert name not in CODING or benchmark.judge(one, "x = 1").why


def test_a_key_belongs_to_the_item_alone(data):
    item = first("gsm8k", data)[0]
    assert replace(item, prompt="other").key == item.key
    assert replace(item, id="test-9").key != item.key
    assert replace(item, task="mbpp").key != item.key


@pytest.mark.parametrize(("name", "file", "count"), FILED)
def test_files(name, file, count, data, tmp_path):
    assert len(first(name, data, 100)) == count
    with pytest.raises(PlaitError, match=f"{name} needs the file .*{Path(file).name}.* not there"):
        first(name, Source(tmp_path))
    spoilt = tmp_path / file.removesuffix(".gz")
    spoilt.parent.mkdir(parents=True)
    for text, said in (('{"question": ', ""), ('{"a": 1}\n', ""), ("[1]", ""), ("\xff\xfe", "")):
        spoilt.write_text(text, encoding="latin-1")
        with pytest.raises(PlaitError, match=f"{spoilt.name}.*{said}"):
            first(name, Source(tmp_path))


def test_a_spoilt_record_is_named(tmp_path):
    path = tmp_path / "gsm8k/test.jsonl"
    data_files.lines(
        path, [{"question": "1?", "answer": "#### 1"}, {"question": "2?", "answer": "2"}]
    )
    with pytest.raises(PlaitError, match=r"record 2: 'answer' does not end with ####"):
        first("gsm8k", Source(tmp_path))
    path.write_text('{"question": "1?", "answer": "#### 1"}\n{"question"\n')
    with pytest.raises(PlaitError, match=r"test.jsonl, record 2: not valid JSON"):
        first("gsm8k", Source(tmp_path))


def test_a_gzipped_file_that_ends_too_early(tmp_path):
    data_files.write(tmp_path)
    path = tmp_path / "humaneval/HumanEval.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(PlaitError, match=r"HumanEval.jsonl.gz cannot be read"):
        first("humaneval", Source(tmp_path))


def test_without_a_folder_the_file_is_named():
    with pytest.raises(PlaitError, match=r"countdown_cd3_test.jsonl into a folder.*--data-dir"):
        first("countdown_cd3", Source())


def test_offline_or_without_datasets_the_file_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(PlaitError, match=r"gsm8k needs datasets.*gsm8k/test.jsonl.*data-dir"):
        first("gsm8k", Source())


def test_the_hub_out_of_reach(monkeypatch):
    pytest.importorskip("datasets")
    import datasets

    def refuse(*_, **__):
        raise ConnectionError("no route\nto it")

    monkeypatch.setattr(datasets, "load_dataset", refuse)
    with pytest.raises(PlaitError, match=r"\(no route\): go online once, or put gsm8k/test.jsonl"):
        first("gsm8k", Source())
    rows = [{"question": "1?", "answer": "#### 1,000"}]
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: rows)
    assert first("gsm8k", Source())[0].gold == "1000"


def test_the_hub_out_of_reach_is_told_once(monkeypatch, caplog):
    pytest.importorskip("datasets")
    import datasets

    http = logging.getLogger("huggingface_hub.utils._http")
    http.addHandler(caplog.handler)

    def refuse(*_, **__):
        http.warning("Retrying in 1s [Retry 1/5].")
        raise ConnectionError("no route")

    monkeypatch.setattr(datasets, "load_dataset", refuse)
    with pytest.raises(PlaitError, match="no route"):
        first("gsm8k", Source())
    assert not caplog.records
    http.warning("after that")
    http.removeHandler(caplog.handler)
    assert caplog.records  # as it was before


def test_a_whole_function_or_only_its_body(data, shut_in):
    benchmark, item = tasks.load("humaneval"), first("humaneval", data)[0]
    body = "    return x + 3"
    whole = f"Here:\n```python\ndef add_3(x):\n{body}\n```\nIt adds."
    for answer in (body, whole, f"```\n{body}\n```", f"def add_3(x):\n{body}"):
        assert benchmark.judge(item, answer).correct, answer
    assert not benchmark.judge(item, whole.replace("3\n", "4\n")).correct


def test_mathematics_is_compared_by_meaning(data):
    pytest.importorskip("math_verify")
    benchmark, item = tasks.load("math500"), first("math500", data)[1]  # 10/2
    for right in ("\\boxed{5}", "\\boxed{\\frac{10}{2}}", "the answer is $5.0$", "\\boxed{x = 5}"):
        assert benchmark.judge(item, right).correct, right
    assert not benchmark.judge(item, "\\boxed{5} or \\boxed{6}").correct
