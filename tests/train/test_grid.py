"""The comparison of NAP with its baselines, on toy models, as it is run on a GPU."""

import importlib
import json
import random
import runpy
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def script(monkeypatch):
    """Run bench/nap_compare.py with these arguments."""
    monkeypatch.syspath_prepend(str(BENCH))

    def run(*args: str) -> None:
        monkeypatch.setattr(sys, "argv", [str(BENCH / "nap_compare.py"), *args])
        runpy.run_path(str(BENCH / "nap_compare.py"), run_name="__main__")

    return run


@pytest.fixture
def bench(monkeypatch):
    """A module of bench/ by its name."""
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module


def settings(out: Path, **changes) -> Namespace:
    """Arguments of a small comparison."""
    own = {
        **{"out": out, "task": "chain", "levels": [4], "wrong": 0.3, "records": 20},
        **{"size": "tiny", "total": 204, "rows": 4, "steps": 5, "workers": 0, "rate": 1e-3},
        "graphed": False,
    }
    return Namespace(**own | changes)


def test_a_record_has_six_paths_that_differ_and_says_which_are_wrong(bench):
    from plait.data.problem import problems
    from plait.data.tasks import load

    arms = bench("nap_arms")
    stream = problems(load("chain"), "train", 0, [4])
    made = [arms.record(next(stream), random.Random(i), 0.5) for i in range(60)]
    rows = [row for row in made if row]
    assert len(rows) > 30
    assert all(len({path["text"] for path in row["paths"]}) == 6 for row in rows)
    ends = [
        (path["correct"], path["text"].split()[-1] == row["answer"])
        for row in rows
        for path in row["paths"]
    ]
    assert all(right == flag for flag, right in ends)
    assert 0.4 < sum(flag for flag, _ in ends) / len(ends) < 0.7


def test_a_reordered_path_ends_on_the_answer(bench):
    from plait.data.problem import problems
    from plait.data.tasks import load

    arms = bench("nap_arms")
    stream = problems(load("chain"), "train", 1, [5])
    for i in range(40):
        problem = next(stream)
        text = arms.reordered(problem, random.Random(i))
        assert not text or text.split()[-1] == problem.answer


def test_arms_are_trained_on_the_same_paths_and_differ_in_one_thing(bench, tmp_path):
    arms = bench("nap_arms")
    args = settings(tmp_path)
    made = {name: arms.recipe(arm, 0, args) for name, arm in arms.ARMS.items()}
    assert len({str(r.rows.file) for r in made.values()}) == 1
    totals = {r.rows.slots.streams * r.rows.slots.length for r in made.values()}
    assert totals == {204}
    assert made["nap_6"].rows.slots.length == 34
    assert made["long_cot"].rows.slots.length == 204
    assert len({(r.model, r.steps, r.optimiser) for r in made.values()}) == 1


def test_every_arm_but_the_filtered_one_can_use_every_record(bench, tmp_path):
    from plait.models.codec import TokenizerCodec
    from plait.train.records import fitting

    arms = bench("nap_arms")
    codec = TokenizerCodec.read(arms.CODEC)
    for name, arm in arms.ARMS.items():
        made = arms.recipe(arm, 0, settings(tmp_path))
        kept = fitting(made.rows, codec, made.model.context)
        assert len(kept.problems) == 20 or name == "nap_correct"


def test_records_of_another_run_are_not_taken_for_these(bench, tmp_path):
    arms = bench("nap_arms")
    path = arms.records_file(settings(tmp_path))
    assert 0.2 < arms.wrong_share(path, 20) < 0.5
    with pytest.raises(SystemExit, match="20 records and not 30"):
        arms.wrong_share(path, 30)


@pytest.mark.slow
def test_the_grid_runs_goes_on_and_prints_its_tables(script, tmp_path, capfd):
    run = ["--task", "chain", "--levels", "4", "--size", "tiny", "--steps", "2", "--rows", "2"]
    run += ["--n", "2", "--batch", "2", "--records", "12", "--budgets", "16", "--device", "cpu"]
    run += ["--arms", "base", "nap", "--out", str(tmp_path), "--seeds", "0"]
    script(*run)
    first = json.loads((tmp_path / "base-0.json").read_text())
    assert set(first["cells"]) == {
        *(f"own|{m}|16" for m in ("confidence", "ar", "random", "llada", "nap")),
        "own|fast_dllm|own",
        "nap|confidence|16",
        "nap|nap|16",
    }
    del first["cells"]["own|ar|16"]
    (tmp_path / "base-0.json").write_text(json.dumps(first))
    capfd.readouterr()
    script(*run, "--share")
    out = capfd.readouterr().out
    assert out.count(" rounds") == 1  # the one cell that was missing
    script("--table", str(tmp_path))
    page = capfd.readouterr().out
    assert "| nap, forced |" in page
    assert "| nap by nap - nap by confidence |" in page
    assert "seeds 0;" in page
    assert "1 seed)" in page
    script("--table", str(tmp_path), "--figure", str(tmp_path / "nap.svg"))
    assert "tokens per round" in (tmp_path / "nap.svg").read_text()


