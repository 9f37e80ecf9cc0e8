"""Splits, streams and the helpers that tasks share."""

from itertools import islice
from random import Random

import pytest

from plait.data.problem import Path, choose, length, problems, same_number, split, wording
from plait.data.tasks import load
from plait.errors import PlaitError


def test_split_is_about_six_percent_and_fixed():
    share = sum(split(f"key {i}") == "test" for i in range(20_000)) / 20_000
    assert 0.054 < share < 0.066
    # The split of a key may never change: it would leak test problems into training.
    assert [i for i in range(60) if split(f"{i}*7") == "test"] == [1, 7, 25, 41]


def test_levels():
    task = load("chain")
    assert {p.level for p in islice(problems(task, "train", 0), 40)} == set(task.levels)
    assert {p.level for p in islice(problems(task, "train", 0, 5), 9)} == {5}
    assert {p.level for p in islice(problems(task, "train", 0, [3, 4]), 40)} == {3, 4}
    for level in (1, 9, [], [2, 9]):
        with pytest.raises(PlaitError, match="chain has levels 2 to 8"):
            problems(task, "train", 0, level)
    with pytest.raises(PlaitError, match="use 'train' or 'test'"):
        problems(task, "valid", 0)


def test_seeds_differ():
    task = load("multiply")
    first, other = (list(islice(problems(task, "train", seed), 9)) for seed in (0, 1))
    assert first != other


def test_a_stream_that_runs_dry_says_so():
    stream = problems(load("multiply"), "train", 0, 1, distinct=True)
    with pytest.raises(PlaitError, match="multiply ran out of new train problems at level 1"):
        list(stream)


def test_choose_repeats_only_when_it_must():
    paths = [Path(text, True, "kind") for text in ("a", "b", "b", "c")]
    assert sorted(path.text for path in choose(paths, Random(0), 3)) == ["a", "b", "c"]
    assert len(choose(paths, Random(0), 7)) == 7


def test_length_counts_digits_words_and_signs():
    assert length("4821*7=33747") == 4 + 1 + 1 + 1 + 5
    assert length("Mia has 12 apples.") == 6
    assert length("") == 0


def test_same_number():
    assert same_number(" 42\n", 42)
    assert same_number("042", "42")
    for answer in ("", "4 2", "42.0", "4,2", "-42", "+42", "x", "43", "٤٢", "9" * 5000):
        assert not same_number(answer, 42)


def test_wording_takes_the_templates_literally():
    assert wording(["{a} * {b} = ?"], a="A", b="B") == r"(?:A\ \*\ B\ =\ \?)"
