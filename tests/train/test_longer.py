"""A run that goes on with more steps than it had."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from transformers import TrainerCallback

from plait.train import run
from plait.train.recipes import load
from plait.train.run import checkpoint, train


def rates(folder: Path) -> list[float]:
    return [row["rate"] for row in json.loads((folder / "loss.json").read_text())]


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_a_run_that_is_made_longer_has_the_rates_of_its_new_length(tmp_path, monkeypatch, kind):
    used = []

    class Seen(TrainerCallback):
        def on_pre_optimizer_step(self, *_, optimizer, **__):
            used.append({group["lr"] for group in optimizer.param_groups})

    monkeypatch.setattr(run, "_tensorboards", lambda _: [Seen()])
    toy = load("toy", ["model.width=16", "optimiser.warmup=1", f"optimiser.kind={kind}"])
    short = replace(toy, steps=6, log_every=1)
    longer = replace(short, steps=9)
    train(short, tmp_path / "run")
    used.clear()
    train(longer, tmp_path / "run", resume=checkpoint(tmp_path / "run"))
    going, used[:] = list(used), []
    train(longer, tmp_path / "whole")
    assert going == used[6:]
    assert rates(tmp_path / "run")[6:] == rates(tmp_path / "whole")[6:]
