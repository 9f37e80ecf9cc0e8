"""Facts of stopping early."""

import math

import numpy as np
import pytest
import torch
from cases import canvas, one_slot, streams
from tiny import EOS, Tiny

from plait import methods
from plait.budget import Budget
from plait.decode import decode, init, step

SURE = {"early": 0.0, "middle": 0.0, "late": 0.0}
NEVER = {"early": math.inf, "middle": math.inf, "late": math.inf}


@pytest.mark.parametrize("layout", [one_slot(), streams()])
def test_an_answer_that_is_never_sure_leaves_llada(layout):
    one, _ = decode(Tiny(), methods.load("prophet", block=8, **NEVER), canvas(layout))
    other, _ = decode(Tiny(), methods.load("llada", block=8), canvas(layout))
    assert torch.equal(one.tokens, other.tokens)


def test_an_answer_that_is_always_sure_takes_one_round():
    _, traces = decode(Tiny(), methods.load("prophet", **SURE), canvas())
    assert {t.rounds for t in traces} == {1}


class Gaps:
    """Token 5 leads by `answer` nats in the first positions of the summary, by 0.5 elsewhere."""

    vocab = 17

    def __init__(self, answer: float, first: int = 5) -> None:
        self.answer, self.first = answer, first

    def __call__(self, canvas, where):
        inside = canvas.region == canvas.regions - 1
        inside &= inside.cumsum(1) <= self.first
        logits = torch.full((*canvas.tokens.shape, 17), -30.0)
        logits[..., 6] = 0.0
        logits[..., 5] = torch.where(inside, self.answer, 0.5)
        return logits[where]


@pytest.mark.parametrize(
    ("gap", "written"), [(8.0, 0), (7.4, 0.33), (5.1, 0.33), (4.9, 0.67), (2.6, 0.67), (2.4, 1)]
)
def test_the_gap_that_is_enough_falls_with_progress(gap, written):
    """24 stream positions and 5 of the summary: stopped in the first round past the share."""
    layout = streams()
    decoder = methods.load("prophet", block=100)
    _, traces = decode(Gaps(gap), decoder, canvas(layout))
    expected = min(math.ceil(written * 29 - 1e-9), 28)
    assert {t.rounds for t in traces} == {expected + 1}


def test_only_the_start_of_the_answer_counts():
    decoder = methods.load("prophet", answer=3, block=100)
    _, traces = decode(Gaps(8.0, first=3), decoder, canvas())
    assert {t.rounds for t in traces} == {1}
    _, traces = decode(Gaps(8.0, first=3), methods.load("prophet", block=100), canvas())
    assert {t.rounds for t in traces} != {1}


def test_sure_padding_after_the_end_does_not_stop_a_single_slot():
    class Padded(Gaps):
        """Four words with a gap of 1, then ends with a gap of 40."""

        def __call__(self, canvas, where):
            logits = torch.full((*canvas.tokens.shape, 17), -30.0)
            logits[..., 6] = 0.0
            word = (~canvas.given).cumsum(1) <= 4
            logits[..., 5] = torch.where(word, 1.0, 0.0)
            logits[..., EOS] = torch.where(word, -30.0, 40.0)
            return logits[where]

    start = canvas(one_slot(20))
    for late, stops in ((8.9, False), (8.7, True)):  # four gaps of 1 and the end's of 40: mean 8.8
        decoder = methods.load("prophet", early=late)
        done, _ = step(Padded(0.0), decoder, start, init(decoder, start))
        assert bool((~done.canvas.masked.any(1)).all()) == stops


def test_what_is_unfinished_gets_its_candidate():
    start = canvas(one_slot(12))
    decoder = methods.load("prophet", budget=Budget(tokens_per_round=2), **SURE)
    done, _ = step(Tiny(), decoder, start, init(decoder, start))
    assert torch.equal(done.commit, start.masked)
    assert torch.equal(done.canvas.tokens[start.masked], done.view.draw[start.masked])
    assert EOS in np.unique(done.canvas.tokens)
