"""The comparison of NAP with its baselines, on toy models, as it is run on a GPU."""

import json
import random
import runpy
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def script(monkeypatch):
    """Run bench/nap_compare.py with these arguments; its names."""
    monkeypatch.syspath_prepend(str(BENCH))

    def run(*args: str, name: str = "__main__") -> dict:
        monkeypatch.setattr(sys, "argv", ["nap_compare.py", *args])
        return runpy.run_path(str(BENCH / "nap_compare.py"), run_name=name)

    return run


def test_a_slip_is_a_wrong_path_that_looks_like_the_others(script):
    from plait.data.problem import problems
    from plait.data.tasks import load

    names = script(name="imported")
    stream = problems(load("chain"), "train", 0, [4])
    rows = [names["record"](next(stream), random.Random(i), 0.5) for i in range(40)]
    ends = [
        (path["correct"], path["text"].split()[-1] == row["answer"])
        for row in rows
        for path in row["paths"]
    ]
    assert {flag for flag, _ in ends} == {True, False}
    assert all(right == flag for flag, right in ends)
    assert 0.4 < sum(flag for flag, _ in ends) / len(ends) < 0.75


def test_arms_are_trained_on_the_same_paths_and_differ_in_one_thing(script, tmp_path):
    names = script(name="imported")
    from argparse import Namespace

    args = Namespace(out=tmp_path, task="chain", levels=[3], wrong=0.2, records=20, size="tiny")
    vars(args).update(total=288, rows=4, steps=5, workers=0, rate=1e-3, graphed=False)
    made = {arm: names["recipe"](names["ARMS"][arm], 0, args) for arm in names["ARMS"]}
    assert len({str(r.rows.file) for r in made.values()}) == 1
    totals = {arm: r.rows.slots.streams * r.rows.slots.length for arm, r in made.items()}
    assert set(totals.values()) == {288}
    assert made["nap_6"].rows.slots.length == 48
    assert made["long_cot"].rows.slots.length == 288


@pytest.mark.slow
def test_the_grid_runs_goes_on_and_prints_its_tables(script, tmp_path, capsys):
    run = ["--task", "chain", "--levels", "2", "--size", "tiny", "--steps", "2", "--rows", "2"]
    run += ["--n", "2", "--batch", "2", "--records", "12", "--budgets", "16", "--device", "cpu"]
    run += ["--arms", "base", "nap", "--out", str(tmp_path)]
    script(*run, "--seeds", "0")
    first = json.loads((tmp_path / "nap-0.json").read_text())
    assert set(first["cells"]) == {
        *(f"own|{m}|16" for m in ("confidence", "ar", "random", "llada", "nap")),
        "own|fast_dllm|own",
        "nap|confidence|16",
        "nap|nap|16",
    }
    del first["cells"]["own|ar|16"]
    (tmp_path / "nap-0.json").write_text(json.dumps(first))
    capsys.readouterr()
    script(*run, "--seeds", "0")
    assert capsys.readouterr().out.count("rounds") == 1  # the one cell that was missing
    script("--table", str(tmp_path))
    page = capsys.readouterr().out
    assert "| nap, nap |" in page
    assert "| nap by nap - nap by confidence |" in page
    assert "seeds 0;" in page


def test_cells_are_averaged_over_seeds_and_compared_on_the_same_problems(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    from nap_table import accuracy, paired

    here = [{"rights": "1110", "accuracy": 0.75}, {"rights": "1010", "accuracy": 0.5}]
    there = [{"rights": "0110", "accuracy": 0.5}, {"rights": "0010", "accuracy": 0.25}]
    assert accuracy(here).startswith("62.5 (")
    assert accuracy(here).endswith("; 50.0-75.0)")
    assert paired(here, there).startswith("+25.0 (")
    assert paired(there, here).startswith("-25.0 (")
    assert paired(here, there[:1]) == "not run"
