"""`plait curate --ray`: the same records from several workers, by Ray Data."""

import json
import os
import pickle
import signal
import sys
from pathlib import Path

import pytest
from ray_workers import busy

from plait.curate import spread
from plait.curate.sample import Question
from plait.curate.spread import Remote
from plait.curate.store import Store
from plait.data.problem import problems
from plait.data.tasks import load
from plait.eval.spread import Place

CHAIN = ("curate", "task:chain", "--levels", "3", "--paths", "4")
MADE = ("records.jsonl", "long_cot.jsonl")


def by_id(path: Path) -> dict[str, dict]:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len({row["id"] for row in rows}) == len(rows)
    return {row["id"]: row for row in rows}


def same(one: Path, other: Path) -> None:
    """Records are equal in their order, samples by their id: they are kept as they come."""
    for name in MADE:
        assert (one / name).read_bytes() == (other / name).read_bytes()
    assert by_id(one / "samples.jsonl") == by_id(other / "samples.jsonl")
    reports = [json.loads((folder / "report.json").read_text()) for folder in (one, other)]
    assert reports[0] == reports[1]


@pytest.mark.slow
def test_a_cluster_makes_the_same_records_and_goes_on_where_a_run_stopped(plait, tmp_path):
    pytest.importorskip("ray")
    alone, many, stopped = (tmp_path / name for name in ("alone", "many", "stopped"))
    assert plait(*CHAIN, "--limit", 50, "--out", alone).code == 0
    result = plait(*CHAIN, "--limit", 50, "--out", many, "--ray", "local")
    assert result.code == 0, result.err
    same(alone, many)
    assert plait(*CHAIN, "--limit", 20, "--out", stopped).code == 0
    before = (stopped / "samples.jsonl").read_bytes()
    assert plait(*CHAIN, "--limit", 50, "--out", stopped, "--ray", "local").code == 0
    assert (stopped / "samples.jsonl").read_bytes().startswith(before)
    same(alone, stopped)


@pytest.mark.slow
def test_a_model_on_a_cluster_though_a_worker_dies(plait, model, tmp_path, monkeypatch):
    pytest.importorskip("ray")
    source = tmp_path / "p.jsonl"
    rows = [{"prompt": f"What is {n} * 3?", "answer": str(3 * n)} for n in range(4, 84)]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = ("curate", source, "--teacher", "model", "--paths", 2, "--streams", 2)
    options += ("--set", f"model={model}", "--set", "tokens_per_round=4", "--set", "length=16")
    alone, many = tmp_path / "alone", tmp_path / "many"
    first = plait(*options, "--out", alone)
    assert first.code in (0, 1)  # a random model may end no path
    whole, killed = Store.add, []

    def add(store, sample):
        whole(store, sample)
        if not killed and (at_work := busy("Map")):
            os.kill(at_work[0], signal.SIGKILL)
            killed.append(at_work[0])

    monkeypatch.setattr(Store, "add", add)
    assert plait(*options, "--out", many, "--ray", "local").code == first.code
    assert killed
    same(alone, many)


@pytest.mark.slow
def test_what_fails_on_a_worker_is_one_sentence(plait, tmp_path):
    pytest.importorskip("ray")
    source = tmp_path / "p.jsonl"
    source.write_text('{"prompt": "One?", "answer": "1"}\n')
    result = plait("curate", source, "--out", tmp_path / "out", "--ray", "local")
    assert result.code == 2
    assert "teacher 'task' solves problems of a task" in result.err
    assert result.err.count("\n") == 1


def test_a_worker_asks_and_judges_by_hand():
    pa = pytest.importorskip("pyarrow")
    drawn = problems(load("chain"), "train", 0, [3])
    questions = [Question(p.prompt, p.answer, p) for _, p in zip(range(3), drawn, strict=False)]
    table = pa.table({"number": [7, 8, 9], "question": [pickle.dumps(q) for q in questions]})
    teacher = Remote("task", "{}", Place.here("cpu"))
    rows = spread._ask(table, teacher, 2, 0).to_pylist()
    assert [row["number"] for row in rows] == [7, 8, 9]
    assert all(p.correct for row in rows for p in pickle.loads(row["paths"]))
    other = Remote("task", "{}", Place("x", "1.0", 1, "cpu"))
    (row,) = spread._ask(table, other, 2, 0).to_pylist()
    assert "has another plait" in row["error"]


def test_curating_without_ray_says_what_to_install(plait, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    result = plait(*CHAIN, "--limit", 2, "--out", tmp_path / "out", "--ray", "local")
    assert result.code == 2
    assert "plait[ray]" in result.err
    assert result.err.count("\n") == 1


def test_no_cluster_to_curate_on(plait, tmp_path):
    pytest.importorskip("ray")
    result = plait(*CHAIN, "--limit", 2, "--out", tmp_path / "out", "--ray", "127.0.0.1:1")
    assert result.code == 2
    assert "there is no Ray cluster at '127.0.0.1:1'" in result.err
