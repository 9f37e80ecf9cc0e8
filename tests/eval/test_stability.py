"""What changes between runs, and why: by hand, on models whose numbers are known."""

import json
from dataclasses import replace

import pytest
import torch
from tiny import MASK, VOCAB, Digits, Tiny

from plait import methods
from plait.decode import decode
from plait.eval.stability import Change, Variant, explain, same, variants
from plait.layout import plain


class Fixed:
    """A model whose logits are a table: what is written does not matter."""

    vocab = VOCAB

    def __init__(self, table: torch.Tensor, first: int = 1) -> None:
        self.table, self.first = table, first

    def __call__(self, canvas, where):
        return self.table[where[0].nonzero()[:, 0] - self.first]


def table(*rows: dict[int, float]) -> torch.Tensor:
    """Logits of as many positions; what is not named has -9."""
    made = torch.full((len(rows), VOCAB), -9.0)
    for row, values in zip(made, rows, strict=True):
        for token, logit in values.items():
            row[token] = logit
    return made


def traced(model, canvas):
    _, (trace,) = decode(model, methods.load("confidence"), canvas, 0)
    return trace


def parted(one: torch.Tensor, other: torch.Tensor, dtype=torch.bfloat16):
    canvas = plain(len(one)).build(Digits(), ["5"], [3])
    traces = traced(Fixed(one), canvas), traced(Fixed(other), canvas)
    assert not same(*traces)
    return explain(Fixed(one), canvas, *traces, dtype)


def test_two_tokens_that_tie():
    one = table({4: 3.0, 7: 3.0}, {8: 9.0})
    other = table({4: 3.0, 7: 3.001}, {8: 9.0})
    round, gap, tolerance = parted(one, other)
    assert (round, gap) == (1, 0.0)
    assert tolerance == pytest.approx(8 * 2**-7 * 9)
    assert Change(("t", "1"), "a", "b", round, gap, tolerance).why == "tie"


def test_two_tokens_within_rounding_and_beyond():
    other = table({4: 3.0, 7: 3.2}, {8: 9.0})
    round, gap, tolerance = parted(table({4: 3.1, 7: 3.0}, {8: 9.0}), other)
    assert gap == pytest.approx(0.1, abs=1e-5)
    assert Change(("t", "1"), "a", "b", round, gap, tolerance).why == "rounding"
    round, gap, tolerance = parted(table({4: 3.1, 7: 3.0}, {8: 9.0}), other, torch.float32)
    assert Change(("t", "1"), "a", "b", round, gap, tolerance).why == "unexplained"


def test_two_places_that_tie():
    """The same tokens, but another one comes first: the gap is that of the two places."""
    one, other = table({4: 3.0}, {5: 3.0}), table({4: 3.0}, {5: 3.01})
    round, gap, _ = parted(one, other)
    assert (round, gap) == (0, 0.0)


def test_a_bar():
    """One run commits a position that the other leaves: nothing was chosen in its place."""
    canvas = plain(2).build(Digits(), ["5"], [3])
    model = Fixed(table({4: 9.0}, {5: 3.0}))
    bars = [methods.load("fast_dllm", threshold=t) for t in (0.9, 0.999999)]
    traces = [decode(model, bar, canvas, 0)[1][0] for bar in bars]
    round, gap, tolerance = explain(model, canvas, *traces, torch.float32)
    assert (round, gap) == (0, None)
    assert Change(("t", "1"), "a", "b", round, gap, tolerance).why == "a bar was crossed"


def test_equal_traces_do_not_part():
    canvas = plain(6).build(Digits(), ["12"], [3])
    trace = traced(Tiny(), canvas)
    assert same(trace, replace(trace, seconds=9.0, score=trace.score + 1))
    assert explain(Tiny(), canvas, trace, trace, torch.float32)[:2] == (-1, None)
    assert trace.mask_id == MASK


