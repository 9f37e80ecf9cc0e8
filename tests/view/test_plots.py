"""Figures hold the numbers that they show."""

import json
import sys

import numpy as np
import pytest
from traces import lock_step, one_by_one, trace

from plait.errors import PlaitError
from plait.measure import trace_file
from plait.trace import COMMIT, RETRACT

pytest.importorskip("matplotlib", reason="matplotlib is not installed")
from plait.view import plots

PNG = b"\x89PNG"


def rows(n=40, gain=2.0):
    rng = np.random.default_rng(0)
    return [
        {
            "tokens": [10, 10, int(size)],
            "alone": [-9.0, -9.0, -9.0],
            "joint": [-9.0, -9.0 + gain, -9.0 + gain],
            "order": [0, 1, 2],
            "shuffled": [-9.0, -9.0, -9.0],
        }
        for size in rng.integers(5, 90, n)
    ]


def test_a_heat_map_shows_each_write_at_its_place():
    t = trace([[1], [3], [1], [1]], 4, [-1, 0, -2, 1], [COMMIT, COMMIT, RETRACT, COMMIT])
    t.score[:] = np.log([0.25, 0.5, 1, 1])
    axes = plots.heat(t).axes[0]
    wrote, back = axes.collections[:2]
    assert wrote.get_offsets().tolist() == [[0, 1], [1, 2], [0, 4]]
    assert wrote.get_array().tolist() == pytest.approx([0.25, 0.5, 1])
    assert back.get_offsets().tolist() == [[0, 3]]
    assert [line.get_xdata()[0] for line in axes.lines] == [0.5]


def test_what_is_sure_is_dark_and_what_is_not_known_is_grey():
    t = trace([[0], [1], [2]], 3)
    t.score[:] = np.log([0.01, 1, 1])
    t.score[2] = np.nan
    points = plots.heat(t).axes[0].collections[0]
    unsure, sure, unknown = points.to_rgba(points.get_array())[:, :3].tolist()
    assert sum(sure) < 1 < 2 < sum(unsure)
    assert unknown == pytest.approx([0.7] * 3)


def test_a_figure_without_matplotlib_says_which_extra_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(PlaitError, match=r"plait\[plots\]"):
        plots.heat(trace([[0]], 1))


def test_arness_curves_are_means():
    figure = plots.arness({"left": [one_by_one(range(8))], "right": [one_by_one(range(8)[::-1])]})
    left, right = figure.axes
    assert left.lines[0].get_ydata().tolist() == [1] * len(plots.KS)
    assert left.lines[1].get_ydata().tolist() == pytest.approx([min(k, 8) / 8 for k in plots.KS])
    assert right.lines[1].get_ydata().tolist() == [0] * len(plots.KS)


def test_seqdep_is_shown_by_length_and_by_place():
    figure = plots.dependence({"a": rows(), "b": rows(gain=0.0)})
    left, right = figure.axes
    line = left.lines[0].get_ydata()
    assert line.tolist() == pytest.approx([2.0] * len(line))
    joint, shuffled = right.lines[:2]
    assert joint.get_xdata().tolist() == [2, 3]
    assert joint.get_ydata()[0] == pytest.approx(0.2)
    assert shuffled.get_ydata().tolist() == [0, 0]
    assert shuffled.get_linestyle() == "--"


@pytest.mark.parametrize("ending", [".png", ".svg"])
def test_the_command_writes_figures(plait, tmp_path, ending):
    run, table, out = tmp_path / "run.trace", tmp_path / "rows.jsonl", tmp_path / f"out{ending}"
    trace_file.write(run, [lock_step(3, 4)], {})
    table.write_text("".join(json.dumps(row) + "\n" for row in rows()))
    for kind, source in (("heat", run), ("arness", run), ("seqdep", table)):
        result = plait("plot", kind, source, "-o", out)
        assert (result.code, result.err) == (0, "")
        data = out.read_bytes()
        assert data.startswith(PNG if ending == ".png" else b"<?xml")
        plait("plot", kind, source, "-o", out)
        assert out.read_bytes() == data
        out.unlink()


def test_mistakes_are_sentences(plait, tmp_path):
    run, table = tmp_path / "run.trace", tmp_path / "rows.jsonl"
    trace_file.write(run, [lock_step(3, 4)], {})
    table.write_text('{"tokens": [1], "alone": []}\n{}\n')
    for args, said in (
        (("heat", run, "-o", tmp_path / "x.gif"), "a figure ends on .png"),
        (("heat", run, run, "-o", tmp_path / "x.png"), "one file"),
        (("heat", run, "--row", 2, "-o", tmp_path / "x.png"), "holds 1 traces"),
        (("arness", "none", "-o", tmp_path / "x.png"), "there is no trace file"),
        (("seqdep", table, "-o", tmp_path / "x.png"), "rows.jsonl, line 2"),
        (("seqdep", "none", "-o", tmp_path / "x.png"), "there is no file"),
        (("seqdep", run, "-o", tmp_path / "x.png"), "run.trace, line 1: this is no row"),
    ):
        result = plait("plot", *args)
        assert result.code == 2
        assert said in result.err
    assert not (tmp_path / "x.png").exists()
    with pytest.raises(PlaitError, match="no text has two segments"):
        plots.dependence({"a": [{"tokens": [1], "alone": []}]})
