"""`plait demo`, `plait doctor` and the examples."""

import hashlib
import json
import runpy
import shutil
from importlib import import_module
from pathlib import Path

import pytest

import plait as package
from plait.cli import doctor as module
from plait.data import tasks
from plait.models import box as models

EXAMPLES = sorted(Path(__file__).parents[2].glob("examples/*.py"))


def test_the_demo_checks_unseen_problems_of_every_task(plait, model, monkeypatch):
    monkeypatch.setattr(import_module("plait.cli.demo"), "EACH", 1)
    result = plait("demo", "--model", model, "--seed", 3)
    assert result.code == 0
    assert result.err == ""
    for name in tasks.names():
        assert result.out.count(f"\n{name}, level ") == 1
    assert result.out.count(" is wrong; ") == 4  # random weights know nothing
    table = result.out[result.out.index("method") :]
    assert max(map(len, table.splitlines())) <= 80
    assert "ar, 1 a round  0 of 4" in table


def test_a_model_that_names_no_tasks_has_no_demo(plait, model, tmp_path):
    folder = Path(shutil.copytree(model, tmp_path / "model"))
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(settings | {"tasks": []}))
    result = plait("demo", "--model", folder)
    assert (result.code, result.out) == (2, "")
    assert "does not say which tasks it knows" in result.err


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run(example, model, monkeypatch, capsys):
    loaded = package.load(model)
    monkeypatch.setattr(package, "load", lambda *_: loaded)
    runpy.run_path(str(example), run_name="__main__")
    out = capsys.readouterr().out
    assert "stream 3: " in out
    assert "summary: " in out


def test_prompts_of_the_examples_are_known_to_the_model_in_the_box():
    known = [tasks.load(name) for name in tasks.names()]
    for prompt in ("Work out 42 * 23.", "3 * 5 = ?"):
        assert any(task.recognises(prompt) for task in known)
        assert any(f'"{prompt}"' in path.read_text() for path in EXAMPLES)


@pytest.fixture
def box(tmp_path, model, monkeypatch):
    """A box that holds the tiny model only."""
    shutil.copytree(model, tmp_path / "plait-tiny")
    weights = tmp_path / "plait-tiny" / "model.safetensors"
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    (tmp_path / "SHA256SUMS").write_text(f"{digest}  plait-tiny/model.safetensors\n")
    monkeypatch.setattr(module, "BOX", tmp_path)
    monkeypatch.setattr(models, "HERE", tmp_path)
    return tmp_path


def test_doctor_finds_a_healthy_install(plait, box):
    result = plait("doctor")
    assert result.code == 0
    assert "plait-tiny, " in result.out
    assert "hash ok" in result.out
    assert result.out.endswith("\nplait can decode\n")


def test_doctor_finds_changed_and_missing_weights(plait, box):
    weights = box / "plait-tiny" / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + b"x")
    report = json.loads(plait("doctor", "--json").out)
    assert report["models"][0]["sha256"] == "differs"
    assert report["can decode"] is False
    weights.unlink()
    result = plait("doctor")
    assert result.code == 1
    assert "plait-tiny has no weights" in result.out
    shutil.rmtree(box / "plait-tiny")
    assert "there is no model in the box" in plait("doctor").out


def test_doctor_names_the_command_for_a_missing_extra(plait, box, monkeypatch):
    found = module._version
    monkeypatch.setattr(module, "_version", lambda p: None if p == "tensorboard" else found(p))
    assert 'train lacks tensorboard: pip install "plait[train]"' in plait("doctor").out
