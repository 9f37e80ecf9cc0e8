"""The comparison of NAP with its baselines, on toy models, as it is run on a GPU."""

import json
import os
import random
import re
import runpy
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

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


def settings(out: Path, **changes) -> Namespace:
    """Arguments of a small comparison."""
    own = {
        **{"out": out, "task": "chain", "levels": [4], "wrong": 0.3, "records": 20},
        **{"base": out / "base", "rows": 4, "steps": 5, "workers": 0, "rate": 1e-3},
        "graphed": False,
    }
    return Namespace(**own | changes)


@pytest.fixture(scope="session")
def bases(tmp_path_factory):
    """A folder with the base of seed 0, of a tiny model after two steps."""
    from plait.train.recipes import load
    from plait.train.run import train

    out = tmp_path_factory.mktemp("bases")
    small = ["width=32", "layers=2", "heads=2", "kv_heads=1", "hidden=64", "head_dim=16"]
    own = [*(f"model.{setting}" for setting in small), "rows.positions=592", "rows.workers=0"]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCH))
        recipe = load(f"{BENCH / 'nap_arms.py'}:base", [*own, "steps=2", "log_every=1"])
        train(recipe, out / "0")
    return out


def test_a_record_has_six_paths_that_differ_and_says_which_are_wrong(bench):
    from plait.data.problem import problems
    from plait.data.tasks import load

    arms = bench("nap_records")
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

    arms = bench("nap_records")
    stream = problems(load("chain"), "train", 1, [5])
    for i in range(40):
        problem = next(stream)
        text = arms.reordered(problem, random.Random(i))
        assert not text or text.split()[-1] == problem.answer


def test_records_do_not_depend_on_how_many_processes_make_them(bench, tmp_path, monkeypatch):
    records = bench("nap_records")
    monkeypatch.setattr(records, "PART", 8)
    every = records.records(settings(tmp_path))
    one_by_one = lambda args, numbers: [records.part(args, 8, n) for n in numbers]  # noqa: E731
    monkeypatch.setattr(records, "parts", one_by_one)
    assert records.records(settings(tmp_path)) == every
    assert len({row["prompt"] for row in every}) == len(every) == 20


def test_a_problem_comes_once_though_parts_share_it(bench, tmp_path, monkeypatch):
    records, asked = bench("nap_records"), []

    def parts(args, numbers):
        asked.extend(numbers)
        return [[(f"key {n // 2}", {"n": n})] for n in numbers]

    monkeypatch.setattr(records, "parts", parts)
    monkeypatch.setattr(records, "PART", 1)
    made = records.records(settings(tmp_path, records=4))
    assert [row["n"] for row in made] == [0, 2, 4, 6]
    assert asked == list(range(8))[: len(asked)]
    monkeypatch.setattr(records, "parts", lambda args, numbers: [[("one", {})] for n in numbers])
    with pytest.raises(SystemExit, match="no more than 1 problems"):
        records.records(settings(tmp_path))


def test_arms_are_trained_on_the_same_paths_and_differ_in_one_thing(bench, bases, tmp_path):
    arms = bench("nap_arms")
    args = settings(tmp_path, base=bases)
    made = {name: arms.recipe(arm, 0, args) for name, arm in arms.ARMS.items()}
    assert len({str(r.rows.file) for r in made.values()}) == 1
    totals = {r.rows.slots.streams * r.rows.slots.length for r in made.values()}
    assert totals == {204}
    assert made["nap_6"].rows.slots.length == 34
    assert made["long_cot"].rows.slots.length == 204
    assert len({(r.model, r.steps, r.optimiser) for r in made.values()}) == 1


def test_every_arm_but_the_filtered_one_can_use_every_record(bench, bases, tmp_path):
    from plait.models.codec import TokenizerCodec
    from plait.train.records import fitting

    arms = bench("nap_arms")
    codec, context = TokenizerCodec.read(bench("nap_records").CODEC), arms.base().model.context
    for name, arm in arms.ARMS.items():
        made = arms.recipe(arm, 0, settings(tmp_path, base=bases))
        kept = fitting(made.rows, codec, context)
        assert len(kept.problems) == 20 or name == "nap_correct"


def test_all_batches_have_one_shape_and_no_mask_but_where_streams_are_blocked(
    bench, bases, tmp_path
):
    from plait.models.codec import TokenizerCodec
    from plait.train.records import RecordBatches, read

    arms = bench("nap_arms")
    codec = TokenizerCodec.read(bench("nap_records").CODEC)
    for name, arm in arms.ARMS.items():
        made = arms.recipe(arm, 0, settings(tmp_path, base=bases))
        batches = RecordBatches(made.rows, read(made.rows.file), codec)
        for n in range(3):
            batch = batches.number(n)
            assert batch["tokens"].shape == (4, 296)
            assert ("visible" in batch) == (name == "nap_blocked")


