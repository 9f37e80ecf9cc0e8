"""Importing what other programs keep: the trace that plait would have written comes back."""

import json

import numpy as np
import pytest
import torch
from cases import canvas, one_slot
from tiny import EOS, MASK, Tiny
from traces import one_by_one, trace

from plait import methods
from plait.decode import decode
from plait.errors import PlaitError
from plait.measure.arness import global_arness, local_arness
from plait.measure.difference import difference
from plait.measure.histories import from_canvases, from_steps
from plait.measure.history_file import read
from plait.trace import COMMIT, RETRACT, REWRITE


def watched(name, **settings):
    """A decode, with the canvas after each round as a foreign generator would keep it."""
    kept = []
    start = canvas(one_slot(12), ["123"])
    _, (t,) = decode(
        Tiny(), methods.load(name, **settings), start,
        watch=lambda done, rows: kept.append(done.canvas.tokens[0].tolist()),
    )  # fmt: skip
    return t, start.tokens[0].tolist(), kept


@pytest.mark.parametrize("name", ["llada", "random", "wino", "remdm"])
@pytest.mark.parametrize("first", [True, False], ids=["with start", "without"])
def test_canvases_give_the_order_of_the_trace(name, first):
    t, start, kept = watched(name)
    found = from_canvases([start, *kept] if first else kept, MASK, EOS, prompt_length=3)
    assert found.rounds == t.rounds
    assert found.replay().tolist() == t.replay().tolist()
    assert found.region.tolist() == t.region.tolist()
    changes = {COMMIT, REWRITE, RETRACT}
    assert set(found.kind.tolist()) <= changes
    if not (t.kind == 3).any():
        for k in (1, 2):
            assert global_arness(found, k) == global_arness(t, k)
            assert local_arness(found, k) == local_arness(t, k)
        assert difference(found, t)["same_rounds"] == 1


def test_kinds_by_hand():
    found = from_canvases([[7, 9, 9], [7, 1, 9], [7, 2, 9], [7, 9, 3], [7, 4, 3]], 9)
    assert found.start.tolist() == [7, 9, 9]
    assert found.region.tolist() == [-1, 0, 0]
    events = [*zip(found.round, found.kind, found.position, found.token, strict=True)]
    assert events == [
        (0, COMMIT, 1, 1), (1, REWRITE, 1, 2), (2, COMMIT, 2, 3), (2, RETRACT, 1, 9),
        (3, COMMIT, 1, 4),
    ]  # fmt: skip
    assert np.isnan(found.score).all()


def test_steps_give_the_order():
    found = from_steps([5, 6, 7, 8], [3, 5, 3, -1], mask_id=9, prompt=[1])
    assert found.start.tolist() == [1, 9, 9, 9, 8]
    assert found.region.tolist() == [-1, 0, 0, 0, -1]
    assert found.rounds == 3
    assert found.round.tolist() == [0, 0, 2]
    assert found.position.tolist() == [1, 3, 2]
    assert found.replay().tolist() == [1, 5, 6, 7, 8]


@pytest.mark.parametrize("ending", [".json", ".jsonl", ".npy", ".pt"])
def test_files_of_histories(tmp_path, ending):
    """Two rows in a batch, three steps: [steps, rows, positions]."""
    history = [[[7, 1, 9], [7, 9, 9]], [[7, 1, 9], [7, 9, 2]], [[7, 1, 3], [7, 4, 2]]]
    path = tmp_path / f"run{ending}"
    if ending == ".npy":
        np.save(path, np.array(history))
    elif ending == ".pt":
        torch.save([torch.tensor(step) for step in history], path)
    else:
        path.write_text(json.dumps({"history": history} if ending == ".jsonl" else history))
    one, other = read(path, "canvases", {"mask_id": 9, "prompt_length": 1})
    assert one.position.tolist() == [1, 2]
    assert other.position.tolist() == [2, 1]
    assert global_arness(one) == 1
    assert global_arness(other) == 0.5


def test_a_file_of_step_maps(tmp_path):
    path = tmp_path / "steps.jsonl"
    rows = [{"tokens": [1, 2], "step_map": [0, 1]}, {"tokens": [1, 2], "steps": [1, 0]}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [global_arness(t) for t in read(path, "steps", {})] == [1, 0.5]


FAULTS = {
    "list of canvases of one length": [[1, 9], [1]],
    "no canvas holds the mask token 9": [[1, 2], [1, 3]],
    "whole numbers": [[1.5, 9.0]],
    "2 regions for 3 positions": {"histories": [[1, 9, 9]], "regions": [0, 0]},
    "there are no canvases": {"other": 1},
}


@pytest.mark.parametrize("said", FAULTS)
def test_faults_of_histories_name_file_and_record(tmp_path, said):
    path = tmp_path / "run.jsonl"
    path.write_text(json.dumps({"histories": [[1, 9]]}) + "\n" + json.dumps(FAULTS[said]) + "\n")
    with pytest.raises(PlaitError, match=r"run.jsonl, line 2: ") as caught:
        read(path, "canvases", {"mask_id": 9})
    assert said in str(caught.value) or "inhomogeneous" in str(caught.value)


def test_other_faults_of_imports(tmp_path):
    path = tmp_path / "run.jsonl"
    with pytest.raises(PlaitError, match="there is no file"):
        read(path, "canvases", {})
    with pytest.raises(PlaitError, match="no form 'canvas'"):
        read(path, "canvas", {})
    path.write_text("")
    with pytest.raises(PlaitError, match="holds no records"):
        read(path, "canvases", {"mask_id": 9})
    path.write_text("[[1, 9]]")
    with pytest.raises(PlaitError, match="give --mask-id"):
        read(path, "canvases", {})
    with pytest.raises(PlaitError, match="needs 'tokens' and 'steps'"):
        read(path, "steps", {})
    path.write_text('{"tokens": [1], "steps": [1, 2]}')
    with pytest.raises(PlaitError, match="1 tokens and 2 steps"):
        read(path, "steps", {})
    path.write_text('{"tokens": [1], "steps": [-1]}')
    with pytest.raises(PlaitError, match="no token has a step"):
        read(path, "steps", {})
    path.write_text("{")
    with pytest.raises(PlaitError, match="cannot be read as a history"):
        read(path, "steps", {})
    pickled = tmp_path / "run.pt"
    torch.save({"a": print}, pickled)
    with pytest.raises(PlaitError, match="cannot be read as a history"):
        read(pickled, "canvases", {})


def test_differences_by_hand():
    one = trace([[0, 1], [2]], 3)
    other = trace([[0], [1], [2]], 3)
    assert difference(one, one) == {
        "first_round": None, "rounds": [2, 2], "same_tokens": 1, "same_rounds": 1, "order": 1,
    }  # fmt: skip
    found = difference(one, other)
    assert (found["first_round"], found["rounds"]) == (1, [2, 3])
    assert found["same_rounds"] == pytest.approx(1 / 3)
    assert found["order"] == 1  # 0-2 and 1-2; 0-1 is tied in one of them
    assert difference(other, one_by_one([2, 1, 0]))["order"] == 0
    with pytest.raises(PlaitError, match="different lengths or regions"):
        difference(one, one_by_one(range(4)))
    one.start.setflags(write=True)
    given = trace([[1]], 2, region=[-1, 0])
    moved = trace([[1]], 2, region=[-1, 0])
    moved.start[0] = 3
    with pytest.raises(PlaitError, match="different prompts"):
        difference(given, moved)
