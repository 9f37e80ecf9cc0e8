"""Facts of token editing: written tokens are bettered or masked again."""

import numpy as np
import pytest
import torch
from cases import canvas, one_slot
from revising import full, view_of
from tiny import MASK, Tiny

from plait import methods
from plait.decode import decode
from plait.errors import PlaitError
from plait.revise import BARS, Keep, Remask, Revise
from plait.trace import COMMIT, RETRACT, REWRITE


def test_editing_above_one_changes_nothing():
    start = canvas(one_slot(20))
    done, traces = decode(Tiny(), methods.load("edit", block=8, above=1.1), start)
    plain, _ = decode(Tiny(), full("fast_dllm", block=8, threshold=0.7), start)
    assert torch.equal(done.tokens, plain.tokens)
    assert all((t.kind == COMMIT).all() for t in traces)


def test_editing_ends_when_no_token_is_bettered():
    start = canvas(one_slot(8), list("123456789abcdef"))
    decoder = methods.load("edit", block=8, threshold=0.3, above=0.9)
    done, traces = decode(Tiny(), decoder, start)
    free = ~done.given
    p = Tiny()(done, free).index_fill(-1, torch.tensor([MASK]), -torch.inf).softmax(-1)
    better = ((p.argmax(-1) != done.tokens[free]) & (p.amax(-1) >= 0.9)).reshape(-1, 8).any(1)
    assert sum((t.kind == REWRITE).any() for t in traces) > 3
    calm = [t.rounds - 1 > t.round.max() for t in traces]  # its last round changed nothing
    assert 0 < sum(calm) < len(calm)
    for trace, quiet, some in zip(traces, calm, better.tolist(), strict=True):
        assert not (quiet and some)
        full_at = trace.round[trace.kind == COMMIT].max()
        assert quiet or trace.rounds == full_at + 1 + 16


def test_edits_stay_in_their_block():
    start = canvas(one_slot(24), ["123"])
    _, [trace] = decode(Tiny(), methods.load("edit", block=6, threshold=0.05), start)
    first = int(np.flatnonzero(trace.region >= 0)[0])
    block = (trace.position - first) // 6
    assert (trace.kind == REWRITE).any()
    assert (np.diff(block) >= 0).all()


@pytest.mark.parametrize(("detector", "bar"), [("low", None), ("other", None), ("moved", 0.05)])
def test_token_to_mask_takes_a_position_back_three_times_at_most(detector, bar):
    start = canvas(one_slot(24))
    decoder = methods.load("edit", block=12, threshold=0.6, to="mask", detector=detector, bar=bar)
    _, traces = decode(Tiny(sharp=6), decoder, start)
    counts = [np.bincount(t.position[t.kind == RETRACT]) for t in traces]
    assert max(c.max(initial=0) for c in counts) in (1, 2, 3)


def test_detectors_by_hand():
    view = view_of([5, 6, 7, MASK], [5, 9, 9, 9], [0.6, 0.95, 0.6, 0.95], [0.6, 0.04, 0.2, 0.0])
    commit = torch.zeros_like(view.open)
    erased = lambda part: part(view, commit, part.init(view.canvas))[0].erase[0, 1:].tolist()  # noqa: E731
    assert erased(Remask("low")) == [False, True, False, False]
    assert erased(Remask("other")) == [False, True, False, False]
    assert erased(Remask("other", 0.5)) == [False, True, True, False]
    assert erased(Remask("moved")) == [False] * 4  # nothing was looked at before
    assert erased(Remask("low", 0.3, times=0)) == [False] * 4
    rewrite = Revise(0.9)(view, commit, None)[0].rewrite[0, 1:].tolist()
    assert rewrite == [False, True, False, False]
    assert set(BARS) == {"low", "other", "moved"}
    assert not Keep()(view, commit, None)[0].erase.any()


@pytest.mark.parametrize(
    "wrong", [{"to": "word"}, {"above": -1.0}, {"post": -1}, {"to": "mask", "detector": "x"}]
)
def test_editing_refuses_settings_out_of_range(wrong):
    with pytest.raises(PlaitError):
        methods.load("edit", **wrong)
