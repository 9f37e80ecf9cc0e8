"""Training of checkpoints that are not plait's own: conversion, all weights, adapters, blocks."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

pytest.importorskip("transformers", reason="small checkpoints are made with transformers")

from hf import AR, saved
from tokenizer_files import write_tokenizer

import plait
from plait.cli._evaluation import Questions
from plait.cli._session import Request
from plait.errors import PlaitError
from plait.train.recipes import Lora, Start, load
from plait.train.records import Records
from plait.train.run import checkpoint, train

ROWS = [{"prompt": "say " + w, "paths": [w, w + w], "answer": w} for w in ("ab", "cd", "ef", "gh")]


@pytest.fixture
def llama(tmp_path) -> str:
    saved(AR["llama-tied-biased"], tmp_path / "ar")
    write_tokenizer(tmp_path / "ar")
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(r) + "\n" for r in ROWS))
    return str(tmp_path / "ar")


def recipe(name: str, tmp_path: Path, source: str, **changes):
    made = load(name, ["optimiser.rate=0.01", "optimiser.warmup=1", "average=0.5"])
    rows = replace(made.rows, file=tmp_path / "rows.jsonl", length=5, streams=2, summary=4, rows=4)
    model = replace(made.model, name=source)
    settings = {"steps": 12, "log_every": 1, "save_every": 0.0, "rows": rows, "model": model}
    return replace(made, **(settings | changes))


def losses(found) -> list[float]:
    return [row["loss"] for row in found.rows]


@pytest.mark.parametrize(
    ("name", "attention", "shift"),
    [
        ("convert", "full", False),
        ("convert_shift", "full", True),
        ("block_diffusion", "block", False),
        ("efficient_dlm", "block", False),
    ],
)
def test_an_autoregressive_model_is_converted_trained_and_loaded(
    name, attention, shift, llama, tmp_path
):
    view = {"view": replace(load(name).view, anneal=4)} if name == "convert_shift" else {}
    found = train(recipe(name, tmp_path, llama, **view), tmp_path / "run")
    assert all(map(math.isfinite, losses(found)))
    model = plait.load(str(tmp_path / "run"), device="cpu")
    net = model.denoiser.net
    assert (net.config.attention, net.config.shift) == (attention, shift)
    assert model.slots.streams == 0
    assert model.slots.length == 10
    begun = plait.load(str(tmp_path / "run" / "start"), device="cpu").denoiser.net
    assert not torch.equal(net.blocks[0].mlp.up.weight, begun.blocks[0].mlp.up.weight)
    settings = {"block": 16} if attention == "block" else {}
    (answer,) = plait.generate(model, ["say ab"], "llada", rounds=4, **settings)
    assert 1 <= answer.rounds <= 10
    again = train(
        recipe(name, tmp_path, llama, **view),
        tmp_path / "run",
        resume=checkpoint(tmp_path / "run", 12 - 1),
    )
    assert losses(again) == losses(found)


def test_a_model_learns_its_rows(llama, tmp_path):
    found = train(
        recipe("convert", tmp_path, llama, steps=60, log_every=10, save_every=9.0), tmp_path / "run"
    )
    assert losses(found)[-1] < 0.3 * losses(found)[0]


def test_an_adapter_is_what_was_trained(llama, tmp_path):
    pytest.importorskip("peft")
    found = train(
        recipe("nap", tmp_path, llama, lora=Lora(rank=4, of=("query", "up")), steps=8),
        tmp_path / "run",
    )
    files = {p.name for p in found.folder.iterdir()}
    assert {"adapter_config.json", "adapter_model.safetensors", "README.md"} <= files
    assert "model.safetensors" not in files
    assert 'plait.load("run/start", adapter="run")' in (found.folder / "README.md").read_text()
    with pytest.raises(PlaitError, match=r"run is an adapter: load .*run/start, and give this one"):
        plait.load(str(found.folder))
    base = str(tmp_path / "run" / "start")
    plain = plait.load(base, device="cpu")
    model = plait.load(base, device="cpu", adapter=str(found.folder))
    changed = model.denoiser.net.blocks[0], plain.denoiser.net.blocks[0]
    assert not torch.equal(*(b.attention.query.weight for b in changed))
    assert torch.equal(*(b.attention.value.weight for b in changed))
    assert model.slots.streams == 2
    again = train(
        recipe("nap", tmp_path, llama, lora=Lora(rank=4, of=("query", "up")), steps=8),
        tmp_path / "run",
        resume=checkpoint(found.folder, 7),
    )
    assert losses(again) == losses(found)


@pytest.mark.parametrize("rank", [0, 4])
@pytest.mark.parametrize(("template", "cross"), [(True, "full"), (False, "blocked")])
def test_a_model_is_asked_as_it_was_trained(template, cross, rank, llama, tmp_path):
    """The request in its template or bare, streams that see each other or not: also by default."""
    write_tokenizer(Path(llama), chat="<bos>{{ messages[0].content }}")
    made = recipe("nap", tmp_path, llama, steps=1, lora=Lora(rank, of=("query",)))
    rows = replace(made.rows, template=template, cross=cross)
    folder = str(train(replace(made, rows=rows), tmp_path / "run").folder)
    where = {"name": folder + "/start", "adapter": folder} if rank else {"name": folder}
    model = plait.load(**where, device="cpu")
    assert model.codec.chats == template
    assert model.layout().cross == cross
    assert model.layout(cross="full").cross == "full"
    asked = Request(folder + "/start" if rank else folder, folder if rank else None)
    told = Questions([], [], chat=True).settings(asked.open())
    assert (told["chat"], told["cross"]) == (template, cross)


def test_what_cannot_be_is_said_before_anything_is_made(llama, tmp_path):
    for name in ("quary", "embed"):
        made = recipe("nap", tmp_path, llama, lora=Lora(4, of=("query", name)))
        with pytest.raises(PlaitError, match=r"lora\.of"):
            train(made, tmp_path / "run")
    rows = Records(tmp_path / "rows.jsonl")
    with pytest.raises(PlaitError, match="without LoRA"):
        train(replace(load("nap"), model=Start(), rows=rows, lora=Lora(4)), tmp_path / "run")
    with pytest.raises(PlaitError, match="no file"):
        train(replace(load("nap"), model=Start()), tmp_path / "other")
    assert not (tmp_path / "other").exists()
