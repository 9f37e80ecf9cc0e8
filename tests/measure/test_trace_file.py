"""Trace files: lossless, small, written row by row, and never half read."""

import gzip
import json
import runpy
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from cases import PROMPTS, canvas, streams
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tiny import Digits, Tiny
from traces import one_by_one

from plait import methods
from plait.decode import decode
from plait.errors import PlaitError
from plait.measure import trace_file
from plait.measure.label import labelled
from plait.trace import Label, Trace


def same(a, b):
    return all(
        np.array_equal(x, y, equal_nan=x.dtype.kind == "f") if isinstance(x, np.ndarray) else x == y
        for x, y in ((getattr(a, f.name), getattr(b, f.name)) for f in fields(Trace))
    )


def decoded(name="wino", **settings):
    _, traces = decode(Tiny(), methods.load(name, **settings), canvas())
    return [
        labelled(t, Digits(), streams(), prompt) for t, prompt in zip(traces, PROMPTS, strict=True)
    ]


@pytest.mark.parametrize("name", ["nap", "wino", "remdm", "fast_dllm"])
def test_what_is_written_is_read_back(tmp_path, name):
    traces, path = decoded(name), tmp_path / "run.jsonl.gz"
    trace_file.write(path, traces, {"method": name})
    again, conditions = trace_file.read(path)
    assert conditions == {"method": name}
    assert len(again) == len(traces)
    assert all(map(same, traces, again))


@given(hnp.arrays(np.float32, 20, elements=st.floats(-1024, 0, width=32)))
def test_scores_read_back_to_the_last_bit(tmp_path_factory, scores):
    t = replace(one_by_one(range(20)), score=scores)
    path = tmp_path_factory.mktemp("scores") / "t.gz"
    trace_file.write(path, [t], {})
    assert trace_file.read(path)[0][0].score.tobytes() == scores.tobytes()


def test_no_score_stays_no_score(tmp_path):
    t = replace(one_by_one(range(2)), score=np.array([np.nan, -1], dtype=np.float32))
    trace_file.write(tmp_path / "t.gz", [t], {})
    assert np.isnan(trace_file.read(tmp_path / "t.gz")[0][0].score).tolist() == [True, False]


def test_the_costs_of_rounds_end_in_the_totals():
    for t in decoded("wino"):
        assert t.spent.shape == (t.rounds, 3)
        assert t.spent[-1].tolist() == [t.forwards, t.query_tokens, t.seconds]
        assert (np.diff(t.spent, axis=0) >= 0).all()


def test_labels_name_regions_and_tokens():
    t = decoded("nap")[1]
    assert t.label.prompt == "4567f"
    assert t.label.segments == ("stream 1", "stream 2", "stream 3", "summary")
    written = set(t.token.tolist()) - {t.mask_id, t.eos_id}
    assert {token: f"{token:x}" for token in written}.items() <= t.label.pieces.items()


def test_1024_tokens_take_at_most_64_kilobytes(tmp_path):
    """A random order of random tokens with random scores: nothing there to compress."""
    rng = np.random.default_rng(0)
    t = one_by_one(rng.permutation(1024))
    t = replace(
        t,
        token=rng.integers(0, 150_000, 1024).astype(np.int32),
        score=-rng.exponential(1.0, 1024).astype(np.float32),
        spent=np.stack([np.arange(1, 1025), np.arange(1, 1025) * 1100, np.arange(1024)], 1) + 0.0,
    )
    t.spent[:, 2] = np.round(np.cumsum(rng.exponential(0.03, 1024)), 6)
    pieces = {int(token): f" word{token}" for token in np.unique(t.token)}
    t = replace(t, label=Label("A question?", ("answer",), pieces))
    trace_file.write(tmp_path / "t.gz", [t], {})
    assert same(trace_file.read(tmp_path / "t.gz")[0][0], t)
    size = (tmp_path / "t.gz").stat().st_size
    assert size <= 64 * 1024, size


def test_a_trace_is_written_before_the_next_one_is_made(tmp_path, monkeypatch):
    order = []
    monkeypatch.setattr(trace_file, "_record", lambda trace: order.append("written") or {})

    def made():
        for _ in range(2):
            order.append("made")
            yield one_by_one([0])

    trace_file.write(tmp_path / "t.gz", made(), {})
    assert order == ["made", "written"] * 2