def test_the_base_has_room_for_every_answer(bench):
    from itertools import islice

    from plait.models.codec import TokenizerCodec
    from plait.train.canvas_data import Drawer

    codec, rows = TokenizerCodec.read(bench("nap_records").CODEC), bench("nap_arms").base().rows
    longest = codec.encode("(100 + 100) / (100 + 100)")
    assert len(longest) + 1 == rows.slots.summary  # three digits and two pairs are the most
    drawer = Drawer(rows, codec, seed=0)
    assert {len(row.ids) for row in islice(drawer, 2000)} == set(rows.widths)
    assert "redrawn countdown" not in drawer.counts
    assert drawer.counts["redrawn chain"] < 40  # long prompts beside the usual stream


def test_an_arm_starts_from_the_base_of_its_seed(bench, bases, tmp_path):
    import torch

    from plait.models.box import Slots
    from plait.train.run import train

    arms, load = bench("nap_arms"), bench("plait").load
    made = arms.recipe(arms.ARMS["nap"], 0, settings(tmp_path, base=bases, steps=1, rate=0.0))
    before = load(str(bases / "0"), device="cpu").denoiser.net.state_dict()
    train(made, tmp_path / "nap-0")
    after = load(str(tmp_path / "nap-0"), device="cpu")
    assert after.slots == Slots(3, 68, 20, 3)
    same = after.denoiser.net.state_dict()
    assert all(torch.equal(before[name], same[name]) for name in before)


def test_records_of_another_run_are_not_taken_for_these(bench, tmp_path):
    arms = bench("nap_records")
    path = arms.records_file(settings(tmp_path))
    assert 0.2 < arms.wrong_share(path, 20) < 0.5
    with pytest.raises(SystemExit, match="20 records and not 30"):
        arms.wrong_share(path, 30)


@pytest.mark.slow
def test_the_script_trains_a_base_that_loads(tmp_path, monkeypatch):
    import plait

    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    small = ["model.width=32", "model.layers=2", "model.hidden=64", "rows.workers=0", "steps=1"]
    sets = [part for field in [*small, "rows.positions=592"] for part in ("--set", field)]
    run = ["sh", str(BENCH / "nap_base.sh"), "3", "5", str(tmp_path / "base"), *sets]
    subprocess.run(run, check=True, capture_output=True)
    model = plait.load(str(tmp_path / "base" / "3"), device="cpu")
    assert (model.context, model.slots.length, model.slots.streams) == (296, 204, 1)


@pytest.mark.slow
def test_the_grid_runs_goes_on_and_prints_its_tables(script, bases, tmp_path, capfd):
    run = ["--task", "chain", "--levels", "4", "--base", str(bases), "--steps", "2", "--rows", "2"]
    run += ["--n", "2", "--batch", "2", "--records", "12", "--budgets", "16", "--device", "cpu"]
    run += ["--arms", "base", "nap", "--out", str(tmp_path), "--seeds", "0"]
    script(*run)
    assert not (tmp_path / "base-0").exists()  # base is not trained further
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
    assert "seeds 0." in page
    assert re.search(r"base \d+ to \d+ s a model, other arms \d+ to \d+ s a model", page)
    assert "1 seed)" in page
    script("--table", str(tmp_path), "--figure", str(tmp_path / "nap.svg"))
    assert "tokens per round" in (tmp_path / "nap.svg").read_text()


@pytest.mark.slow
def test_a_taken_arm_is_left_to_who_has_it(script, tmp_path, capfd):
    from plait.files import locked

    run = ["--levels", "4", "--steps", "2", "--rows", "2", "--n", "2"]
    run += ["--batch", "2", "--records", "12", "--budgets", "16", "--device", "cpu", "--share"]
    with locked(tmp_path / "base-0.lock"):
        script(*run, "--arms", "base", "--seeds", "0", "--out", str(tmp_path))
    assert not (tmp_path / "base-0.json").exists()


def test_a_base_that_is_not_there_ends_the_run_with_what_to_do(script, tmp_path):
    run = ["--levels", "4", "--records", "12", "--arms", "nap", "--seeds", "1"]
    with pytest.raises(SystemExit, match=r"1 has no model: .*nap_base.sh 1 MINUTES"):
        script(*run, "--base", str(tmp_path / "none"), "--out", str(tmp_path))
    assert not (tmp_path / "nap-1").exists()
