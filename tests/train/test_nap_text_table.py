"""The page of the comparison on real text."""

import json

import pytest


def result(name: str, rate: float, cells: dict[str, str]) -> str:
    """A result file: cells are strings of right and wrong answers."""
    found = {
        f"{key}|{len(signs)}": {
            "rights": signs,
            "n": len(signs),
            "accuracy": signs.count("1") / len(signs),
            "arness_global@1": 0.5,
            "arness_per_stream": [0.5],
            "rounds": 3.0,
            "seconds": 2.0,
        }
        for key, signs in cells.items()
    }
    facts = {"name": name, "arm": {"kinds": ["equations"]}, "seed": 0, "rate": rate, "rows": 64}
    training = {"step": 10, "seconds": 5.0, "loss": 0.25}
    return json.dumps({"conditions": facts, "cells": found, "training": training})


@pytest.fixture
def page(bench, tmp_path):
    """The page of two runs that differ in their rate."""
    cells = {"valid|a": "00", "valid|b": "01", "test|a": "1100", "test|b": "1000"}
    (tmp_path / "nap-0.json").write_text(result("nap-0", 0.1, cells))
    (tmp_path / "ar-0.json").write_text(result("ar-0", 0.2, {"test|greedy": "1111"}))
    (tmp_path / "mdm-0.json").write_text(result("mdm-0", 0.1, {"test|a": "0000"}))
    return bench("nap_text_table").show(tmp_path).splitlines()


def test_conditions_are_those_of_most_runs_and_what_differs(page):
    assert "Conditions: rate 0.1, rows 64." in page
    assert "Of `ar`: rate 0.2." in page


def test_training_tells_the_rows_that_were_seen(page):
    assert "| nap | equations | 10 | 640 | 5 | 0.2500 |" in page


def test_differences_are_between_decoders_chosen_on_held_out_problems(page):
    """Of nap that is b, though a is better on the test split."""
    test = page[page.index("## test, 4 problems") : page.index("## valid, 2 problems")]
    rows = [row.split(" | ")[0] for row in test if " - " in row]
    assert rows == [
        "| ar by greedy - mdm by a",
        "| ar by greedy - nap by b",
        "| mdm by a - nap by b",
        "| nap by b - nap by a",
    ]
    assert any(row.startswith("| ar by greedy - nap by b | +75.0 (") for row in test)


def test_decoders_that_write_as_much_per_round_are_compared(bench):
    """At three tokens per round b is the best of nap, though a is the best of all."""
    cells = {("long_cot", "a:1"): "11", ("long_cot", "a:3"): "01", ("nap", "a:3"): "00"}
    cells |= {("nap", "b:3:x=1"): "01", ("nap", "a:1"): "11"}
    table = bench("nap_text_table")
    held_out = {key: {0: {"accuracy": signs.count("1")}} for key, signs in cells.items()}
    assert table.compared(dict.fromkeys(cells), held_out) == [
        (("long_cot", "a:1"), ("nap", "a:1")),
        (("long_cot", "a:3"), ("nap", "b:3:x=1")),
        (("long_cot", "a:1"), ("long_cot", "a:3")),
        (("nap", "a:1"), ("nap", "a:3")),
        (("nap", "a:1"), ("nap", "b:3:x=1")),
    ]


def test_streams_are_told_apart(bench):
    """Two seeds, three problems, two streams; what has one stream is left out."""
    tables = {0: ("110", ["100", "010"]), 1: ("001", ["101", "001"])}
    cells = {
        ("nap", "a:3"): {s: {"rights": r, "stream_rights": t} for s, (r, t) in tables.items()},
        ("mdm", "a:1"): {0: {"rights": "111", "stream_rights": ["111"]}},
    }
    lines = bench("nap_text_table").streams(cells)[3:]
    # One of two streams is right in three answers, of which that of the second seed is wrong.
    by = "0 (0-66) of 2 / 67 (21-94) of 3 / 100 (21-100) of 1"
    alone = "50 (9-91) of 2 / 100 (21-100) of 1"
    assert lines == [f"| nap | a:3 | 50.0 / 33.3 | {by} | {alone} |"]


def test_streams_of_two_runs_are_compared_on_the_seeds_of_both(bench):
    """Of nap seed 1 alone counts; runs by another decoder or with other streams are left out."""
    # Of the problems of seed 1, one has both streams right, two have one, and one has none.
    told = {0: ("1111", ["0000", "0000"]), 1: ("0000", ["1000", "1110"])}
    other = {1: ("1110", ["1000", "1110"])}
    cells = {
        (run, decoder): {s: {"rights": r, "stream_rights": t} for s, (r, t) in found.items()}
        for run, decoder, found in (
            ("nap", "a:3", told),
            ("heard", "a:3", other),
            ("heard", "b:3", other),
            ("nap_3", "a:3", {1: ("0000", ["1000", "1110", "0000"])}),
        )
    }
    lines = bench("nap_text_table").streams(cells)
    rows = lines[lines.index("", 1) + 3 :]
    same, all_lost = "+0.0 (+0.0 to +0.0)", "-100.0 (-100.0 to -100.0)"
    # The first stream is right where the second is too, so that it never is alone.
    parts = [f"{same} / {same}", all_lost, f"- / {all_lost}"]
    assert rows == [f"| nap - heard by a:3 (1 seed) | {' | '.join(parts)} |"]


def test_each_folder_is_a_part_with_conditions_of_its_own(bench, tmp_path):
    for name, rate in (("text", 0.1), ("sweep", 0.3)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mdm-0.json").write_text(result("mdm-0", rate, {"valid|a": "01"}))
    lines = bench("nap_text_table").show(tmp_path / "text", tmp_path / "sweep").splitlines()
    first, second = lines[: lines.index("# sweep")], lines[lines.index("# sweep") :]
    assert "Conditions: rate 0.1, rows 64." in first
    assert "Conditions: rate 0.3, rows 64." in second


def test_a_folder_without_results_is_refused(bench, tmp_path):
    with pytest.raises(SystemExit, match="no results of"):
        bench("nap_text_table").show(tmp_path)
