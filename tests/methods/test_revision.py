"""One fact of each method that takes back by comparing (RCR, Saber, WINO)."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from cases import canvas, one_slot
from revising import Steady, full, view_of
from tiny import MASK, Tiny

from plait import methods
from plait.budget import Budget
from plait.decode import decode
from plait.errors import PlaitError
from plait.methods.saber import Backtrack
from plait.shadow import Shadow, shadowed
from plait.trace import COMMIT, RETRACT


def masks_after(decoder, start, model=None):
    """How many masks each row has before the first and after each round."""
    counts = [start.masked.sum(1).tolist()]
    watch = lambda done, rows: counts.append(done.canvas.masked.sum(1).tolist())  # noqa: E731
    _, traces = decode(model or Tiny(), decoder, start, watch=watch)
    return counts, traces


# RCR


@pytest.mark.parametrize("budget", [{"rounds": 7}, {"tokens_per_round": 3}, {}])
def test_rcr_with_constant_scores_is_llada_with_one_block(budget):
    start, budget = canvas(one_slot(20)), Budget(**budget)
    mine, traces = decode(Steady(), methods.load("rcr", block=99, budget=budget), start)
    llada, reference = decode(Steady(), full("llada", block=99, budget=budget), start)
    assert torch.equal(mine.tokens, llada.tokens)
    for trace, other in zip(traces, reference, strict=True):
        assert trace.position.tolist() == other.position.tolist()
        assert trace.round.tolist() == other.round.tolist()


def test_rcr_gains_its_quota_and_takes_tokens_back():
    start = canvas(one_slot(20), ["123"])
    decoder = methods.load("rcr", block=5, budget=Budget(tokens_per_round=2))
    counts, [trace] = masks_after(decoder, start)
    # a block of 5 gains 2, 2 and then the last 1
    assert np.diff([c for [c] in counts]).tolist() == [-2, -2, -1] * 4
    back = trace.kind == RETRACT
    assert back.any()
    again = set(trace.position[back].tolist())
    assert all((trace.position[trace.kind == COMMIT] == p).sum() > 1 for p in again)


def test_rcr_keeps_the_surest_of_all_that_was_predicted():
    start, kept = canvas(one_slot(12), ["123"]), []
    decoder = methods.load("rcr", block=99, budget=Budget(tokens_per_round=3))
    noted = torch.zeros(start.tokens.shape)

    def watch(done, rows):
        nonlocal noted
        noted = torch.where(done.view.open, done.view.chosen, noted)
        written = (~done.canvas.masked & ~done.canvas.given)[0]
        best = noted[0].masked_fill(done.canvas.given[0], -torch.inf).topk(int(written.sum()))
        kept.append(set(best.indices.tolist()) == set(written.nonzero()[:, 0].tolist()))

    decode(Tiny(), decoder, start, watch=watch)
    assert all(kept)
    assert len(kept) == 4


# Saber


@pytest.mark.parametrize("sure", [0.3, 0.9, 1.1])
def test_saber_without_backtracking_and_with_a_fixed_bar_is_fast_dllm(sure):
    start = canvas(one_slot(20))
    mine = full("saber", block=8, least=1, backtrack=False, threshold=sure)
    done, traces = decode(Tiny(), mine, start)
    plain, reference = decode(Tiny(), full("fast_dllm", block=8, threshold=sure), start)
    assert torch.equal(done.tokens, plain.tokens)
    assert [t.rounds for t in traces] == [t.rounds for t in reference]


def test_saber_commits_what_beats_the_mean_of_all_commits():
    start = canvas(one_slot(24), ["123"])
    _, [trace] = decode(Steady(), methods.load("saber", block=6, backtrack=False), start)
    chosen = np.exp(trace.score)
    assert (trace.round == 0).sum() == 2  # the bar is 1 at first, so the best two
    wide = [r for r in range(1, trace.rounds) if (trace.round == r).sum() > 2]
    assert wide
    for r in wide:
        assert chosen[trace.round == r].min() > chosen[trace.round < r].mean()


@pytest.mark.parametrize("reading", ["argmax", "placed"])
def test_saber_takes_back_an_eighth_and_always_gains_one(reading):
    start = canvas(one_slot(40), ["123"])
    seen = []

    def watch(done, rows):
        before, after = done.view.canvas, done.canvas
        gained = int(before.masked.sum() - after.masked.sum())
        seen.append((gained, bool(after.masked.any()), done.view.open.sum().item()))

    decoder = methods.load("saber", reading=reading)
    _, [trace] = decode(Tiny(), decoder, start, watch=watch)
    assert (trace.kind == RETRACT).any()
    assert all(gained >= 1 for gained, _, _ in seen)
    # with f commits max(1, ceil(f / 8)) come back, so f = 2 gains 1 and f = 9 gains 7
    assert all(
        gained in {f - max(1, -(-f // 8)) for f in range(2, 41)} for gained, more, _ in seen if more
    )


def test_saber_backtracks_by_hand():
    """Nine commits: an eighth rounded up is 2, those whose confidence fell most, or rose least."""
    view = view_of([5, 6] + [MASK] * 10, [5, 9] + [7] * 10, [0.9] * 12, [0.2, 0.8] + [0.0] * 10)
    commit = view.open & (view.canvas.pos <= 11)
    before = torch.tensor([[0.0, 0.9, 0.95, 0.8, 0.2, *[0.1] * 8]])
    erased = {
        reading: Backtrack(2, reading)(view, commit, before)[0].erase[0].nonzero()[:, 0].tolist()
        for reading in ("argmax", "placed")
    }
    assert erased == {"argmax": [1, 2], "placed": [1, 2]}
    fresh = torch.tensor([[0.0, 0.1, 0.1, 0.8, 0.2, *[0.1] * 8]])
    now = {
        r: Backtrack(2, r)(view, commit, fresh)[0].erase[0].nonzero()[:, 0].tolist() for r in erased
    }
    assert now == {"argmax": [3, 4], "placed": [1, 3]}
    assert not Backtrack(2, "argmax")(view, view.open, before)[0].erase.any()  # the block is full
    more = Backtrack(6, "argmax")(view, commit, before)[0].erase.sum()
    assert more == 3  # half of the least


def test_the_two_readings_of_saber_differ():
    start = canvas(one_slot(40))
    one, two = (
        decode(Tiny(), methods.load("saber", reading=r), start)[1] for r in ("argmax", "placed")
    )
    assert any(a.position.tolist() != b.position.tolist() for a, b in zip(one, two, strict=True))


# WINO


def test_wino_that_drafts_nothing_is_the_one_token_decoder():
    start = canvas(one_slot(20))
    done, traces = decode(Tiny(), methods.load("wino", block=8, draft=1.1), start)
    plain, reference = decode(Tiny(), full("llada", block=8), start)
    assert torch.equal(done.tokens, plain.tokens)
    assert [t.rounds for t in traces] == [t.rounds for t in reference]


def test_a_shadow_does_not_see_its_original_and_is_not_seen():
    """With one layer of attention; with more, the original is heard of from third parties."""
    start, model = canvas(one_slot(10)), Tiny(layers=1)
    place = torch.arange(start.tokens.shape[1]) - (start.length[:, None] - 10)
    half = start.write(start.masked & (place % 2 == 0), torch.full_like(start.tokens, 3))
    where = ~half.given
    logits, _ = Shadow(99)(model, half, where, None)
    plain, masked = model(half, where), half.masked[where]
    assert torch.allclose(logits[masked], plain[masked], atol=1e-3)
    assert not torch.allclose(logits[~masked], plain[~masked], atol=1e-1)
    one = ~half.masked & where & (place == 4)
    other, _ = Shadow(99)(model, half.write(one, torch.full_like(half.tokens, 7)), where, None)
    assert torch.allclose(other[one[where]], logits[one[where]], atol=1e-3)
    assert not torch.allclose(other[~one[where]], logits[~one[where]], atol=1e-1)
    wide, origin, shadow = shadowed(half, where)
    assert (wide.pos[shadow] == half.pos.gather(1, origin)[shadow]).all()


def test_shadows_are_refused_by_models_that_read_the_position_before():
    class Shifted(Tiny):
        shift = True

    with pytest.raises(PlaitError, match="position before"):
        decode(Shifted(), methods.load("wino"), canvas(one_slot(10)))


def test_wino_takes_back_what_fails_without_itself():
    start = canvas(one_slot(40))
    decoder, seen = methods.load("wino", block=40, draft=0.2, verify=0.9), []

    def watch(done, rows):
        for i in range(len(rows)):
            seen.append((rows[i], int(done.commit[i].sum()), int(done.retract[i].sum())))
            assert (done.view.placed[done.retract] < np.log(0.9)).all()

    _, traces = decode(Tiny(), decoder, start, watch=watch)
    assert any(back for _, _, back in seen)
    for row, trace in enumerate(traces):
        mine = [(n, back) for r, n, back in seen if r == row]
        assert all(n <= 20 for n, _ in mine)
        assert all(back < last for (last, _), (_, back) in pairwise(mine))
        assert trace.query_tokens > trace.rounds * int(start.length[row])  # shadows are counted