def test_a_failure_leaves_nothing_behind(tmp_path):
    def made():
        yield one_by_one([0])
        raise ValueError

    (tmp_path / "t.gz").write_text("old")
    with pytest.raises(ValueError):  # noqa: PT011
        trace_file.write(tmp_path / "t.gz", made(), {})
    assert [p.name for p in tmp_path.iterdir()] == ["t.gz"]
    assert (tmp_path / "t.gz").read_text() == "old"


def lines(path, change=lambda rows: rows):
    """Rewrite a file of two rows after `change` to its lines."""
    trace_file.write(path, [one_by_one(range(3)), one_by_one([2, 1, 0])], {})
    with gzip.open(path, "rt") as file:
        rows = [json.loads(line) for line in file]
    changed = change(rows) or rows
    with gzip.open(path, "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in changed)


BROKEN = {
    "'kind'": lambda rows: rows[2].pop("kind") and None,
    "different lengths": lambda rows: rows[2]["token"].append(1),
    "a position lies outside": lambda rows: rows[2]["position"].__setitem__(0, 3),
    "a round lies outside": lambda rows: rows[2]["round"].__setitem__(2, 3),
    "a kind lies outside": lambda rows: rows[2]["kind"].__setitem__(0, 4),
    "a region lies outside": lambda rows: rows[2]["region"].__setitem__(0, 10**6),
    "order of their rounds": lambda rows: rows[2].update(round=[2, 1, 0]),
    "one entry per round": lambda rows: rows[2].update(spent=[[1, 2, 3.0]]),
    "unexpected keyword": lambda rows: rows[2].update(more=1),
}


@pytest.mark.parametrize("wrong", BROKEN)
def test_a_broken_row_is_named(tmp_path, wrong):
    path = tmp_path / "t.gz"
    lines(path, BROKEN[wrong])
    with pytest.raises(PlaitError, match=r"t\.gz, row 2: cannot be read") as caught:
        trace_file.read(path)
    assert wrong in str(caught.value)
    lines(path)
    assert len(trace_file.read(path)[0]) == 2


def test_files_that_are_no_traces_are_named(tmp_path):
    path = tmp_path / "t.gz"
    with pytest.raises(PlaitError, match="there is no trace file"):
        trace_file.read(path)
    with pytest.raises(PlaitError, match="is a folder"):
        trace_file.read(tmp_path)
    path.write_text('{"format": "plait-trace"}')
    with pytest.raises(PlaitError, match="is not gzipped"):
        trace_file.read(path)
    with gzip.open(path, "wt") as file:
        file.write('{"other": 1}\n')
    with pytest.raises(PlaitError, match="is not a trace file"):
        trace_file.read(path)
    lines(path, lambda rows: rows[0].update(version=3))
    with pytest.raises(PlaitError, match=r"has version 3 .* reads versions up to 2"):
        trace_file.read(path)


def test_version_1_had_no_costs_and_no_texts(tmp_path):
    path = tmp_path / "t.gz"

    def older(rows):
        rows[0]["version"] = 1
        for row in rows[1:]:
            del row["spent"], row["label"]

    lines(path, older)
    one, _ = trace_file.read(path)[0]
    assert (one.spent.shape, one.label) == ((0, 3), None)
    assert one.position.tolist() == [0, 1, 2]


def test_a_truncated_file_names_the_row_that_is_torn(tmp_path):
    path = tmp_path / "t.gz"
    trace_file.write(path, decoded("nap") * 30, {})
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(PlaitError, match=r"t.gz, row \d+: cannot be read .*ends too early"):
        trace_file.read(path)


@pytest.mark.slow
def test_tracing_costs_at_most_two_percent_of_a_decode():
    """A canvas of 1,024 free positions, 8 rounds, the shape of the model in the box."""
    bench = runpy.run_path(str(Path(__file__).parents[2] / "bench" / "trace_cost.py"))
    model, net = bench["loaded"]("cpu")
    found = bench["measure"](model, net, 128)
    assert found["rounds"] == 8
    assert found["recording_share"] + found["writing_share"] <= 0.02
