"""Facts of ReMDM: remasking at random, which keeps the law."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from cases import canvas, one_slot
from revising import Steady
from tiny import Tiny

from plait import methods
from plait.ancestral import Process
from plait.budget import Budget
from plait.decode import decode, init, step
from plait.errors import PlaitError
from plait.sample import Categorical
from plait.theory.denoiser import LawDenoiser
from plait.theory.laws import FiniteLaw
from plait.trace import COMMIT, RETRACT

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
