"""One fact of each method that finds the length of a text, and of warm starts."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from cases import canvas, one_slot, streams
from tiny import EOS, MASK, VOCAB, Digits, Tiny

from plait import methods
from plait.budget import Budget
from plait.canvas import Canvas
from plait.decode import decode
from plait.draft import Texts
from plait.errors import PlaitError
from plait.layout import plain
from plait.length import Full, empty_tail, end_density, end_tail
from plait.parts import Plan, View
from plait.start import Injected
from plait.trace import COMMIT, RETRACT


class Writes:
    """Writes `words` tokens, then ends; `p` is the probability of its favourite."""

    vocab = VOCAB

    def __init__(self, words: int, p: float = 0.95) -> None:
        self.words, self.p = words, p

    def __call__(self, canvas: Canvas, where: torch.Tensor) -> torch.Tensor:
        place = ((~canvas.given).cumsum(1) - 1)[where]
        best = torch.where(place < self.words, 1 + place % 9, EOS)
        logits = torch.zeros(len(best), VOCAB)
        return logits.scatter(1, best[:, None], math.log(self.p / (1 - self.p) * (VOCAB - 2)))


def view_of(tokens, draw, chosen):
    start = plain(len(tokens)).build(Digits(), ["1"])
    held = replace(start, tokens=torch.tensor([[1, *tokens]]))
    plan = Plan(held.masked, torch.zeros_like(held.region), torch.ones(1, 1).long())
    log = torch.tensor([[0.0, *chosen]]).log()
    return View(held, plan, held.masked, 0, torch.zeros(1).long(), torch.tensor([[1, *draw]]), log)


def test_density_and_tail_by_hand():
    view = view_of([5, MASK, MASK, MASK, EOS], [5, 7, EOS, EOS, EOS], [0.9, 0.8, 0.6, 0.7, 0.99])
    assert end_density(view).tolist() == [[pytest.approx(2 / 3)]]
    assert end_tail(view, 2).tolist() == [[pytest.approx((0.7 + 0.99) / 2)]]
    assert end_tail(view, 4).tolist() == [[pytest.approx((0.6 + 0.7 + 0.99) / 4)]]
    cut = lambda n: empty_tail(view.canvas, torch.tensor([[n]]))[0, 1:].tolist()  # noqa: E731
    assert cut(2) == [False, False, False, True, True]
    assert cut(9) == [False, True, True, True, True]  # text is never cut


@pytest.mark.parametrize("statistic", ["density", "tail"])
@pytest.mark.parametrize("words", [5, 40, 90])
def test_rho_eos_grows_and_shrinks_to_the_text(statistic, words):
    start = canvas(one_slot(64))
    high = 0.6 if statistic == "density" else 0.9  # its probabilities are 0.95
    decoder = methods.load("rho_eos", statistic=statistic, high=high)
    done, traces = decode(Writes(words), decoder, replace(start, context=0))
    free = (~done.given).sum(1)
    assert (free >= words).all()
    for row in range(len(traces)):
        assert done.written(row, 0) == [1 + i % 9 for i in range(words)]
    if statistic == "density":
        assert (free < 64).all() if words < 64 else (free > 64).all()


def test_rho_eos_grows_before_an_end_that_is_written():
    start = canvas(one_slot(6), ["1"])
    place = torch.arange(start.tokens.shape[1]) - 1
    start = start.write(start.masked & (place >= 4)[None], torch.full_like(start.tokens, EOS))
    decoder = methods.load("rho_eos", rounds=1, growth="constant")
    done, _ = decode(Writes(99), decoder, start)
    assert done.tokens[0, -2:].tolist() == [EOS, EOS]
    assert (~done.given).sum() == 14
    assert len(done.written(0, 0)) == 12


@pytest.mark.parametrize(("rho", "growth", "count"), [
    (0.39, "constant", 8), (0.05, "constant", 8), (0.39, "linear", 8), (0.15, "linear", 24),
    (0.39, "double", 8), (0.25, "double", 16), (0.15, "double", 32), (0.0, "double", 64),
])  # fmt: skip
def test_growth_by_distance_to_the_band(rho, growth, count):
    part = methods.load("rho_eos", growth=growth).length
    n = 100
    draw = [EOS] * round(rho * n) + [3] * (n - round(rho * n))
    view = view_of([MASK] * n, draw, [0.9] * n)
    if rho == 0.0:  # four tenths away: 2^3
        assert int(part(view.canvas, view, None)[0].insert.sum()) in (count, 64)
    else:
        assert int(part(view.canvas, view, None)[0].insert.sum()) == count


def test_daedal_finds_the_length_before_it_writes():
    start = canvas(one_slot(8), ["123"])
    sizes = []
    decoder = methods.load("daedal")
    watch = lambda done, rows: sizes.append((int(done.canvas.length), int(done.commit.sum())))  # noqa: E731
    done, [trace] = decode(Writes(20), decoder, replace(start, context=0), watch=watch)
    growth = [n for n, commits in sizes if commits == 0]
    # 8, 16, ... until 17 of 32 ends times 0.95 pass 0.5, then 16 more
    assert growth == [3 + n for n in (16, 24, 32, 40)] + [3 + 40 + 16]
    assert done.written(0, 0) == [1 + i % 9 for i in range(20)]
    assert trace.forwards == trace.rounds == len(sizes)


def test_daedal_expands_where_it_is_at_a_loss():
    """A flat model is below 0.1 everywhere and sees no end: it grows to its limit."""
    start = replace(canvas(one_slot(16), ["1"]), context=0)
    flat = Writes(99, 0.07)
    done, [trace] = decode(flat, methods.load("daedal", most=40), start)
    assert (~done.given).sum() == 40
    sure, _ = decode(flat, methods.load("daedal", most=40, ready=0.0, doubt=0.0), start)
    assert (~sure.given).sum() == 16 + 16  # only the half window of the first stage
    assert not done.masked.any()
    assert (trace.replay() == done.tokens[0].numpy()).all()


@pytest.mark.parametrize(("most", "size"), [(38, 32), (39, 39), (45, 39), (46, 46)])
def test_daedal_expands_as_long_as_there_is_room(most, size):
    """A mask that becomes 8 takes 7 more places: from 16 + 16 to 39, then to 46."""
    start = replace(canvas(one_slot(16), ["1"]), context=0)
    done, _ = decode(Writes(99, 0.07), methods.load("daedal", most=most, ready=0.0), start)
    assert (~done.given).sum() == size


@pytest.mark.parametrize("name", ["rho_eos", "daedal"])
def test_length_edits_leave_written_text_alone(name):
    start = canvas(streams())
    before = {}

    def watch(done, rows):
        for i, row in enumerate(rows):
            old, new = done.view.canvas, done.canvas
            names = {
                n: t
                for n, t in zip(old.ids[i].tolist(), old.tokens[i].tolist(), strict=True)
                if t not in (MASK, EOS)
            }
            now = dict(zip(new.ids[i].tolist(), new.tokens[i].tolist(), strict=True))
            assert all(now.get(n) == t for n, t in names.items() if n >= 0)
            before[row] = int(new.length[i])

    done, _ = decode(Tiny(), methods.load(name), start, watch=watch)
    assert any(before[row] != int(start.length[row]) for row in before)
    for row in range(4):  # regions stay in order, headers between them
        region = done.row(row).region[0]
        free = region[region >= 0]
        assert (free.diff() >= 0).all()
        assert set(free.tolist()) == {0, 1, 2, 3}


@pytest.mark.parametrize(("name", "wrong"), [
    ("rho_eos", {"low": 0.7}), ("rho_eos", {"statistic": "mean"}), ("rho_eos", {"growth": "fast"}),
    ("rho_eos", {"step": 0}), ("daedal", {"ready": 1.5}), ("daedal", {"window": 0}),
    ("warm_start", {"doubt": -0.1}), ("schema", {"rounds": 0}),
])  # fmt: skip
def test_settings_out_of_range_are_refused(name, wrong):
    with pytest.raises(PlaitError):
        methods.load(name, **wrong)


# Warm start


def test_a_warm_start_keeps_what_the_model_believes():
    start = canvas(one_slot(12))
    good = start.write(start.masked, decode(Writes(9), methods.load("llada"), start)[0].tokens)
    bad = replace(good, tokens=torch.where(good.given, good.tokens, 15))
    done, traces = decode(Writes(9), methods.load("warm_start"), good)
    assert torch.equal(done.tokens, good.tokens)
    assert all(t.rounds == 1 and len(t.position) == 0 for t in traces)
    done, traces = decode(Writes(9), methods.load("warm_start"), bad)
    assert torch.equal(done.tokens, good.tokens)
    assert all((t.kind == RETRACT).sum() == 12 == (t.kind == COMMIT).sum() for t in traces)
    blind, _ = decode(Writes(9), methods.load("warm_start", doubt=0.0), bad)
    assert torch.equal(blind.tokens, bad.tokens)


def test_a_warm_start_distrusts_the_draft_only_and_once():
    start, budget = canvas(one_slot(20)), Budget(tokens_per_round=4)
    draft = torch.full_like(start.tokens, 7)
    decoder = methods.load(
        "warm_start", doubt=1.0, budget=budget, drafter=lambda _: draft, share=0.5
    )
    half = decoder.start(start, 0)
    done, traces = decode(Tiny(), decoder, start)
    for row, trace in enumerate(traces):
        back = trace.position[trace.kind == RETRACT].tolist()
        assert (
            sorted(back)
            == (half.tokens[row] == 7).logical_and(~half.given[row]).nonzero()[:, 0].tolist()
        )
        assert trace.rounds == 5  # 20 positions, 4 a round
        assert (trace.replay() == done.tokens[row, : done.length[row]].numpy()).all()


def test_without_a_draft_a_warm_start_is_llada():
    start, budget = canvas(one_slot(20)), Budget(tokens_per_round=3)
    mine, _ = decode(Tiny(), methods.load("warm_start", budget=budget), start)
    plain_, _ = decode(Tiny(), replace(methods.load("llada", budget=budget), length=Full()), start)
    assert torch.equal(mine.tokens, plain_.tokens)


def test_drafts_are_injected_by_share_row_by_row():
    start = canvas(one_slot(100), ["1"] * 50)
    draft = torch.full_like(start.tokens, 7)
    half = Injected(lambda _: draft, 0.25)(start, seed=1)
    assert (half.tokens == 7).float().mean().item() == pytest.approx(0.25 * 100 / 101, abs=0.02)
    alone = Injected(lambda _: draft[:1], 0.25)(start.rows(torch.tensor([3])), seed=1)
    assert torch.equal(alone.tokens[0], half.tokens[3])
    assert torch.equal(Injected(lambda _: draft, 0)(start, seed=1).tokens, start.tokens)
    texts = Injected(Texts(Digits(), {1: "abc"}), 1.0)(canvas(one_slot(8)), seed=0)
    assert texts.written(1, 0) == [10, 11, 12]
    assert texts.written(0, 0) == []
    with pytest.raises(PlaitError, match="share is 2"):
        Injected(Texts(Digits(), {}), 2.0)


def test_draft_embeddings_are_mixed_into_masks_only():
    start, model = canvas(one_slot(10)), Tiny()
    drafter = Texts(Digits(), dict.fromkeys(range(4), "3" * 10))

    def warm(weight):
        return methods.load("warm_start", drafter=drafter, share=0.0, weight=weight)

    nothing, _ = decode(model, warm(0.0), start)
    assert torch.equal(nothing.tokens, decode(model, methods.load("warm_start"), start)[0].tokens)
    where, guide = start.masked, warm(1.0).guide
    whole, _ = guide(model, start, where, guide.init(start))
    written = start.write(where, torch.full_like(start.tokens, 3))
    assert torch.allclose(whole, model(written, where), atol=1e-3)
    _, [trace, *_] = decode(model, warm(0.3), start)
    assert trace.forwards == trace.rounds
    assert not np.isnan(trace.score).any()
    with pytest.raises(PlaitError, match="takes tokens only"):
        decode(TokensOnly(), warm(0.3), start)


class TokensOnly:
    """A model that offers nothing beyond logits."""

    vocab = VOCAB

    def __call__(self, canvas, where):
        return Tiny()(canvas, where)
