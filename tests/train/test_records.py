"""Rows from records: which paths stand where, what is learned, and which rows share a batch."""

import json
from dataclasses import replace
from itertools import chain, pairwise
from pathlib import Path
from random import Random

import pytest
import torch

from plait.errors import PlaitError
from plait.models import box
from plait.models.codec import TokenizerCodec
from plait.train.batches import Ends
from plait.train.recipes import load
from plait.train.records import Problem, RecordBatches, Records, read
from plait.train.view import View


def written(path: Path, rows: list[dict]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_rows_hold_the_same_paths_in_every_form(file):
    problem = read(file)[0]
    made = {
        form: Records(file, form=form, streams=2).texts(problem, Random(3))
        for form in ("nap", "long_cot", "single", "plain")
    }
    one, two, answer = made["nap"]
    assert {one, two} == set(problem.paths)
    assert made["long_cot"] == [f"{one}\n{two}", answer]
    assert made["single"] == [one, answer]
    assert made["plain"] == [answer]
    orders = {tuple(Records(file, streams=2).texts(problem, Random(s))) for s in range(9)}
    assert len(orders) == 2
    kept = Records(file, streams=2, shuffle=False).texts(problem, Random(3))
    assert kept == [*problem.paths, answer]


def test_pools_share_rows_out_by_length(file):
    problems = read(file) + [
        Problem("What is " + "1 + " * n + "1?", ("a", "b"), "2") for n in range(28)
    ]
    rows = Records(file, streams=2, length=12, summary=6, rows=4, multiple=1, pool=8)
    codec = TokenizerCodec.read(box.HERE / "plait-tiny" / box.CODEC)
    pooled = RecordBatches(rows, problems, codec)
    numbers = [pooled.drawn(n) for n in range(16)]
    assert sorted(chain(*numbers[:8])) == list(range(32))
    assert sorted(chain(*numbers)) == list(range(64))  # every problem once in an epoch
    assert all(drawn == sorted(drawn) for drawn in numbers)  # by chance, as rows are
    assert RecordBatches(rows, problems, codec).drawn(5) == numbers[5]
    sizes = [[len(codec.prompt(pooled.texts(i)[0])) for i in drawn] for drawn in numbers[:8]]
    ranges = sorted((min(some), max(some)) for some in sizes)
    assert all(before[1] <= after[0] for before, after in pairwise(ranges))
    assert ranges != [(min(some), max(some)) for some in sizes]  # short ones are not always first
    alone = RecordBatches(replace(rows, pool=1), problems, codec)
    widths = [sum(b.number(n)["tokens"].numel() for n in range(16)) for b in (pooled, alone)]
    assert widths[0] < widths[1]


def test_only_right_paths_where_they_are_wanted(file):
    rows = [
        {"prompt": "x", "paths": ["1", "2", "3"], "correct": [True, False, True], "answer": "1"},
        {"prompt": "y", "paths": [{"text": "4", "correct": False}], "answer": "1"},
    ]
    written(file, rows)
    assert [p.paths for p in read(file)] == [("1", "2", "3"), ("4",)]
    assert [p.paths for p in read(file, "correct")] == [("1", "3"), ()]
    assert [(p.paths, p.heard) for p in read(file, "heard")] == [
        (("1", "2", "3"), {"2"}),
        (("4",), {"4"}),
    ]
    rows[0] |= {"paths": ["1", "", "3"], "correct": [False, True, True]}  # nothing is no path
    written(file, rows[:1])
    assert [p.paths for p in read(file, "correct")] == [("3",)]
    del rows[0]["correct"]
    written(file, rows[:1])
    with pytest.raises(PlaitError, match="does not say"):
        read(file, "correct")


@pytest.mark.parametrize("ends", [Ends(), Ends("hidden", "row"), Ends("block")])
def test_wrong_paths_are_heard_and_not_learned(file, ends):
    rows = [
        {"prompt": f"What is {n}?", "paths": ["12", "345"], "correct": [n > 4, n % 2 > 0],
         "answer": "6"} for n in range(8)
    ]  # fmt: skip
    written(file, rows)
    wanted = Records(file, streams=2, length=6, summary=4, shuffle=False, keep="heard", rows=8)
    codec = TokenizerCodec.read(box.HERE / "plait-tiny" / box.CODEC)
    wanted = replace(wanted, ends=ends)
    made = {
        keep: RecordBatches(
            replace(wanted, keep=keep), read(file, keep), codec, view=View(block=4)
        ).number(0)
        for keep in ("all", "heard")
    }
    numbers = RecordBatches(wanted, read(file, "heard"), codec).drawn(0)
    order = RecordBatches(wanted, read(file, "heard"), codec)._order(0)
    assert torch.equal(made["all"]["target"], made["heard"]["target"])
    for row, n in enumerate(numbers):
        problem = rows[order[n]]
        free, other = made["heard"]["free"][row], made["all"]["free"][row]
        learned = codec.decode(made["heard"]["target"][row][free].tolist())
        right = [p for p, good in zip(problem["paths"], problem["correct"], strict=True) if good]
        assert learned == "".join([*right, "6"])
        assert bool((free <= other).all())
        assert (free.sum() < other.sum()) == (len(right) < 2)
    assert not (made["heard"]["masked"] & ~made["heard"]["free"]).any()


def test_what_is_kept_is_one_of_three_and_heard_needs_streams(file):
    with pytest.raises(PlaitError, match=r"rows\.form=nap"):
        Records(file, form="long_cot", keep="heard")
    with pytest.raises(PlaitError, match="some"):
        load("nap", ["rows.keep=some"])
