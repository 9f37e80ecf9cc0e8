"""Runs on a CPU: equal seeds, resuming, kills, records, adapters, conversions."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import plait
from plait.errors import PlaitError
from plait.models.load import load as load_model
from plait.train import run
from plait.train.recipes import load
from plait.train.records import Records
from plait.train.run import checkpoint, train
from plait.train.trainer import Denoise
from plait.train.view import View


def small(file: Path, **changes):
    """Six steps of a model from scratch on records."""
    rows = Records(file, streams=2, length=12, summary=6, rows=8)
    toy = load("toy", ["model.width=16", "optimiser.warmup=1"])
    return replace(toy, rows=rows, steps=6, log_every=1, save_every=0.0, checkpoints=9, **changes)


def losses(folder: Path) -> list[float]:
    return [row["loss"] for row in json.loads((folder / "loss.json").read_text())]


def test_resuming_from_any_checkpoint_gives_the_losses_of_a_run_that_never_stopped(file, tmp_path):
    recipe = small(file, accumulate=2)
    whole = train(recipe, tmp_path / "whole")
    assert whole.steps == 6
    again = train(recipe, tmp_path / "again")
    assert losses(tmp_path / "again") == losses(tmp_path / "whole")  # one seed, equal losses
    other = train(replace(recipe, seed=1), tmp_path / "other")
    assert losses(other.folder) != losses(whole.folder)
    for step in (2, 5):
        found = train(recipe, again.folder, resume=checkpoint(again.folder, step))
        assert losses(again.folder) == losses(whole.folder)
        assert found.steps == 6
        for name in ("model.safetensors", "tokenizer.json", "config.json"):
            assert (again.folder / name).read_bytes() == (whole.folder / name).read_bytes()
    assert checkpoint(whole.folder).name == "checkpoint-6"
    with pytest.raises(PlaitError, match="another 'seed'"):
        train(replace(recipe, seed=1), again.folder, resume=checkpoint(again.folder))
    with pytest.raises(PlaitError, match="steps: 1, 2, 3"):
        checkpoint(again.folder, 77)


def test_runs_on_drawn_problems_resume_too(tmp_path):
    recipe = replace(load("toy"), steps=4, log_every=1, save_every=0.0, checkpoints=9)
    whole = train(recipe, tmp_path / "whole")
    part = train(replace(recipe, steps=4), tmp_path / "part")
    train(recipe, part.folder, resume=checkpoint(part.folder, 2))
    assert losses(part.folder) == losses(whole.folder)


def test_a_signal_stops_the_run_with_a_checkpoint(file, tmp_path):
    recipe = replace(small(file), save_every=99.0)

    def stop(row: dict[str, float]) -> None:
        if row["step"] == 3:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    found = train(recipe, tmp_path / "run", watch=stop)
    assert found.stopped
    assert 3 <= found.steps < 6
    assert signal.getsignal(signal.SIGINT) is before
    load_model(str(tmp_path / "run"))
    train(recipe, tmp_path / "run", resume=checkpoint(tmp_path / "run"))
    train(recipe, tmp_path / "whole")
    assert losses(tmp_path / "run") == losses(tmp_path / "whole")


def test_a_crash_leaves_a_model_and_a_half_checkpoint_does_not_count(file, tmp_path, monkeypatch):
    def crash(row: dict[str, float]) -> None:
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError):
        train(replace(small(file), log_every=2), tmp_path / "run", watch=crash)
    load_model(str(tmp_path / "run"))
    assert checkpoint(tmp_path / "run").name == "checkpoint-1"
    (tmp_path / "run" / "checkpoint-3").mkdir()  # killed while it was written
    assert checkpoint(tmp_path / "run").name == "checkpoint-1"


def test_accumulated_batches_make_the_step_of_one_large_batch(file, tmp_path, monkeypatch):
    """Equal losses although the normaliser counts masks, of which the two halves differ."""
    seen = []
    original = run.Runner.training_step

    def note(self, model, inputs, number=None):
        loss = original(self, model, inputs, number)
        seen.append((inputs, loss))
        return loss

    monkeypatch.setattr(run.Runner, "training_step", note)
    recipe = small(file, accumulate=2)
    train(replace(recipe, steps=1), tmp_path / "two")
    halves, parts = zip(*seen, strict=True)
    counts = [int(half["masked"].sum()) for half in halves]
    assert counts[0] != counts[1]
    assert all(float(half["count"]) == sum(counts) / 2 for half in halves)
    together = {k: torch.cat([half[k] for half in halves]) for k in halves[0] if k != "count"}
    torch.manual_seed(recipe.seed)
    net = load_model(str(tmp_path / "two")).denoiser.net
    whole = Denoise(net, recipe.objective)(**together)["loss"]
    each = [Denoise(net, recipe.objective)(**half)["loss"] for half in halves]
    torch.testing.assert_close(whole, torch.stack(each).mean())
    assert len(parts) == 2


def test_long_paths_are_counted_and_never_cut(file, tmp_path):
    file.write_text(
        file.read_text()
        + json.dumps({"prompt": "long", "paths": ["1" * 40, "2"], "answer": "3"})
        + "\n"
        + json.dumps({"prompt": "one path", "paths": ["2"], "answer": "3"})
        + "\n"
    )
    found = train(replace(small(file), steps=1), tmp_path / "run")
    assert found.data == (
        "36 records are used; left out: 1 with a path of 12 tokens or more, "
        "1 with fewer than 2 paths"
    )
    assert found.data in (tmp_path / "run" / "README.md").read_text()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"prompt": "x", "paths": ["1", "2"]}', "line 37: there is no right answer"),
        ('{"paths": ["1", "2"], "answer": "3"}', "line 37: there is no prompt"),
        ("{", "line 37: not valid JSON"),
    ],
)
def test_a_faulty_record_is_named_and_nothing_is_written(file, tmp_path, line, message):
    file.write_text(file.read_text() + line + "\n")
    with pytest.raises(PlaitError, match=message):
        train(small(file), tmp_path / "run")
    assert not (tmp_path / "run").exists()  # so that the same command can be given again


def test_a_run_that_is_over_is_left_as_it_is(file, tmp_path):
    train(small(file), tmp_path / "run")
    before = (tmp_path / "run" / "model.safetensors").read_bytes()
    with pytest.raises(PlaitError, match="has taken its 6 steps"):
        train(small(file), tmp_path / "run", resume=checkpoint(tmp_path / "run"))
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == before


@pytest.mark.parametrize("form", ["nap", "long_cot", "single", "plain"])
def test_forms_of_the_same_paths(file, tmp_path, form):
    recipe = small(file)
    rows = replace(recipe.rows, form=form, shuffle=False)
    found = train(replace(recipe, rows=rows, steps=1), tmp_path / "run")
    model = load_model(str(found.folder))
    assert model.slots == rows.slots
    answers = list(plait.generate(model, ["What is 2 * 3?"], "confidence"))
    assert len(answers[0].streams) == {"nap": 2, "long_cot": 1, "single": 1, "plain": 0}[form]


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one_with_two_batches(file, tmp_path):
    """DDP over gloo: equal losses, one log, and no conversion or file written twice."""
    (tmp_path / "mine.py").write_text(
        "from pathlib import Path\nfrom dataclasses import replace\n"
        "from plait.train.recipes import Records, load\n\n\ndef recipe():\n"
        f"    rows = Records(Path({str(file)!r}), streams=2, length=12, summary=6, rows=4)\n"
        "    return replace(load('toy', ['model.width=16']), rows=rows, steps=4, log_every=1)\n"
    )
    run = ["-m", "plait", "train", f"{tmp_path / 'mine.py'}:recipe", "--no-logs", "--out"]
    two = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", *run]
    made = subprocess.run(
        [*two, str(tmp_path / "two")], capture_output=True, text=True, timeout=200
    )
    assert made.returncode == 0, made.stderr[-2000:]
    assert made.stdout.count("4 steps") == 1
    one = [sys.executable, *run, str(tmp_path / "one"), "--set", "accumulate=2"]
    subprocess.run(one, check=True, capture_output=True, timeout=200)
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=1e-5)


def test_annealing_follows_the_steps_also_after_resuming(file, tmp_path, monkeypatch):
    opened = []
    forward = Denoise.forward

    def note(self, *args, **batch):
        opened.append(self.opened)
        return forward(self, *args, **batch)

    monkeypatch.setattr(Denoise, "forward", note)
    recipe = small(file, view=View(anneal=4))
    train(recipe, tmp_path / "run")
    assert opened == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    opened.clear()
    before = losses(tmp_path / "run")
    train(recipe, tmp_path / "run", resume=checkpoint(tmp_path / "run", 2))
    assert opened == [0.75, 1.0, 1.0, 1.0]
    assert losses(tmp_path / "run") == before  # what is opened is drawn alike, too
