"""The command line as a whole: commands, help, and what stands on stderr."""

import json
import subprocess
import sys

import pytest
import typer
from entry import ENTRY

import plait as package
from plait import cli, methods
from plait.auxiliary import options_of as models_of
from plait.cli._options import options_of


def test_each_file_is_a_command(plait):
    listed = plait("--help").out
    assert {"cite", "demo", "doctor", "generate", "methods"} <= set(cli.names())
    assert all(f"  {name}  " in listed for name in cli.names())


def test_version(plait):
    assert plait("--version").out == f"plait {package.__version__}\n"


def test_without_a_command_the_help_is_shown(plait):
    result = plait()
    assert result.code == 0
    assert "Commands:" in result.out


@pytest.mark.parametrize("command", ["", *cli.names()])
def test_help_fits_80_columns_and_says_what_each_option_does(plait, command):
    result = plait(*filter(None, [command, "--help"]))
    assert result.code == 0
    assert max(map(len, result.out.splitlines())) <= 80
    assert "\n\n  " in result.out  # the description


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (["generat"], "'generate'"),
        (["generate", "--medthod", "nap", "x"], "--method"),
        (["generate", "x", "--seed", "many"], "--seed"),
        (["generate", "x", "--batch-size", "0"], "--batch-size"),
        (["methods", "napp"], "did you mean 'nap'"),
        (["trace", "shw", "x"], "'action': 'shw' is not one of"),
        (["theory", "bounds", "k-locla"], "did you mean 'k-local'"),
    ],
)
def test_a_wrong_name_or_value_is_one_sentence_with_a_hint(plait, args, hint):
    result = plait(*args)
    assert result.code == 2
    assert result.err.startswith("plait: ")
    assert result.err.count("\n") == 1
    assert hint in result.err
    assert result.out == ""


def test_light_commands_do_not_wait_for_torch():
    code = (
        "import sys; from plait.cli import main;"
        "main(['--help']); main(['methods']); main(['methods', 'nap']);"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


@pytest.mark.parametrize("stop", [KeyboardInterrupt, typer.Abort])
def test_a_stop_before_a_command_has_begun_is_one_word(plait, monkeypatch, stop):
    def app():
        raise stop

    monkeypatch.setattr(cli, "app", app)
    result = plait("methods")
    assert (result.code, result.out, result.err) == (130, "", "plait: stopped\n")


def test_a_reader_that_leaves_early_is_no_error():
    run = subprocess.Popen(
        [ENTRY, "methods", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert run.stdout is not None
    run.stdout.close()
    assert run.stderr is not None
    assert run.stderr.read() == b""
    run.wait()


def test_methods_lists_the_folder_with_its_papers(plait):
    listed = json.loads(plait("methods", "--json").out)
    assert [entry["name"] for entry in listed] == methods.names()
    for entry in listed:
        names = [s["name"] for s in entry["settings"]] + ["budget"] * entry["budget"]
        beside = list(models_of(entry["name"]))
        assert bool(beside) == entry["aux"]
        assert sorted(names + beside) == sorted(options_of(entry["name"]))
        assert entry["parts"]
        assert entry["arxiv"][4] == "."
    table = plait("methods").out
    assert max(map(len, table.splitlines())) <= 80
    assert "2602.23225" in table


def test_one_method_shows_its_options_as_they_are_typed(plait):
    page = plait("methods", "nap").out
    assert "--set summary=after  (after | open_at | concurrent)" in page
    assert "--set open_at=0.8  (float)" in page
    assert "Share each round's commits" in page
    assert "parts: Streams, InEachStream\nneeds: a canvas with streams\nexact: no" in page
    assert "eprint = {2602.23225}" in page
    page = plait("methods", "guided").out
    assert "--aux MODEL" in page
    assert "--set rule=top_k  (deterministic | top_k | threshold)" in page
    assert "exact: with rule=deterministic, the guider's greedy text" in page


def test_cite_prints_one_entry_per_paper(plait):
    result = plait("cite", "nap", "random", "llada")
    assert result.code == 0
    assert result.out.count("@misc{") == 2
    assert "eprint = {2602.23225}" in result.out
    assert "did you mean 'llada'" in plait("cite", "lada").err
