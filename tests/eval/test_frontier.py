"""The frontier: cells that are kept, paired comparisons, AUP, one table and one figure."""

import json
import math
from dataclasses import replace

import pytest

from plait.eval.frontier import Cell, aup, aups, reference, table
from plait.eval.results import Sample


def cell(method: str, budget: int | None, right: list[int], rounds: int = 10, forwards: int = 10):
    samples = [
        Sample(
            {
                "task": "t",
                "id": f"{i}",
                "correct": bool(correct),
                "trace": [0, 1],
                "rounds": rounds,
                "forwards": forwards,
                "query_tokens": 5,
                "answer_tokens": 20,
                "arness": {"global@1": 0.5},
                "clock": 0.5,
            }
        )
        for i, correct in enumerate(right)
    ]
    return Cell(method, "", budget, tuple(samples))


def test_aup_without_loss_is_the_area():
    assert aup([(1, 70), (2, 70), (4, 70)], best=70) == pytest.approx(4 * 70)
    assert aup([(3, 50)], best=80) == 150
    assert math.isnan(aup([], best=1))
    assert aup([(1, 0), (2, 0)], best=0) == 0


def test_aup_by_hand():
    """Two points, of which the second lost 2 of 80: it weighs exp(-3 * 2 / 80)."""
    weighted = 78 * math.exp(-3 * 2 / 80)
    assert aup([(4, 78), (1, 80)], best=80) == pytest.approx(80 + 3 * (80 + weighted) / 2)


def test_aup_leaves_out_what_lost_more_than_five_points():
    points = [(1, 80), (2, 79)]
    assert aup([*points, (9, 74.9)], 80) == aup(points, 80)
    assert aup([*points, (9, 75)], 80) > aup(points, 80)


def test_aup_is_compared_on_one_scale():
    """The best of all methods is the measure: a method alone would be its own."""
    both = [cell("a", 1, [1] * 8 + [0] * 2), cell("a", 2, [1] * 8 + [0] * 2, 5, 5)]
    better = [*both, cell("b", 1, [1] * 10)]
    assert aups(both)["a"] == pytest.approx(80 * 4)
    assert aups(better)["a"] < aups(both)["a"]


def test_the_comparison_is_paired_by_problem():
    one, other = cell("a", 1, [1, 1, 0, 0]), cell("b", 1, [0, 1, 1, 1])
    difference = other.against(one)
    assert (difference.gained, difference.lost, difference.n) == (2, 1, 4)
    shuffled = Cell("b", "", 1, tuple(reversed(other.samples)))
    assert shuffled.against(one) == difference


def test_options_make_one_curve():
    """Thresholds sweep a method as budgets do."""
    low, high = cell("c", None, [1, 1], 4, 4), cell("c", None, [1, 1], 8, 8)
    cells = [replace(low, options="threshold=0.5"), replace(high, options="threshold=0.9")]
    assert [c.name for c in cells] == ["c:threshold=0.5", "c:threshold=0.9"]
    assert aups(cells) == {"c": pytest.approx(100 * 20 / 4)}


def test_what_is_compared_with_what():
    cells = [
        cell("a", 1, [1], 20),
        cell("a", 4, [1], 5),
        cell("b", 4, [0], 6),
        cell("c", None, [0], 19),
    ]
    assert [r and r.name for r in (reference(c, cells) for c in cells)] == [
        None,
        None,
        "a@4",
        "a@1",
    ]
    text = table(cells)
    assert "-100.0" in text
    assert "| b@4" in text
    assert "AUP" in text


def run(plait, model, out, *options, methods="confidence,ar", budgets="2,6"):
    rest = ("--methods", methods, "--tokens-per-round", budgets, "--limit", 2, "--out", out)
    return plait("frontier", model, "--task", "multiply", *rest, *options)


def test_only_new_cells_are_computed(plait, model, tmp_path):
    done = run(plait, model, tmp_path)
    assert done.code == 0, done.err
    kept = {p: p.stat().st_mtime_ns for p in tmp_path.glob("cells/*/*/samples.jsonl")}
    assert len(kept) == 4
    more = run(plait, model, tmp_path, methods="confidence,ar,fast_dllm:threshold=0.5,nap")
    assert more.code == 0, more.err
    assert {p: p.stat().st_mtime_ns for p in kept} == kept
    names = {p.parent.name for p in tmp_path.glob("cells/*/*/samples.jsonl")}
    assert names == {
        *("confidence@2", "confidence@6", "ar@2", "ar@6"),
        *("nap@2", "nap@6", "fast_dllm:threshold=0.5"),
    }
    record = json.loads((tmp_path / "multiply.json").read_text())
    assert [(c["method"], c["options"], c["tokens_per_round"]) for c in record["cells"]][-3:] == [
        ("fast_dllm", "threshold=0.5", None),
        ("nap", "", 2),
        ("nap", "", 6),
    ]
    assert set(record["aup"]) == {"confidence", "ar", "fast_dllm", "nap"}
    assert "method" not in record["settings"]
    assert "| nap@6" in (tmp_path / "multiply.md").read_text()
    assert more.out.startswith("| cell")


def test_the_figure_is_one_that_can_be_opened(plait, model, tmp_path):
    pytest.importorskip("matplotlib")
    from matplotlib.image import imread

    run(plait, model, tmp_path, budgets="4")
    assert imread(tmp_path / "multiply.png").shape == (1080, 1350, 4)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"methods": "naq"}, "unknown method 'naq'"),
        ({"methods": ""}, "there is nothing to do"),
        ({"methods": "nap:threshold"}, "write it as --set key=value"),
        ({"methods": "fast_dllm:treshold=1"}, "did you mean 'threshold'"),
        ({"budgets": "1,x"}, "--tokens-per-round: 'x' is no whole number"),
        ({"budgets": "0"}, "0"),
        ({"budgets": ""}, "there is nothing to do"),
    ],
)
def test_bad_input(options, said, plait, model, tmp_path):
    done = run(plait, model, tmp_path, **options)
    assert done.code == 2
    assert said in done.err
    assert done.err.count("\n") == 1
    assert not any(tmp_path.iterdir())
