import json
from pathlib import Path

import pytest

from plait.models.load import load

TOY = ("--set", "steps=3", "--set", "log_every=1", "--set", "rows.positions=1248")


def test_names_and_fields_are_shown(plait):
    listed = plait("train")
    assert listed.code == 0
    assert {"nap", "convert", "plait_tiny"} <= {line.split()[0] for line in listed.out.splitlines()}
    shown = json.loads(plait("train", "dream_sft", "--show").out)
    assert shown["objective"]["weight"] == {"kind": "cart", "p": 0.1}
    assert shown["rows"]["ends"] == {"padding": "hidden", "cut": "row"}


def test_train_then_resume(plait, tmp_path):
    result = plait("train", "toy", *TOY, "--out", tmp_path / "run", "--json")
    assert result.code == 0
    told = json.loads(result.out)
    assert told["steps"] == 3
    assert told["positions_per_second"] > 0
    assert result.err.count("step ") == 3
    assert load(told["model"]).slots.streams == 3
    assert list((tmp_path / "run" / "logs").iterdir())
    assert "## Recipe" in (tmp_path / "run" / "README.md").read_text()
    again = plait("train", "toy", *TOY, "--out", tmp_path / "run")
    assert again.code == 2
    assert "--resume" in again.err
    more = ("train", "toy", *TOY, "--set", "steps=5", "--out", tmp_path / "run", "--resume")
    assert json.loads(plait(*more, "--json").out)["steps"] == 5


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (["toi"], "did you mean 'toy'"),
        (["toy", "--set", "optimizer.rate=1"], "did you mean 'optimiser'"),
        (["toy", "--set", "objective.weight=kart"], "did you mean 'cart'"),
        (["toy", "--set", "corruption.law.highst=1", "--set", "corruption.law=rpim"], "'highest'"),
        (["toy", "--set", "steps=many"], "'steps' has the type int"),
        (["toy", "--step", "3"], "--resume"),
        (["toy", "--resume", "--out", "nowhere"], "no checkpoint"),
        (["nap", "--out", "nowhere"], "rows.file"),
        (["gone.py:recipe"], "no file 'gone.py'"),
        (["gone.py"], "write gone.py:FUNCTION"),
        (["toy", "--out", __file__], "is a file; name a folder"),
        (["toy", "--out", __file__, "--resume"], "is a file; name a folder"),
    ],
)
def test_mistakes_are_one_sentence(plait, args, hint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = plait("train", *args)
    assert result.code == 2
    assert hint in result.err
    assert result.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_recipe_of_ones_own(plait, tmp_path):
    (tmp_path / "mine.py").write_text(
        "from plait.train.recipes import toy\n\n\ndef recipe():\n    return toy()\n"
    )
    shown = json.loads(plait("train", f"{tmp_path / 'mine.py'}:recipe", "--show").out)
    assert shown["steps"] == 20
    assert plait("train", f"{tmp_path / 'mine.py'}:other").err.count("no function 'other'")
    assert Path("runs/other").exists() is False


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("x = \n", "mine.py, line 1, fails with SyntaxError: invalid syntax"),
        (
            "import json\ndef recipe():\n    json.loads('x')\n",
            "mine.py, line 3, fails with JSONDecodeError: Expecting value",
        ),
    ],
)
def test_a_recipe_with_a_mistake_in_it_is_one_sentence(plait, tmp_path, code, said):
    (tmp_path / "mine.py").write_text(code)
    result = plait("train", f"{tmp_path / 'mine.py'}:recipe", "--show")
    assert result.code == 2
    assert said in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({}, "positions, and the model's context is 320: set rows.length"),
        ({"length": 3, "summary": 20}, "can be used: 1 with a path of 3 tokens or more\n"),
    ],
)
def test_records_that_do_not_fit_are_told_in_words(plait, tmp_path, sizes, said):
    (tmp_path / "r.jsonl").write_text('{"prompt": "2 * 3", "paths": ["2*3=6"], "answer": "6"}')
    own = {"file": tmp_path / "r.jsonl", "streams": 1 if sizes else 3, **sizes}
    own = [f"--set=rows.{key}={value}" for key, value in own.items()]
    result = plait("train", "nap", *own, "--out", tmp_path / "out")
    assert result.code == 2
    assert said in result.err
    assert "{" not in result.err
    assert not (tmp_path / "out").exists()
