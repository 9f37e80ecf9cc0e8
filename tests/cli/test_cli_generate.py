"""`plait generate` with prompts: what it prints, and what it refuses."""

import gzip
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from entry import ENTRY, RECORD

import plait as package
from plait.measure import trace_file

PROMPT = "Work out 42 * 23."


def test_json_is_one_object_per_answer_and_nothing_else(plait, model):
    result = plait("generate", PROMPT, "3 * 5 = ?", "--model", model, "--json")
    first, second = map(json.loads, result.out.splitlines())
    assert result.code == 0
    assert result.err == ""
    assert list(first) == list(RECORD)
    assert second["prompt"] == "3 * 5 = ?"
    assert len(first["streams"]) == 3
    assert first["rounds"] == 6  # 3 * 6 positions by 4, then 4 by 4


def test_plain_lines_hold_every_stream_and_no_control_codes(plait, model):
    out = plait("generate", "3 * 5\x1b[31m = ?", "--model", model).out
    assert [line.split(":")[0] for line in out.splitlines()[:5]] == [
        *("prompt", "stream 1", "stream 2", "stream 3", "summary")
    ]
    assert "\x1b" not in out


def test_one_stream_per_segment_of_the_layout(plait, model):
    args = ("generate", PROMPT, "--model", model, "--json")
    assert len(json.loads(plait(*args, "--streams", 2).out)["streams"]) == 2
    plain = json.loads(plait(*args, "--streams", 0, "--method", "ar").out)
    assert plain["streams"] == []
    assert plain["arness"]["global@1"] == 1
    assert json.loads(plait(*args, "--tokens-per-round", 2).out)["rounds"] == 11
    assert json.loads(plait(*args, "--rounds", 3).out)["rounds"] == 3


def test_a_method_option_is_read_by_its_type_and_used(plait, model):
    args = ("generate", PROMPT, "--model", model, "--json")
    after = json.loads(plait(*args).out)
    along = json.loads(plait(*args, "--set", "summary=concurrent").out)
    assert along["rounds"] < after["rounds"] or along["text"] != after["text"]
    own = ("--method", "fast_dllm", "--set", "block=22")
    sure = json.loads(plait(*args, *own, "--set", "threshold=2.0").out)
    assert sure["rounds"] == 22
    assert plait(*args, *own, "--set", "factor=none").code == 0


def test_seed_and_temperature_matter_and_repeat(plait, model):
    args = ("generate", PROMPT, "--model", model, "--json", "--temperature", 1)
    texts = [json.loads(plait(*args, "--seed", seed).out)["text"] for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]


def test_a_strange_prompt_is_decoded_with_a_warning(plait, model):
    result = plait("generate", "hello", "--model", model)
    assert result.code == 0
    assert "stream 1:" in result.out
    assert result.err == (
        "plait: tiny knows only chain, countdown, multiply and sudoku4 problems; "
        "the answer to this prompt will be meaningless\n"
    )
    assert plait("generate", PROMPT, "--model", model).err == ""


def test_live_without_a_terminal_is_a_line_per_ten_rounds(plait, model):
    result = plait("generate", PROMPT, "--model", model, "--live", "--tokens-per-round", 1)
    assert result.err.splitlines() == [
        f"plait: round {n}: {n} of 22 positions written" for n in (10, 20, 22)
    ]