def test_what_is_compared_with_what():
    found = {
        v.name: (b.name if b else None, by) for v, b, by in variants(["f", "b"], [0, 1], [1, 4])
    }
    assert found == {
        "f-seed0-batch1": (None, "seed"),
        "f-seed0-batch4": ("f-seed0-batch1", "batch"),
        "f-seed0-batch4-shuffled": ("f-seed0-batch1", "order"),
        "f-seed1-batch1": ("f-seed0-batch1", "seed"),
        "f-seed1-batch4": ("f-seed1-batch1", "batch"),
        "f-seed1-batch4-shuffled": ("f-seed1-batch1", "order"),
        "b-seed0-batch1": ("f-seed0-batch1", "precision"),
        "b-seed0-batch4": ("b-seed0-batch1", "batch"),
        "b-seed0-batch4-shuffled": ("b-seed0-batch1", "order"),
        "b-seed1-batch1": ("f-seed1-batch1", "precision"),
        "b-seed1-batch4": ("b-seed1-batch1", "batch"),
        "b-seed1-batch4-shuffled": ("b-seed1-batch1", "order"),
    }
    seen: set[Variant | None] = {None}
    for variant, base, _ in variants(["f", "b"], [0, 1], [1, 4]):
        assert base in seen  # a run comes after what it is compared with
        seen.add(variant)


def run(plait, model, out, *options, methods="confidence,random"):
    rest = ("--tasks", "multiply", "--limit", 3, "--methods", methods, "--out", out)
    return plait("stability", model, *rest, *options)


@pytest.mark.slow
def test_nothing_changes_in_float32_on_a_cpu(plait, model, tmp_path):
    done = run(plait, model, tmp_path, "--batches", "1,3", "--dtypes", "float32,bfloat16")
    assert done.code == 0, done.err
    record = json.loads((tmp_path / "stability.json").read_text())["comparisons"]
    assert len(record) == 2 * 11
    for one in record:
        assert one["n"] == 3
        if one["by"] in ("batch", "order"):
            assert (one["decodings"], one["answers"]) == (0, 0), one
    seeds = {one["method"]: one["decodings"] for one in record if one["by"] == "seed"}
    assert seeds["confidence"] == 0
    assert seeds["random"] == 3  # its order comes from the seed
    assert "| random" in done.out
    before = {p: p.stat().st_mtime_ns for p in tmp_path.glob("runs/*/*/samples.jsonl")}
    assert len(before) == 2 * 12
    run(plait, model, tmp_path, "--batches", "1,3", "--dtypes", "float32,bfloat16")
    assert {p: p.stat().st_mtime_ns for p in before} == before


def test_nothing_changes_with_the_batch(plait, model, tmp_path):
    options = ("--batches", "1,3", "--dtypes", "float32", "--seeds", "0")
    done = run(plait, model, tmp_path, *options, methods="random")
    assert done.code == 0, done.err
    record = json.loads((tmp_path / "stability.json").read_text())["comparisons"]
    assert [one["decodings"] for one in record] == [0, 0]


def test_changes_are_told_one_by_one(plait, model, tmp_path, monkeypatch):
    """A model that looks at its batch: its changes are found, and not explained away."""
    from plait.models.denoiser import NetDenoiser

    honest = NetDenoiser.__call__

    def spoilt(self, canvas, where):
        logits = honest(self, canvas, where)
        return logits.roll(1, -1) if len(canvas.tokens) > 1 else logits

    monkeypatch.setattr(NetDenoiser, "__call__", spoilt)
    options = ("--batches", "1,3", "--dtypes", "float32", "--seeds", "0")
    done = run(plait, model, tmp_path, *options, methods="confidence")
    assert done.code == 0, done.err
    first = json.loads((tmp_path / "stability.json").read_text())["comparisons"][0]
    assert first["by"] == "batch"
    assert first["answers"] == len(first["changes"]) > 0
    assert {change["why"] for change in first["changes"]} == {"unexplained"}
    assert "became" in done.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--batches", "1,x"), "--batches: 'x' is no whole number"),
        (("--seeds", ""), "there is nothing to do"),
        (("--dtypes", "float31"), "unknown dtype 'float31'"),
        (("--batches", "0"), "0"),
    ],
)
def test_bad_input(options, said, plait, model, tmp_path):
    done = run(plait, model, tmp_path, *options)
    assert done.code == 2
    assert said in done.err
    assert done.err.count("\n") == 1
