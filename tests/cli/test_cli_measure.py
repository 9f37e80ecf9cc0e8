"""`plait measure` and `plait audit`."""

import json
from dataclasses import replace

import pytest
import torch
from fixtures import write_model

from plait.models import box
from plait.models.codec import TokenizerCodec
from plait.models.config import Config
from plait.models.transformer import Transformer

ROWS = [
    {"prompt": "3 * 5 = ?", "paths": ["5 + 5 + 5 = 15", "3 * 5 is 15", "15"], "answer": "15"},
    {"prompt": "2 * 4 = ?", "paths": ["4 + 4 = 8", "2 * 4 is 9", "8"], "answer": "8"},
    {"prompt": "2 * 4 = ?", "paths": ["4 + 4 = 8", "4 + 4 = 8"], "answer": "8"},
]


@pytest.fixture(scope="module")
def scorer(tmp_path_factory):
    """A causal model of random weights, as a folder."""
    folder = write_model(tmp_path_factory.mktemp("causal") / "ar")
    codec = TokenizerCodec.read(folder / box.CODEC)
    small = Config(codec.vocab, width=32, layers=1, heads=2, kv_heads=2, hidden=32)
    config = replace(small, head_dim=16, context=128, attention="causal", shift=True)
    torch.manual_seed(1)
    weights = {k: 8 * v for k, v in Transformer(config).state_dict().items()}
    box.write(folder, config, weights, codec, box.Slots())
    return str(folder)


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def test_seqdep_of_paths(plait, corpus, scorer):
    said = plait("measure", "seqdep", corpus, "--scorer", scorer, "--segments", "path", "--json")
    assert said.code == 0
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert [row["order"] for row in rows] == ["joint", "shuffled", "swapped"]
    assert rows[0]["texts"] == 3
    assert rows[0]["segments"] == "path"
    assert rows[0]["unit"] == "nats"
    assert rows[0]["interval95"][0] <= rows[0]["seqdep"] <= rows[0]["interval95"][1]
    other = plait("measure", "seqdep", corpus, "--scorer", scorer, "--segments", "path", "--json",
                  "--header", r"\nSo:\n", "--batch-size", 3)  # fmt: skip
    assert json.loads(other.out.splitlines()[0])["header"] == "\nSo:\n"
    table = plait("measure", "seqdep", corpus, "--scorer", scorer, "--segments", "path")
    assert "per token" in table.out or "per_token" in table.out


def test_a_stopped_run_goes_on_and_other_settings_are_refused(plait, corpus, scorer, tmp_path):
    out = tmp_path / "rows.jsonl"
    args = ("measure", "seqdep", corpus, "--scorer", scorer, "--segments", "path", "--json")
    whole = plait(*args, "--output", out).out
    lines = out.read_text().splitlines(keepends=True)
    assert len(lines) == 3
    out.write_text(lines[0] + lines[1][:20])  # torn in the middle of a line
    again = plait(*args, "--output", out)
    assert again.out == whole
    assert "1 of 3 records were scored before" in again.err
    assert out.read_text() == "".join(lines)
    other = plait(*args, "--output", out, "--header", "x")
    assert other.code == 2
    assert "was made with header=" in other.err


def test_likelihood_and_diversity(plait, corpus, model):
    said = plait("measure", "likelihood", corpus, "--model", model, "--draws", 4, "--json")
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert [row.get("line") for row in rows] == [1, 2, 3, None]
    assert rows[-1]["per_token"] > 0
    assert rows[0]["bound"] > 0
    found = json.loads(plait("measure", "diversity", corpus, "--json").out)
    assert found["duplicates"] == pytest.approx(1 / 3)


def test_audit(plait, corpus, scorer, tmp_path):
    said = plait("audit", corpus, "--against", corpus, "--scorer", scorer, "--json")
    found = json.loads(said.out)
    assert found["right_texts"] == 7 / 8
    assert found["against corpus"]["same_prompt"] == 3
    assert found["seqdep"]["segments"] == "path"
    assert found["seqdep"]["joint texts"] == 3
    shown = plait("audit", corpus)
    assert shown.code == 0
    assert "repeated_texts" in shown.out


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["measure", "seqdep", "{corpus}"], "give --scorer"),
        (["measure", "likelihood", "{corpus}"], "give --model"),
        (["measure", "diversity", "{corpus}", "--output", "rows"], "--output keeps the rows of"),
        (["measure", "seqdep", "{corpus}", "--scorer", "llm_none"], "no installed package"),
        (["measure", "seqdep", "none", "--scorer", "{scorer}"], "there is no file 'none'"),
        (["measure", "seqdep", "{corpus}", "--scorer", "{model}"], "is not autoregressive"),
        (
            ["measure", "seqdep", "{corpus}", "--scorer", "{scorer}", "--unit", "dits"],
            "nats or bits",
        ),
        (
            ["measure", "seqdep", "{corpus}", "--scorer", "{scorer}", "--segments", "words"],
            "no segmenter 'words'",
        ),
        (
            ["measure", "seqdep", "{corpus}", "--scorer", "{scorer}", "--output", "{corpus}"],
            "are the same file",
        ),
        (
            ["measure", "seqdep", "{long}", "--scorer", "{scorer}"],
            "long.jsonl, line 1: the text has",
        ),
        (["measure", "diversity", "{long}"], "no record has several paths"),
        (["audit", "{corpus}", "--against", "none"], "there is no file 'none'"),
    ],
)
def test_mistakes_are_one_sentence(plait, corpus, scorer, model, tmp_path, args, said):
    long = tmp_path / "long.jsonl"
    long.write_text(json.dumps({"prompt": "?", "text": "1 2 3 4 5 6 7 8 9 0\n" * 20}) + "\n")
    places = {"corpus": corpus, "scorer": scorer, "model": model, "long": long}
    before = sorted(tmp_path.iterdir())
    result = plait(*(arg.format(**places) for arg in args))
    assert result.code == 2
    assert said in result.err
    assert result.err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before
