"""One fact of each method, on a tiny random model."""

import math

import numpy as np
import pytest
import torch
from cases import canvas, one_slot, streams
from tiny import Tiny

from plait import methods
from plait.budget import Budget
from plait.decode import decode
from plait.measure.arness import global_arness
from plait.parts import Plan, View
from plait.select import Factor
from plait.trace import COMMIT


def run(name, layout=None, **settings):
    return decode(Tiny(), methods.load(name, **settings), canvas(layout))


def test_ar_commits_strictly_from_left_to_right():
    _, traces = run("ar")
    for trace in traces:
        assert (np.diff(trace.position[trace.kind == COMMIT]) > 0).all()


def test_confidence_commits_the_most_probable_position_of_the_canvas():
    start = canvas()
    _, [trace, *_] = decode(Tiny(), methods.load("confidence"), start)
    logits = Tiny()(start, start.masked).double()
    logits[:, start.mask_id] = -math.inf
    row, place = start.masked.nonzero(as_tuple=True)
    best = logits.log_softmax(-1).amax(-1)[row == 0]
    assert trace.position[0] == place[row == 0][best.argmax()]
    assert trace.score[0] == pytest.approx(best.max().item(), rel=1e-4)


@pytest.mark.parametrize("block", [1, 4, 7])
def test_llada_finishes_a_block_before_the_next(block):
    _, traces = run("llada", one_slot(), block=block)
    for trace in traces:
        free = np.flatnonzero(trace.region >= 0)
        blocks = (trace.position[trace.kind == COMMIT] - free[0]) // block
        assert (np.diff(blocks) >= 0).all()


def test_llada_with_blocks_of_one_is_left_to_right():
    assert torch.equal(run("llada", block=1)[0].tokens, run("ar")[0].tokens)


def test_llada_with_one_block_is_confidence_order():
    budget = Budget(tokens_per_round=3)
    one = run("llada", block=100, budget=budget)[0]
    assert torch.equal(one.tokens, run("confidence", budget=budget)[0].tokens)


@pytest.mark.parametrize("limit", [{"threshold": 1.1}, {"factor": 0.0}])
def test_fast_dllm_at_its_limit_is_one_token_per_round(limit):
    done, traces = run("fast_dllm", block=8, **limit)
    plain, reference = run("llada", block=8)
    assert torch.equal(done.tokens, plain.tokens)
    assert [t.rounds for t in traces] == [t.rounds for t in reference]


def test_factor_takes_the_largest_count_that_passes():
    """c = .99, .9, .6, .5 at f = 1: (n+1)(1-c_n) = .02, .3, 1.6, 2.5, so n = 2."""
    start = canvas(one_slot(4), ["1"])
    c = torch.tensor([[0.0, 0.6, 0.99, 0.5, 0.9]])
    plan = Plan(start.masked, torch.zeros_like(start.region), torch.ones(1, 1).long())
    view = View(start, plan, start.masked, 0, torch.zeros(1).long(), start.tokens, c.log())
    assert Factor(1.0)(view, None)[0].tolist() == [[False, False, True, False, True]]
    assert Factor(1.61)(view, None)[0].tolist() == [[False, True, True, False, True]]


def test_nap_moves_every_stream_in_every_window():
    """In each window of ceil(m / b) rounds every unfinished stream commits at least one."""
    for b in (1, 2, 3, 5):
        _, traces = run("nap", budget=Budget(tokens_per_round=b))
        for trace in traces:
            commits = trace.kind == COMMIT
            stream, when = trace.region[trace.position[commits]], trace.round[commits]
            window = math.ceil(3 / b)
            for s in range(3):
                mine = np.unique(when[stream == s])
                assert mine[0] < window
                assert (np.diff(mine) <= 2 * window - 1).all()
                assert b < 3 or (np.diff(mine) == 1).all()


def test_nap_writes_the_summary_after_all_streams():
    _, traces = run("nap", budget=Budget(tokens_per_round=2))
    for trace in traces:
        in_summary = trace.region[trace.position] == 3
        assert trace.round[in_summary].min() > trace.round[~in_summary].max()


def test_nap_opens_the_summary_at_its_share():
    no_end = Tiny()
    no_end.head.bias.data[0] = -1e6
    budget = Budget(tokens_per_round=3)
    decoder = methods.load("nap", budget=budget, summary="open_at", open_at=0.5)
    _, traces = decode(no_end, decoder, canvas())
    for trace in traces:
        in_summary = trace.region[trace.position] == 3
        first = trace.round[in_summary].min()
        written = (~in_summary[trace.round < first]).sum()
        assert 12 <= written <= 12 + 3  # half of 3 x 8, and at most a round to get its turn


def test_nap_concurrent_starts_the_summary_at_once():
    _, traces = run("nap", budget=Budget(tokens_per_round=4), summary="concurrent")
    assert all((t.region[t.position[t.round == 0]] == 3).sum() == 1 for t in traces)


def test_random_order_is_uniform_and_changes_with_the_seed():
    model, start = Tiny(), canvas(one_slot(6), ["1"])
    firsts = []
    for seed in range(300):
        _, [trace] = decode(model, methods.load("random"), start, seed)
        firsts.append(int(trace.position[0]))
    counts = np.bincount(firsts, minlength=7)[1:]
    assert (abs(counts - 50) < 5 * 50**0.5).all()


def test_ar_scores_one_and_nap_does_not():
    layout = streams()
    _, ar = run("ar", layout, budget=Budget(tokens_per_round=4))
    assert all(global_arness(t) == 1 for t in ar)
    _, nap = run("nap", layout, budget=Budget(tokens_per_round=3))
    assert all(global_arness(t) < 0.8 for t in nap)
