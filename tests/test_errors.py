"""What a user reads where a package is missing: which one, and the command that brings it."""

import re
import sys
from pathlib import Path

import pytest

import plait
from plait.errors import PlaitError


def refused(call, package, monkeypatch):
    # A part that another test has imported would be found without its package.
    loaded = [name for name in sys.modules if name.split(".")[0] == package]
    for name in {package, *loaded}:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(PlaitError) as caught:
        call()
    return str(caught.value)


def test_a_missing_extra_is_named_with_the_command_that_brings_it(monkeypatch, tmp_path):
    from plait.curate.teachers import openai
    from plait.eval import figure, source, spread
    from plait.eval.tasks.math500 import math500
    from plait.view import plots

    def joined():
        with spread.joined("local"):
            pass

    calls = [
        (lambda: plots.blank(1, 1), "matplotlib", "plots"),
        (lambda: figure.draw(tmp_path / "f.png", [], "", ""), "matplotlib", "plots"),
        (lambda: source.hub_rows("gsm8k", source.Hub("a/b"), "or else"), "datasets", "eval"),
        (math500().check, "math_verify", "eval"),
        (joined, "ray", "ray"),
        (lambda: openai.openai("m", url="http://localhost"), "huggingface_hub", "hub"),
    ]
    for call, package, extra in calls:
        said = refused(call, package, monkeypatch)
        assert f'which is not installed: pip install "plait[{extra}]"' in said
        assert package in said.replace("-", "_")


def test_no_message_has_an_extra_without_the_command():
    folder = Path(plait.__file__).parent
    for path in folder.rglob("*.py"):
        for before in re.findall(r"(.*)plait\[[\w{}]+\]", path.read_text(encoding="utf-8")):
            assert before.endswith('pip install "'), (path, before)
