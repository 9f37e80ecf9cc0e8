"""Methods that have another model beside them, and exploration."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from cases import canvas, one_slot
from tiny import EOS, VOCAB, Tiny
from toys import ToyCausal

from plait import methods
from plait.budget import Budget
from plait.causal import log_likelihood, predictions
from plait.decode import decode, init, observe
from plait.errors import PlaitError
from plait.length import Full
from plait.trace import COMMIT


def test_predictions_shift_by_one_and_likelihood_is_their_sum():
    start, guider = canvas(one_slot(4), ["123"]), ToyCausal()
    logp = predictions(guider, start)
    table = guider.table.clone()
    table[:, start.mask_id] = -torch.inf
    assert torch.allclose(logp[0, 1:3], table[[1, 2]].log_softmax(-1))
    where = torch.zeros_like(start.given)
    where[0, 1:3] = True
    expected = table.log_softmax(-1)[1, 2] + table.log_softmax(-1)[2, 3]
    assert log_likelihood(guider, start, where)[0] == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("block", [4, 32])
def test_guided_deterministic_is_the_guiders_greedy_text(block):
    guider, start = ToyCausal(seed=3), canvas(one_slot(12))
    decoder = methods.load("guided", guider=guider, rule="deterministic", block=block)
    done, _ = decode(Tiny(), replace(decoder, length=Full()), start)
    for row, end in enumerate(done.length.tolist()):
        text = done.tokens[row, :end].tolist()
        assert text[-12:] == guider.greedy(text[:-12], 12)


def test_guided_commits_a_prefix_from_the_left():
    decoder = methods.load("guided", guider=ToyCausal(), rule="top_k", k=6)
    _, traces = decode(Tiny(), decoder, canvas(one_slot(12)))
    for trace in traces:
        place = trace.position[trace.kind == COMMIT]
        when = trace.round[trace.kind == COMMIT]
        order = np.lexsort((place, when))
        assert (np.diff(place[order]) == 1).all()


def test_a_guider_that_always_agrees_accepts_the_whole_draft():
    decoder = methods.load("guided", guider=ToyCausal(), rule="threshold", sure=0.0, block=64)
    done, traces = decode(Tiny(), replace(decoder, length=Full()), canvas(one_slot(9)))
    whole, _ = decode(Tiny(), methods.load("ar", budget=Budget(rounds=1)), canvas(one_slot(9)))
    assert {t.rounds for t in traces} == {1}
    assert torch.equal(done.tokens, whole.tokens)


def test_a_guider_with_another_vocabulary_is_refused():
    class Small(ToyCausal):
        def __call__(self, tokens):
            return super().__call__(tokens)[..., :5]

    with pytest.raises(PlaitError, match="same tokenizer"):
        decode(Tiny(), methods.load("guided", guider=Small()), canvas())


def test_a_guider_need_not_know_the_mask():
    """As models of one family: the mask is the last token, and the guider has one token fewer."""

    class Fewer(ToyCausal):
        def __call__(self, tokens):
            known = tokens.masked_fill(tokens == start.mask_id, 0)
            return super().__call__(known)[..., : start.mask_id]

    start = canvas(one_slot(4), ["123"])
    assert start.mask_id == VOCAB - 1
    assert start.masked.any()
    logp, guider = predictions(Fewer(), start), ToyCausal()
    expected = guider.table[[1, 2], : start.mask_id].log_softmax(-1)
    assert torch.allclose(logp[0, 1:3], expected)


def test_edlm_prefers_what_the_scorer_finds_likely():
    """The sign: exp(-E) makes texts likelier under the scorer than the plain decoder's."""
    scorer, start = ToyCausal(seed=1, sharp=4.0), canvas(one_slot(10), ["123"] * 24)
    scores = {}
    for completions in (1, 12):
        decoder = methods.load("edlm", scorer=scorer, completions=completions, start=1.0, end=0.0)
        done, _ = decode(Tiny(sharp=1.0), replace(decoder, length=Full()), start)
        scores[completions] = log_likelihood(scorer, done, ~done.given).mean()
    assert scores[12] > scores[1] + 2


def test_edlm_energy_by_hand():
    scorer, start = ToyCausal(seed=1), canvas(one_slot(3), ["12"])
    decoder = methods.load("edlm", scorer=scorer)
    view, _ = observe(Tiny(), decoder, start, init(decoder, start), seed=0)
    draft = torch.where(start.masked, torch.tensor(5), start.tokens)
    logp = view.logp[0, 2:, 5].sum()
    own = log_likelihood(scorer, replace(start, tokens=draft), ~start.given)[0]
    energy = decoder.judge._energy(view, draft)[0]
    assert energy == pytest.approx(float(logp - own), rel=1e-5)


def test_edlm_outside_its_window_is_random_order_at_temperature_one():
    scorer = ToyCausal()
    off = methods.load("edlm", scorer=scorer, start=-0.1, end=-0.2)
    done, _ = decode(Tiny(sharp=1.0), off, canvas(), seed=4)
    plain = replace(methods.load("random"), sampler=off.sampler)
    assert torch.equal(done.tokens, decode(Tiny(sharp=1.0), plain, canvas(), seed=4)[0].tokens)


def test_exploring_unlocks_and_is_counted():
    soft = Tiny(sharp=6.0)
    soft.head.bias.data[EOS] = -10
    _, exploit = decode(soft, methods.load("ete", tries=1), canvas(one_slot(20)))
    _, explore = decode(soft, methods.load("ete", tries=4), canvas(one_slot(20)))
    assert sum(t.rounds for t in explore) <= sum(t.rounds for t in exploit)
    assert any(t.forwards > t.rounds for t in explore)


def test_more_tries_than_tokens():
    """Those that do not exist are no tries: the text is that of a try of every token."""
    start = canvas(one_slot(8))
    every, _ = decode(Tiny(sharp=6.0), methods.load("ete", tries=VOCAB), start)
    more, _ = decode(Tiny(sharp=6.0), methods.load("ete", tries=VOCAB + 9), start)
    assert torch.equal(more.tokens, every.tokens)
