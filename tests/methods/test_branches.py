"""Methods that look at more than one canvas per round."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from cases import canvas, one_slot
from tiny import EOS, Tiny

from plait import methods
from plait.budget import Budget
from plait.decode import decode
from plait.methods.spec import Nested
from plait.sample import Categorical


def run(decoder, start=None, seed=0, model=None):
    return decode(model or Tiny(sharp=8.0), decoder, start or canvas(one_slot(16)), seed)


@pytest.mark.parametrize("depth", [0, 1, 4])
@pytest.mark.parametrize("temperature", [0, 0.7])
def test_drafts_lose_nothing(depth, temperature):
    """FreeDave's text is that of one token per round, token for token, in no more rounds."""
    base = methods.load("llada", block=8)
    speculative = methods.load("spec", block=8, depth=depth)
    if temperature:
        base = replace(base, sampler=Categorical(temperature))
        speculative = replace(speculative, sampler=Categorical(temperature))
    model = Tiny(sharp=8.0).double()
    plain, reference = run(base, canvas(), seed=3, model=model)
    done, traces = run(speculative, canvas(), seed=3, model=model)
    assert torch.equal(done.tokens, plain.tokens)
    for trace, other in zip(traces, reference, strict=True):
        assert trace.rounds <= other.rounds
        assert trace.forwards >= trace.rounds
        assert (trace.replay() == other.replay()).all()
        if depth == 0:
            assert trace.forwards == other.forwards


def test_drafts_save_rounds_where_predictions_hold():
    """A model that ignores the context is right about every draft: depth + 1 per round."""
    fixed = Tiny()
    for layer in fixed.qkv:
        layer.weight.data[32:], layer.bias.data[32:] = 0, 0  # no values: nothing is gathered
    _, traces = run(methods.load("spec", depth=3, block=16), canvas(one_slot(16)), model=fixed)
    assert {t.rounds for t in traces if not (t.replay() == EOS).any()} <= {4, 5}


def test_drafts_work_around_another_selector():
    base = methods.load("fast_dllm", block=8, threshold=0.6)
    plain, _ = run(base)
    done, _ = run(replace(base, judge=Nested(3)))
    assert torch.equal(done.tokens, plain.tokens)


def test_one_branch_is_the_plain_decoder():
    plain, reference = run(methods.load("fast_dllm", block=8, threshold=0.7))
    done, traces = run(methods.load("lookahead", branches=1, block=8, threshold=0.7))
    assert torch.equal(done.tokens, plain.tokens)
    assert [t.forwards for t in traces] == [t.forwards for t in reference]


def test_branches_commit_more_per_round_and_count_their_forwards():
    _, plain = run(methods.load("lookahead", branches=1, threshold=1.1))
    _, three = run(methods.load("lookahead", branches=3, threshold=1.1))
    assert np.mean([t.rounds for t in three]) < np.mean([t.rounds for t in plain])
    assert all(t.forwards > t.rounds for t in three)


def test_guidance_of_strength_nought_is_plain_and_free():
    plain, reference = run(methods.load("llada", block=8))
    done, traces = run(methods.load("cfg", block=8, strength=0.0))
    assert torch.equal(done.tokens, plain.tokens)
    assert [t.forwards for t in traces] == [t.forwards for t in reference]


def test_guidance_by_hand():
    """z = z_u + (w + 1)(z_c - z_u), and z_u does not know the prompt."""
    guide = methods.load("cfg", strength=0.5).guide
    model, one, two = Tiny(), canvas(prompts=["123", "1"]), canvas(prompts=["9f3", "1"])
    blind = replace(one, tokens=torch.where(one.prompt, one.mask_id, one.tokens))
    z_c, z_u = model(one, one.masked), model(blind, one.masked)
    assert torch.allclose(guide(model, one, one.masked, None)[0], z_u + 1.5 * (z_c - z_u))
    strong = methods.load("cfg", strength=1e4).guide
    drift = strong(model, one, one.masked, None)[0] - strong(model, two, two.masked, None)[0]
    assert drift.abs().max() > 0
    _, traces = run(methods.load("cfg", strength=0.5, budget=Budget(tokens_per_round=4)))
    assert all(t.forwards == 2 * t.rounds for t in traces)


def test_more_drafts_than_positions():
    start = canvas(one_slot(2), ["1"])
    done, _ = run(methods.load("spec", depth=9), start)
    assert torch.equal(done.tokens, run(methods.load("llada"), start)[0].tokens)
