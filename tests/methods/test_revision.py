"""One fact of each method that takes tokens back or writes over them."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import torch
from cases import canvas, one_slot
from tiny import MASK, VOCAB, Digits, Tiny

from plait import methods
from plait.ancestral import Process
from plait.budget import Budget
from plait.decode import decode, init, step
from plait.errors import PlaitError
from plait.length import Full
from plait.methods.saber import Backtrack
from plait.parts import Plan, View
from plait.revise import BARS, Keep, Remask, Revise
from plait.sample import Categorical
from plait.shadow import Shadow, shadowed
from plait.theory.denoiser import LawDenoiser
from plait.theory.laws import FiniteLaw
from plait.trace import COMMIT, RETRACT, REWRITE


class Steady:
    """A model whose logits depend on the position only."""

    vocab = VOCAB

    def __init__(self, sharp: float = 3.0, seed: int = 0) -> None:
        rng = torch.Generator().manual_seed(seed)
        self.table = sharp * torch.randn(128, VOCAB, generator=rng)

    def __call__(self, canvas, where):
        return self.table[canvas.pos][where]


def full(name, **settings):
    """A method that closes nothing at ends."""
    return replace(methods.load(name, **settings), length=Full())


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


# ReMDM

LAW = FiniteLaw(
    {
        (0, 0): Fraction(8, 20),
        (0, 1): Fraction(1, 20),
        (1, 0): Fraction(3, 20),
        (1, 1): Fraction(8, 20),
    }
)


def chi_square(tokens, law=LAW):
    """Pearson's statistic of rows of words against the law."""
    total = 0.0
    for word, p in law.mass.items():
        seen = int((tokens == torch.tensor(word)).all(1).sum())
        total += (seen - len(tokens) * float(p)) ** 2 / (len(tokens) * float(p))
    return total


def churn(decoder, count=20_000, seed=3):
    """The words after all rounds, without the recording of a decode."""
    model = LawDenoiser(LAW)
    now = model.canvas(range(count))
    state = init(decoder, now)
    for _ in range(decoder.reviser.process.steps(now)[0]):
        done, state = step(model, decoder, now, state, seed)
        now = done.canvas
    assert not now.masked.any()
    return now.tokens


def test_remdm_stationary_churn_reproduces_the_law():
    """16.27 is the point that a chi-square of 3 degrees exceeds with probability 0.001."""
    decoder = methods.load("remdm", budget=Budget(rounds=100), kind="loop", eta=0.02, top_p=1.0)
    assert chi_square(churn(decoder)) < 16.27
    quick = methods.load("remdm", budget=Budget(rounds=20), kind="loop", eta=0.1, top_p=1.0)
    assert chi_square(churn(replace(quick, sampler=Categorical(0.8)))) > 16.27  # too cold
    hasty = methods.load("remdm", budget=Budget(rounds=2), kind="cap", top_p=1.0)
    assert chi_square(churn(hasty)) > 16.27  # two masks at once know nothing of each other


def test_remdm_without_remasking_is_ancestral_sampling():
    """The same canvas, round by round, as MDLM's rule 1 - s/t with the same random numbers."""
    start, rounds = canvas(one_slot(24)), 12
    decoder = methods.load("remdm", budget=Budget(rounds=rounds), eta=0.0, top_p=1.0)
    boards = []
    decode(Tiny(), decoder, start, seed=5, watch=lambda done, rows: boards.append(done))
    assert len(boards) == rounds
    for i, done in enumerate(boards):
        share = (1 / rounds) / (1 - i / rounds)
        lucky = done.view.uniform(salt=3) < share + 1e-9
        assert torch.equal(done.commit, done.view.canvas.masked & lucky)
        assert not done.retract.any()


@pytest.mark.parametrize("kind", ["cap", "rescale", "loop"])
def test_remdm_keeps_the_marginals(kind):
    """After each round the share of written positions is alpha, whatever is taken back."""
    start = canvas(one_slot(100), ["1"] * 20)
    decoder = methods.load("remdm", budget=Budget(rounds=20), kind=kind, eta=0.3)
    process, shares = decoder.reviser.process, []
    watch = lambda done, rows: shares.append(1 - done.canvas.masked.sum().item() / 2000)  # noqa: E731
    _, traces = decode(Steady(), decoder, start, watch=watch)
    assert sum((t.kind == RETRACT).sum() for t in traces) > 100
    for i, share in enumerate(shares):
        alpha = process.alpha(torch.tensor([1 - (i + 1) / 20]))
        assert share == pytest.approx(float(alpha), abs=0.05)


def test_remdm_by_confidence_returns_the_least_sure():
    start = canvas(one_slot(60), ["1"] * 40)
    decoder = methods.load("remdm", budget=Budget(rounds=60), kind="conf", top_p=1.0)
    _, traces = decode(Steady(), decoder, start)
    back, all_of_it = [], []
    for trace in traces:
        commits = trace.kind == COMMIT
        all_of_it += list(np.exp(trace.score[commits]))
        for p, r in zip(trace.position[~commits], trace.round[~commits], strict=True):
            last = commits & (trace.position == p) & (trace.round < r)
            back.append(np.exp(trace.score[last][-1]))
    assert len(back) > 100
    assert np.mean(back) < np.mean(all_of_it) - 0.015


def test_remdm_refuses_what_is_no_process():
    for wrong in ({"eta": 1.5}, {"kind": "fast"}, {"kind": "loop", "start": 0.01}):
        with pytest.raises(PlaitError):
            methods.load("remdm", **wrong)
    assert float(Process("loop", 0.1, Budget()).alpha(torch.tensor([0.3]))) == pytest.approx(0.9)


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


# Token editing


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


def view_of(tokens, draw, chosen, placed):
    start = one_slot(len(tokens)).build(Digits(), ["1"])
    held = replace(start, tokens=torch.tensor([[1, *tokens]]))
    plan = Plan(held.masked, torch.zeros_like(held.region), torch.ones(1, 1).long())
    log = lambda p: torch.tensor([[0.5, *p]]).log()  # noqa: E731
    return View(
        held,
        plan,
        held.masked,
        0,
        torch.zeros(1).long(),
        torch.tensor([[1, *draw]]),
        log(chosen),
        log(placed),
    )


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