@pytest.mark.slow
def test_a_taken_arm_is_left_to_who_has_it(script, tmp_path, capfd):
    from plait.files import locked

    run = ["--levels", "4", "--size", "tiny", "--steps", "2", "--rows", "2", "--n", "2"]
    run += ["--batch", "2", "--records", "12", "--budgets", "16", "--device", "cpu", "--share"]
    with locked(tmp_path / "base-0.lock"):
        script(*run, "--arms", "base", "--seeds", "0", "--out", str(tmp_path))
    assert not (tmp_path / "base-0.json").exists()


def cell(signs: str, arness: float = 0.5) -> dict:
    """A finished cell, as far as tables read it."""
    right = signs.count("1") / len(signs)
    each = " ".join([f"{1000 * arness:.0f}"] * len(signs))
    return {"rights": signs, "accuracy": right, "arness_per_mille": each}


def test_cells_are_averaged_over_seeds_and_compared_on_the_same_problems(bench):
    table = bench("nap_table")
    here = {0: cell("1110"), 1: cell("1010")}
    there = {0: cell("0110"), 1: cell("0010")}
    assert table.accuracy(here).startswith("62.5 (")
    assert table.accuracy(here).endswith("; 50.0-75.0, 2 seeds)")
    assert table.paired(here, there).startswith("+25.0 (")
    assert table.paired(there, here).startswith("-25.0 (")
    assert table.paired(here, {0: there[0]}).startswith("+25.0 (")  # the seed that both have
    assert table.paired(here, {}) == "not run"


def test_an_interval_knows_seeds_that_differ(bench):
    claims, rng = bench("nap_claims"), np.random.default_rng(0)
    alike = {seed: rng.choice([-1.0, 0.0, 1.0], 400) for seed in range(3)}
    far = {seed: values + seed - 1 for seed, values in alike.items()}
    mean, low, high = claims.interval(alike)
    assert mean == pytest.approx(np.mean(list(alike.values())))
    plain = 2 * 1.96 * (2 / 3 / 1200) ** 0.5
    assert plain < high - low < 2 * plain  # drawing both axes anew is cautious: up to sqrt(3)
    _, low, high = claims.interval(far)
    assert high - low > 1


def claimed(bench, changes: dict[str, dict[str, dict]]) -> list[str]:
    """The claims of results in which every cell is alike but for `changes`."""
    table, half = bench("nap_table"), "10" * 50
    results = {}
    for arm in ("base", "long_cot", "nap"):
        keys = [
            f"{c}|{m}|{b}" for c in ("own", "nap") for m in ("confidence", "nap") for b in (1, 8)
        ]
        results[arm, 0] = {"cells": {key: cell(half) for key in keys} | changes.get(arm, {})}
    return bench("nap_claims").claims(results, table.cells)


def test_claims_that_hold_are_confirmed(bench):
    low, high = "1" * 20 + "0" * 80, "1" * 90 + "0" * 10
    changes = {
        "long_cot": {"own|confidence|1": cell("10" * 50, arness=0.7)},
        "nap": {"own|nap|8": cell(high), "own|nap|1": cell(low)},
        "base": {"nap|nap|1": cell(low), "nap|nap|8": cell(low)},
    }
    found = claimed(bench, changes)
    assert len(found) == 4
    assert all("Confirmed here" in claim for claim in found)
    assert "+0.200 (+0.200 to +0.200) at 1 per round" in found[0]
    assert "Forced minus confidence: -30.0 (" in found[2]


def test_claims_that_do_not_hold_are_not_confirmed(bench):
    high = "1" * 90 + "0" * 10
    changes = {
        "long_cot": {"own|confidence|1": cell("10" * 50, arness=0.3)},
        "nap": {"own|nap|1": cell(high)},
    }
    found = claimed(bench, changes)
    assert ["Refuted" in claim for claim in found] == [True, True, True, False]
    assert "Open here" in found[3]


def test_claims_without_results_say_so(bench):
    table = bench("nap_table")
    found = bench("nap_claims").claims({("base", 0): {"cells": {}}}, table.cells)
    assert all(claim.endswith("Not run.") for claim in found)