def test_the_trace_reads_back_exactly(plait, model, tmp_path):
    target = tmp_path / "t.jsonl.gz"
    assert plait("generate", PROMPT, "--model", model, "--trace", target).code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["t.jsonl.gz"]
    (read,), conditions = trace_file.read(target)
    assert conditions["method"] == "nap"
    assert conditions["tokens_per_round"] == 4
    (answer,) = package.generate(package.load(model), [PROMPT], tokens_per_round=4)
    for name, value in vars(answer.trace).items():
        if name == "spent":
            assert read.spent[:, :2].tolist() == value[:, :2].tolist()
        elif name == "label":
            assert read.label.prompt == PROMPT
            assert read.label.segments[-1] == "summary"
        elif isinstance(value, np.ndarray):
            assert getattr(read, name).dtype == value.dtype
            np.testing.assert_array_equal(getattr(read, name), value)
        elif name != "seconds":
            assert getattr(read, name) == value


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "there is no trace file"),
        (b"plain text", "it is not gzipped"),
        ('{"format": "other"}', "is not a trace file of plait"),
        ('{"format": "plait-trace", "version": 9}', "version 9"),
        ('{"format": "plait-trace", "version": 1}\n{}\n', "cannot be read"),
    ],
)
def test_what_is_no_trace_file_is_refused(tmp_path, data, said):
    if data is not None:
        packed = data if isinstance(data, bytes) else gzip.compress(data.encode())
        (tmp_path / "t.gz").write_bytes(packed)
    with pytest.raises(package.PlaitError, match=said):
        trace_file.read(tmp_path / "t.gz")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "there are no prompts"),
        ([""], "the prompt is empty"),
        ([PROMPT, "  "], "the prompt is empty"),
        (["half \udcff"], "not valid Unicode"),
        (["42 " * 300], "the model's context is 256; shorten the prompt"),
        ([PROMPT, "--streams", 6, "--length", 100], "use fewer streams or a smaller length"),
        ([PROMPT, "--streams", -1], "must be >= 1"),
        ([PROMPT, "--length", 0], "must be >= 1"),
        ([PROMPT, "--cross", "half"], "not one of 'full', 'blocked'"),
        ([PROMPT, "--method", "napp"], "did you mean 'nap'"),
        ([PROMPT, "--tokens-per-round", -4], "tokens per round is -4"),
        ([PROMPT, "--rounds", 0], "rounds is 0"),
        ([PROMPT, "--rounds", 8, "--tokens-per-round", 2], "not both"),
        ([PROMPT, "--method", "fast_dllm", "--tokens-per-round", 2], "decides by itself"),
        ([PROMPT, "--temperature", -1], "temperature is -1"),
        ([PROMPT, "--temperature", "nan"], "temperature is nan"),
        ([PROMPT, "--temperature", "inf"], "temperature is inf"),
        ([PROMPT, "--top-p", 0.5], "need a temperature above 0"),
        ([PROMPT, "--set", "open_att=1"], "did you mean 'open_at'"),
        ([PROMPT, "--set", "open_at"], "--set key=value"),
        ([PROMPT, "--set", "open_at=soon"], "the value must be a number"),
        ([PROMPT, "--set", "summary=never"], "must be 'after' or 'open_at' or 'concurrent'"),
        ([PROMPT, "--set", "budget=3"], "use --tokens-per-round or --rounds"),
        ([PROMPT, "--dtype", "float31"], "did you mean 'float3"),
        ([PROMPT, "--trace", "nowhere/t.gz"], "there is no folder 'nowhere'"),
        ([PROMPT, "--output", "a.jsonl"], "--input and --output go together"),
    ],
)
def test_bad_input_is_one_sentence_on_stderr(plait, model, args, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = plait("generate", *args, "--model", model)
    assert result.code == 2
    assert result.out == ""
    assert said in result.err
    assert result.err.count("\n") == 1
    assert result.err.startswith("plait: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: shutil.rmtree(folder), "there is no model folder"),
        (lambda folder: (folder / "config.json").write_text("{"), "is not valid JSON"),
        (lambda folder: (folder / "config.json").unlink(), "config.json is missing"),
        (lambda folder: _edit(folder, model_type="bert"), "model_type is 'bert'"),
        (lambda folder: _edit(folder, width=64), "has shape"),
        (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors is missing"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"no"), "cannot be read"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "no tokenizer"),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "cannot be read as a token"),
        (lambda folder: _edit(folder, kv_heads=0), "kv_heads=0; it must be >= 1"),
    ],
)
def test_a_spoilt_model_is_one_sentence(plait, model, tmp_path, spoil, said):
    folder = Path(shutil.copytree(model, tmp_path / "model"))
    spoil(folder)
    result = plait("generate", PROMPT, "--model", folder)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert result.err.count("\n") == 1


def _edit(folder: Path, **changes: object) -> None:
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(settings | changes))


def test_the_console_script_has_no_traceback():
    run = subprocess.run([ENTRY, "generate", "--input", "x"], capture_output=True, text=True)
    assert run.returncode == 2
    assert run.stderr == "plait: --input and --output go together: give both\n"


def test_the_engine_answers_the_same(plait, model):
    args = ("generate", PROMPT, "3 * 5 = ?", "--model", model, "--json", "--cache", "dual")
    plain, fast = plait(*args), plait(*args, "--engine")
    assert fast.err == ""

    def untimed(out: str) -> list[dict]:
        return [json.loads(line) | {"seconds": 0} for line in out.splitlines()]

    assert untimed(fast.out) == untimed(plain.out)


def test_a_notice_is_a_sentence(plait, model):
    err = plait("generate", PROMPT, "--model", model, "--engine", "--method", "klass").err
    assert (
        "plait: the engine does not know methods that read 'logp'; the plain loop decodes\n" in err
    )
    assert "Notice" not in err
