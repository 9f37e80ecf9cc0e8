"""`plait eval`: what it keeps, how it goes on after any kill, and what it refuses."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import data_files
import numpy as np
import pytest

from plait.measure import trace_file

TASKS = "countdown,multiply"  # short enough for the small model
TIMES = {"clock", "seconds", "trace"}


def samples(folder: Path) -> dict[tuple[str, str], dict]:
    """The samples by item, without what depends on time; each stands there once."""
    rows = [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]
    found = {(r["task"], r["id"]): {k: v for k, v in r.items() if k not in TIMES} for r in rows}
    assert len(found) == len(rows)
    return found


def figures(folder: Path) -> dict:
    tasks = json.loads((folder / "results.json").read_text())["tasks"]
    timed = ("seconds", "tokens_per_second")
    return {t: {k: v for k, v in f.items() if k not in timed} for t, f in tasks.items()}


def traces(folder: Path) -> dict[int, tuple]:
    """The traces by key; each belongs to the sample whose line says where it is."""
    found, header = trace_file.read(folder / "traces.jsonl.gz")
    assert header == json.loads((folder / "settings.json").read_text())
    kept = {t.key: (t.replay().tolist(), t.position.tolist(), t.rounds) for t in found}
    assert len(kept) == len(found)
    return kept


def same(one: Path, other: Path) -> bool:
    return (samples(one), figures(one), traces(one)) == (
        samples(other),
        figures(other),
        traces(other),
    )


@pytest.fixture
def evaluate(plait, model):
    def run(out: Path, *options: object, tasks: str = TASKS, limit: int = 4, name: str = model):
        rest = ("--limit", limit, "--tokens-per-round", 2, "--out", out, *options)
        return plait("eval", name, "--tasks", tasks, *rest)

    return run


def test_what_is_kept(evaluate, tmp_path):
    out = tmp_path / "r"
    done = evaluate(out, "--batch-size", 3)
    assert done.code == 0, done.err
    assert [p.name for p in sorted(out.iterdir())] == sorted(
        ["results.json", "runs.jsonl", "samples.jsonl", "settings.json", "traces.jsonl.gz"]
    )
    run = json.loads((out / "runs.jsonl").read_text())
    assert {"command", "plait", "code", "data", "torch", "python", "batch_size"} <= run.keys()
    settings = json.loads((out / "settings.json").read_text())
    assert {"weights", "method", "seed", "slots", "dtype", "device"} <= settings.keys()
    kept = [json.loads(line) for line in (out / "samples.jsonl").read_text().splitlines()]
    assert len(kept) == 8
    by_key = {t.key: t for t in trace_file.read(out / "traces.jsonl.gz")[0]}
    for sample in kept:
        trace = by_key[sample["key"]]
        assert sample["answer_tokens"] == trace.answer_tokens()
        assert (sample["rounds"], sample["forwards"]) == (trace.rounds, trace.forwards)
        start, size = sample["trace"]
        assert start > 0 < size
    found = figures(out)
    assert found["multiply"]["n"] == 4
    mine = [s for s in kept if s["task"] == "multiply"]
    assert found["multiply"]["rounds"] == pytest.approx(np.mean([s["rounds"] for s in mine]))
    assert "| multiply" in done.out
    assert "Conditions: " in done.out


def test_a_batch_changes_nothing(evaluate, tmp_path):
    for size in (1, 5):
        assert evaluate(tmp_path / f"{size}", "--batch-size", size).code == 0
    assert same(tmp_path / "1", tmp_path / "5")


def test_it_goes_on_from_any_torn_end(evaluate, tmp_path):
    whole = tmp_path / "whole"
    evaluate(whole)
    rng = random.Random(0)
    for _ in range(4):
        out = tmp_path / "torn"
        out.mkdir(exist_ok=True)
        for name in ("settings.json", "runs.jsonl", "samples.jsonl", "traces.jsonl.gz"):
            (out / name).write_bytes((whole / name).read_bytes())
        (out / "results.json").unlink(missing_ok=True)
        cut = rng.randrange((whole / "samples.jsonl").stat().st_size)
        os.truncate(out / "samples.jsonl", cut)
        text = (out / "samples.jsonl").read_bytes()
        complete = text[: text.rfind(b"\n") + 1]
        done = evaluate(out)
        assert done.code == 0, done.err
        assert same(out, whole)
        assert (out / "samples.jsonl").read_bytes().startswith(complete)
        last = json.loads((out / "runs.jsonl").read_text().splitlines()[-1])
        assert last["done"] == complete.count(b"\n")
        assert last["todo"] == 8 - last["done"]


def test_more_items_go_into_the_same_folder(evaluate, tmp_path):
    out = tmp_path / "r"
    evaluate(out, limit=2)
    before = (out / "samples.jsonl").read_bytes()
    evaluate(out, limit=3, tasks="countdown,multiply,chain")
    assert (out / "samples.jsonl").read_bytes().startswith(before)
    assert len(samples(out)) == 9
    evaluate(out, limit=1, tasks="multiply")
    assert figures(out)["multiply"]["n"] == 1
    assert len(samples(out)) == 9


def test_settings_are_not_mixed(evaluate, tmp_path):
    out = tmp_path / "r"
    evaluate(out)
    kept = {p.name: p.read_bytes() for p in out.iterdir()}
    for options, said in (
        (("--method", "ar"), "was made with method=nap and this run has method=ar"),
        (("--seed", 1), "seed=0 and this run has seed=1"),
        (("--length", 5), "'stream 1': 6"),
        (("--no-chat",), "chat=True"),
    ):
        done = evaluate(out, *options)
        assert done.code == 2
        assert said in done.err
        assert done.err.count("\n") == 1
    assert kept == {p.name: p.read_bytes() for p in out.iterdir()}


def test_other_questions_are_not_mixed(evaluate, tmp_path):
    data = data_files.write(tmp_path / "data")
    out = tmp_path / "r"
    assert evaluate(out, "--data-dir", data, tasks="gsm8k").code == 0
    data_files.lines(data / "gsm8k/test.jsonl", [{"question": "Other?", "answer": "#### 1"}])
    done = evaluate(out, "--data-dir", data, tasks="gsm8k")
    assert done.code == 2
    assert "answers gsm8k test-1 with another text" in done.err


@pytest.mark.parametrize(
    ("options", "tasks", "said"),
    [
        ((), "gsm9k", "unknown task 'gsm9k'; did you mean 'gsm8k'"),
        ((), " , ", "--tasks is empty"),
        (("--data-dir", "nowhere"), "gsm8k", "there is no folder 'nowhere' with data"),
        (("--data-dir", "."), "gsm8k", "gsm8k needs the file gsm8k/test.jsonl, which is not there"),
        ((), "sudoku4_d1", "put sudoku/4x4_test_sudoku.csv into a folder"),
        ((), "mbpp,chain", "mbpp run what the model writes as a program"),
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
    assert "gsm8k ask for a chat, and foreign has no chat template; give --no-chat" in done.err
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


@pytest.mark.slow
def test_kill_at_ten_random_moments(tmp_path):
    """Whatever moment the process dies at, the next one loses and doubles nothing."""
    out, whole = tmp_path / "killed", tmp_path / "whole"
    options = ["--tasks", TASKS, "--limit", "14", "--tokens-per-round", "16", "--batch-size", "4"]
    command = [sys.executable, "-c", "from plait.cli import main; raise SystemExit(main())", "eval"]
    command += ["plait-tiny", *options, "--out"]
    rng, kills, kept, doubled = random.Random(1), 0, b"", 0
    for _ in range(60):
        process = subprocess.Popen(
            [*command, str(out)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        before, start = len(kept), time.monotonic()
        wait = rng.choice((0.2, 0.5, 1.5)) * rng.random()
        while process.poll() is None:
            here = out / "samples.jsonl"
            grown = here.exists() and here.stat().st_size > before
            if kills < 10 and (grown or rng.random() < 0.002):
                time.sleep(wait)
                process.send_signal(signal.SIGKILL)
                break
            assert time.monotonic() - start < 300
            time.sleep(0.01)
        process.communicate()
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
        kills += 1
        text = (out / "samples.jsonl").read_bytes() if (out / "samples.jsonl").exists() else b""
        assert text.startswith(kept)  # what was answered stays, and is not answered again
        kept = text[: text.rfind(b"\n") + 1]
        doubled += 4
    assert kills == 10
    runs = [json.loads(line) for line in (out / "runs.jsonl").read_text().splitlines()]
    assert [run["done"] for run in runs] == sorted(run["done"] for run in runs)
    assert runs[-1]["todo"] > 0
    assert subprocess.run([*command, str(whole)], check=False, capture_output=True).returncode == 0
    assert same(out, whole)
