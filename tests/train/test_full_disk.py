"""A full disk, at whichever file: one sentence, nothing by halves, and nothing in the way."""

import errno
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch
from safetensors import SafetensorError

from plait.errors import PlaitError
from plait.models import saving
from plait.models.load import load as load_model
from plait.train.recipes import load
from plait.train.run import checkpoint, train

FULL = "Error while serializing: I/O error: No space left on device (os error 28)"
TORCH = "[enforce fail at inline_container.cc:672] . unexpected pos 202688 vs 202576"


def recipe(**changes):
    toy = load("toy", ["model.width=16", "optimiser.warmup=1"])
    return replace(toy, steps=3, log_every=1, save_every=0.0, checkpoints=1, **changes)


@pytest.fixture
def fill(monkeypatch):
    """Let the disk be full when the n-th file of one name is written."""
    room = {}

    def passes(name):
        room[name] = room.get(name, 99) - 1
        return room[name] >= 0

    def tensors(kept, path, metadata=None):
        if not passes(Path(path).name.removesuffix(".part")):
            raise SafetensorError(FULL)
        write(kept, path, metadata)

    def objects(thing, path, *rest, **options):
        if not passes(Path(path).name):
            Path(path).write_bytes(b"PK")
            raise RuntimeError(TORCH)
        put(thing, path, *rest, **options)

    write, put = safetensors.torch.save_file, torch.save
    monkeypatch.setattr(saving, "save_file", tensors)
    monkeypatch.setattr(torch, "save", objects)
    return room


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("model.safetensors", "No space left on device"),
        ("average.safetensors", r"checkpoint-1/average.safetensors cannot be written \(No space"),
        ("optimizer.pt", r"cannot be written \(the disk may be full\): make room"),
    ],
)
def test_a_run_that_could_save_nothing_can_be_given_again(tmp_path, fill, name, told):
    fill[name] = 0
    (tmp_path / "empty").mkdir()
    for place in ("run", "empty"):
        with pytest.raises(PlaitError, match=told):
            train(recipe(), tmp_path / place)
    assert list(tmp_path.rglob("*")) == [tmp_path / "empty"]
    fill.clear()
    train(recipe(), tmp_path / "run")


@pytest.mark.parametrize("name", ["average.safetensors", "optimizer.pt"])
def test_what_was_saved_before_stays_and_the_run_goes_on_from_there(tmp_path, fill, name):
    fill[name] = 1
    with pytest.raises(PlaitError, match="cannot be written"):
        train(recipe(), tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").glob("checkpoint-*")] == ["checkpoint-1"]
    load_model(str(tmp_path / "run"))
    fill.clear()
    found = train(recipe(), tmp_path / "run", resume=checkpoint(tmp_path / "run"))
    assert found.rows[-1]["loss"] == train(recipe(), tmp_path / "whole").rows[-1]["loss"]
    assert checkpoint(tmp_path / "run").name == "checkpoint-3"


def test_a_checkpoint_that_is_written_again_is_not_whole_until_then(tmp_path, fill):
    several = replace(recipe(), checkpoints=9)
    train(several, tmp_path / "run")
    fill["optimizer.pt"] = 0
    with pytest.raises(PlaitError, match="cannot be written"):
        train(several, tmp_path / "run", resume=checkpoint(tmp_path / "run", 1))
    with pytest.raises(PlaitError, match="steps: 1, 3"):
        checkpoint(tmp_path / "run", 2)


def test_without_checkpoints_the_weights_stay(tmp_path, fill):
    fill["model.safetensors"] = 1
    with pytest.raises(PlaitError, match="No space left"):
        train(replace(recipe(), checkpoints=0), tmp_path / "run")
    load_model(str(tmp_path / "run"))
    assert not list((tmp_path / "run").glob("*.part"))


def test_what_other_errors_say_is_left_alone(tmp_path):
    for error in (RuntimeError("CUDA out of memory"), OSError(errno.ENOSPC, "No space left")):
        with pytest.raises(type(error)) as told, saving.named(tmp_path):
            raise error
        assert told.value is error
