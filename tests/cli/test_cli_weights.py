"""Whatever continues results refuses other weights at the same path."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from plait.models import box
from plait.models.codec import TokenizerCodec
from plait.models.transformer import Config, Transformer

SHORT = ("--streams", 0, "--length", 6)


def causal(model: str, folder: Path, seed: int) -> None:
    """An autoregressive model with the tokenizer of `model`."""
    torch.manual_seed(seed)
    codec = TokenizerCodec.read(Path(model) / "tokenizer.json")
    small = Config(codec.vocab, width=32, layers=1, heads=2, kv_heads=2, hidden=32)
    config = replace(small, head_dim=16, context=256, attention="causal", shift=True)
    box.write(folder, config, Transformer(config).state_dict(), codec, box.Slots())


def lora(model: str, folder: Path, seed: int) -> None:
    """An adapter of rank 1 for every query of `model`."""
    torch.manual_seed(seed)
    with safe_open(Path(model) / "model.safetensors", "pt") as held:
        queries = [name for name in held.keys() if "query.weight" in name]  # noqa: SIM118
        shapes = {name: held.get_slice(name).get_shape() for name in queries}
    held = {}
    for name, (rows, columns) in shapes.items():
        stem = "base_model.model." + name.removesuffix(".weight")
        held[f"{stem}.lora_A.weight"] = torch.randn(1, columns)
        held[f"{stem}.lora_B.weight"] = torch.randn(rows, 1)
    folder.mkdir(exist_ok=True)
    save_file(held, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 1}))


def itself(model: str, folder: Path, seed: int) -> None:
    """`model` with one number changed."""
    shutil.copytree(model, folder, dirs_exist_ok=True)
    with safe_open(folder / "model.safetensors", "pt") as held:
        weights = {name: held.get_tensor(name) for name in held.keys()}  # noqa: SIM118
    next(iter(weights.values())).view(-1)[0] = seed
    save_file(weights, folder / "model.safetensors")


MADE = {"--model": itself, "--adapter": lora, "--aux": causal}
KEYS = {"--model": "weights", "--adapter": "adapter_weights", "--aux": "aux_weights"}


@pytest.mark.parametrize("option", MADE)
@pytest.mark.parametrize("command", ["eval", "generate"])
def test_other_weights_at_the_same_path_are_refused(command, option, plait, model, tmp_path):
    place, out = tmp_path / "weights", tmp_path / "out"
    (tmp_path / "in.jsonl").write_text('{"prompt": "3 * 5 = ?"}\n' * 2)
    options = {"--model": model, option: place}
    name = options.pop("--model")
    if command == "eval":
        call = ["eval", name, "--tasks", "multiply", "--limit", 2, "--out", out]
    else:
        call = ["generate", "--model", name, "--input", tmp_path / "in.jsonl", "--output", out]
    call += [*SHORT, "--method", "guided" if option == "--aux" else "confidence"]
    call += [word for pair in options.items() for word in pair]

    MADE[option](model, place, 1)
    assert plait(*call).code == 0
    assert plait(*call).code == 0  # the same weights go on
    MADE[option](model, place, 2)
    again = plait(*call)
    assert again.code == 2
    assert f"was made with {KEYS[option]}=" in again.err


def test_a_scorer_and_texts_that_changed_are_refused(plait, model, tmp_path):
    corpus, scorer = tmp_path / "corpus.jsonl", tmp_path / "scorer"
    corpus.write_text('{"prompt": "3 * 5 = ?", "paths": ["5 + 5", "10"]}\n')
    call = ["measure", "seqdep", corpus, "--scorer", scorer, "--segments", "path"]
    call += ["--output", tmp_path / "out"]
    causal(model, scorer, 1)
    assert plait(*call).code == 0
    assert plait(*call).code == 0
    causal(model, scorer, 2)
    assert "was made with weights=" in plait(*call).err
    causal(model, scorer, 1)
    corpus.write_text(corpus.read_text().replace("10", "15"))
    again = plait(*call)
    assert (again.code, "was made with data=" in again.err) == (2, True)


def test_a_schema_that_changed_is_refused(plait, model, tmp_path):
    source, asked = tmp_path / "schema.json", tmp_path / "in.jsonl"
    asked.write_text('{"prompt": "3 * 5 = ?"}\n')
    call = ["generate", "--model", model, "--schema", source]
    call += ["--input", asked, "--output", tmp_path / "out"]
    source.write_text('{"enum": ["ab", "cd"]}')
    assert plait(*call).code == 0
    assert plait(*call).code == 0
    source.write_text('{"enum": ["ab", "ce"]}')
    again = plait(*call)
    assert (again.code, "was made with schema.enum=" in again.err) == (2, True)
