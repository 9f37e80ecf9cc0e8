"""`plait eval`: what it refuses, and what it counts as wrong."""

import json
from pathlib import Path

import data_files
import pytest
from kept import samples


@pytest.mark.parametrize(
    ("options", "tasks", "said"),
    [
        ((), "gsm9k", "unknown task 'gsm9k'; did you mean 'gsm8k'"),
        ((), " , ", "--tasks is empty"),
        (("--data-dir", "nowhere"), "gsm8k", "there is no folder 'nowhere' with data"),
        (("--data-dir", "."), "gsm8k", "gsm8k needs the file gsm8k/test.jsonl, which is not there"),
        ((), "sudoku4_d1", "put sudoku/4x4_test_sudoku.csv into a folder"),
        ((), "mbpp,chain", "for mbpp programs that the model writes are run, in a sandbox"),
        (("--method", "naq"), "chain", "unknown method 'naq'"),
        (("--out", "a/b/c"), "chain", "there is no folder 'a/b' for the results"),
        (("--out", "file"), "chain", "'file' is a file"),
        (("--out", "full"), "chain", "'full' holds other files than results"),
        (("--streams", 9), "chain", "at most"),
    ],
)
def test_bad_input_is_one_sentence(options, tasks, said, evaluate, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("x")
    Path("full").mkdir()
    Path("full/x").write_text("x")
    before = sorted(Path().rglob("*"))
    done = evaluate(tmp_path / "r", *options, tasks=tasks)
    assert done.code == 2
    assert said in done.err.replace("\n", " ")
    assert done.err.count("\n") == 1
    assert "Traceback" not in done.err
    assert sorted(Path().rglob("*")) == before


def test_a_spoilt_sample_is_named(evaluate, tmp_path):
    out = tmp_path / "r"
    evaluate(out)
    lines = (out / "samples.jsonl").read_text().splitlines()
    (out / "samples.jsonl").write_text("\n".join([lines[0], "{}", *lines[2:]]) + "\n")
    done = evaluate(out)
    assert done.code == 2
    assert "samples.jsonl, line 2: this is no sample of plait" in done.err


def test_a_chat_task_needs_a_chat_template(evaluate, model, tmp_path):
    """A model of transformers' kind without a template: refused, unless bare text is wanted."""
    from safetensors.torch import load_file, save_file

    data = data_files.write(tmp_path / "data")
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("config.json", "tokenizer.json"):
        (bare / name).write_bytes((Path(model) / name).read_bytes())
    save_file(load_file(Path(model) / "model.safetensors"), bare / "model.safetensors")
    config = json.loads((bare / "config.json").read_text())
    text = json.loads((bare / "tokenizer.json").read_text())
    ids = {t["content"]: t["id"] for t in text["added_tokens"]}
    llama = {
        "model_type": "a2d-llama",
        "mask_token_id": ids["<mask>"],
        "eos_token_id": ids["<eos>"],
        "vocab_size": config["vocab"],
        "hidden_size": config["width"],
        "num_hidden_layers": config["layers"],
        "num_attention_heads": config["heads"],
        "num_key_value_heads": config["kv_heads"],
        "intermediate_size": config["hidden"],
        "head_dim": config["head_dim"],
        "max_position_embeddings": config["context"],
        "tie_word_embeddings": True,
        "rms_norm_eps": 1e-6,
    }
    from plait.models.load import load

    folder = tmp_path / "foreign"
    _foreign(folder, llama, bare)
    assert not load(str(folder)).codec.chats
    chat = ("--data-dir", data, "--method", "ar")
    done = evaluate(tmp_path / "r", *chat, tasks="gsm8k,chain", name=str(folder))
    assert done.code == 2
    assert "gsm8k: asked as a chat, and foreign has no template; give --no-chat" in done.err
    short = ("--data-dir", data, "--method", "ar", "--length", 6, "--no-chat")
    done = evaluate(tmp_path / "r", *short, tasks="gsm8k", name=str(folder))
    assert done.code == 0, done.err


def _foreign(folder: Path, settings: dict, box: Path) -> None:
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    width, inner, heads = settings["hidden_size"], settings["intermediate_size"], 2
    size = settings["head_dim"] * heads
    shapes = {
        "self_attn.q_proj": (size, width),
        "self_attn.k_proj": (size, width),
        "self_attn.v_proj": (size, width),
        "self_attn.o_proj": (width, size),
        "mlp.gate_proj": (inner, width),
        "mlp.up_proj": (inner, width),
        "mlp.down_proj": (width, inner),
        "input_layernorm": (width,),
        "post_attention_layernorm": (width,),
    }
    weights = {f"model.layers.0.{name}.weight": torch.randn(s) for name, s in shapes.items()}
    weights["model.embed_tokens.weight"] = torch.randn(settings["vocab_size"], width)
    weights["model.norm.weight"] = torch.ones(width)
    folder.mkdir()
    save_file(weights, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(settings))
    (folder / "tokenizer.json").write_bytes((box / "tokenizer.json").read_bytes())


def test_an_item_that_is_too_long_counts_as_wrong(evaluate, tmp_path):
    data = data_files.write(tmp_path / "data")
    record = {"question": "word " * 400, "answer": "#### 1"}
    data_files.lines(data / "gsm8k/test.jsonl", [record, {"question": "1?", "answer": "#### 1"}])
    done = evaluate(tmp_path / "r", "--data-dir", data, tasks="gsm8k")
    assert done.code == 0
    assert "2, 1 too long" in done.out
    kept = samples(tmp_path / "r")["gsm8k", "test-1"]
    assert not kept["correct"]
    assert "the model's context is 256" in kept["why"]
    again = evaluate(tmp_path / "r", "--data-dir", data, tasks="gsm8k")
    assert "2, 1 too long" in again.out


def test_programs_are_judged(evaluate, tmp_path):
    data = data_files.write(tmp_path / "data")
    options = ("--data-dir", data, "--allow-code")
    done = evaluate(tmp_path / "r", *options, tasks="mbpp", limit=1)
    if "grants no namespaces" in done.err:
        pytest.skip(done.err)
    assert done.code == 0, done.err
    (sample,) = samples(tmp_path / "r").values()
    assert not sample["correct"]
    assert sample["why"]
