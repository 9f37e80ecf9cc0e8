"""`plait trace`."""

import json

import pytest

PROMPT = "What is 42 * 23?"


@pytest.fixture(scope="module")
def runs(model, tmp_path_factory):
    """Trace files of two methods, two prompts each."""
    from plait.cli import main

    folder = tmp_path_factory.mktemp("runs")
    for name in ("nap", "wino"):
        args = ["generate", PROMPT, "3 * 5 = ?", "--model", model, "--method", name]
        assert main([*args, "--trace", str(folder / f"{name}.trace")]) == 0
    return folder


def test_show_tells_every_metric(plait, runs):
    said = plait("trace", "show", runs / "nap.trace")
    assert said.code == 0
    assert "2 traces; means over them" in said.out
    for name in ("arness.global@1", "pairs.tau", "interleaving.entropy", "information.bits"):
        assert name in said.out
    assert "method nap" in said.out


def test_show_as_json_has_a_line_per_trace(plait, runs):
    said = plait("trace", "show", runs / "nap.trace", "--json", "--metric", "arness")
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert [row["row"] for row in rows] == [1, 2]
    assert 0 <= rows[0]["arness.global@1"] <= 1


def test_a_metric_that_is_not_defined_names_file_and_row(plait, runs):
    said = plait("trace", "show", runs / "wino.trace", "--metric", "information")
    assert said.code == 2
    assert "wino.trace, row 2: information per round is defined for" in said.err
    assert plait("trace", "show", runs / "wino.trace").code == 0


def test_diff_of_equal_and_different_runs(plait, runs):
    same = plait("trace", "diff", runs / "nap.trace", runs / "nap.trace", "--json")
    assert same.code == 0
    assert json.loads(same.out.splitlines()[0])["first_round"] is None
    other = plait("trace", "diff", runs / "nap.trace", runs / "wino.trace")
    assert other.code == 1
    assert "first round" in other.out


def test_replay_ends_with_the_answer(plait, runs):
    said = plait("trace", "replay", runs / "nap.trace", "--row", 2)
    assert said.code == 0
    assert "3 * 5 = ?" in said.out
    assert "summary" in said.out


def test_html_of_one_and_of_two(plait, runs, tmp_path):
    out = tmp_path / "page.html"
    assert plait("trace", "html", runs / "nap.trace", "-o", out).code == 0
    one = out.read_text()
    both = plait("trace", "html", runs / "nap.trace", runs / "wino.trace", "-o", out)
    assert (both.code, both.err) == (0, "")
    assert "wino.trace" in out.read_text()
    assert "wino.trace" not in one


def test_import_and_show(plait, tmp_path, model):
    source, out = tmp_path / "run.json", tmp_path / "run.trace"
    source.write_text("[[1, 9, 9], [1, 9, 5], [1, 4, 5]]")
    args = ("trace", "import", source, "-o", out, "--mask-id", 9)
    assert plait(*args).out == f"{out} holds the traces of 1 row\n"
    row = json.loads(plait("trace", "show", out, "--json", "--metric", "arness").out)
    assert row["arness.global@1"] == 0.5
    said = plait("trace", "show", out)
    assert said.code == 0
    assert "needs scores" in said.out
    assert plait(*args, "--tokenizer", model).code == 0
    assert plait("trace", "html", out, "-o", tmp_path / "page.html").code == 0


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["show", "none.trace"], "there is no trace file"),
        (["show", "{nap}", "--metric", "arnes"], "did you mean 'arness'"),
        (["show", "{nap}", "{nap}"], "takes 1 file"),
        (["diff", "{nap}"], "takes 2 files"),
        (["html", "{nap}"], "name it with -o"),
        (["html", "{nap}", "-o", "{nap}"], "name a file that is not read"),
        (["html", "{nap}", "-o", "no/where.html"], "there is no folder"),
        (["html", "{nap}", "-o", "x.html", "--row", "7"], "has rows 1 to 2; there is no row 7"),
        (["import", "{nap}", "-o", "x.trace", "--form", "logs"], "no form 'logs'"),
        (["shew", "{nap}"], "shew"),
    ],
)
def test_mistakes_are_one_sentence(plait, runs, tmp_path, monkeypatch, args, said):
    monkeypatch.chdir(tmp_path)
    result = plait("trace", *(arg.format(nap=runs / "nap.trace") for arg in args))
    assert result.code == 2
    assert said in result.err
    assert result.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
