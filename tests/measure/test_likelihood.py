"""Likelihood: on exact laws every estimator must give log p."""

import math

import pytest
import torch
from cases import canvas, streams
from exact import knotted
from tiny import EOS, MASK, Tiny

from plait import methods
from plait.budget import Budget
from plait.decode import decode
from plait.errors import PlaitError
from plait.measure.likelihood import known, log_likelihood, nelbo
from plait.measure.mean import Mean, bootstrap, slope
from plait.theory.denoiser import LawDenoiser
from plait.theory.library import markov
from plait.theory.policies import follow, in_blocks

LAW = knotted(4)


def words(law):
    """Every word of a law as a row of a canvas, and its log-probability."""
    model, every = LawDenoiser(law), list(law.mass)
    blank = model.canvas(range(len(every)))
    return model, blank.write(blank.masked, torch.tensor(every)), [
        math.log(law[word]) for word in every
    ]  # fmt: skip


@pytest.mark.parametrize("order", ["left", "right", "random"])
def test_the_chain_rule_is_exact_in_any_order(order):
    model, text, exact = words(LAW)
    assert log_likelihood(model, text, order).tolist() == pytest.approx(exact, abs=1e-5)


def test_rounds_of_several_give_the_likelihood_of_the_parallel_policy():
    law = markov(6)
    model, text, _ = words(law)
    rank = (torch.arange(6) // 2).expand_as(text.tokens)
    found = log_likelihood(model, text, rank).tolist()
    paths = follow(law, in_blocks(6, 2))
    wanted = [math.log(paths[tuple(word)].q) for word in text.tokens.tolist()]
    assert found == pytest.approx(wanted, abs=1e-5)


def test_the_bound_is_tight_for_a_true_law():
    """The mean over orders of an exact chain rule is log p, so the estimate converges to it."""
    model, text, exact = words(LAW)
    few = text.rows(torch.arange(0, len(exact), 9))
    for mean, logp in zip(nelbo(model, few, 400, batch=400), exact[::9], strict=True):
        assert mean.n == 400
        assert abs(mean.value + logp) < 4 * mean.stderr
        assert mean.stderr < 0.2


def test_the_bound_is_unbiased():
    """2,000 draws in 40 runs: strata of 1..L must not favour some numbers of hidden positions."""
    model, text, exact = words(LAW)
    row = text.rows(torch.tensor([5]))
    means = sum((nelbo(model, row, 50, seed=s, batch=50)[0] for s in range(40)), Mean())
    assert abs(means.value + exact[5]) < 4 * means.stderr


class Flat:
    """Knows nothing."""

    vocab = 17

    def __call__(self, canvas, where):
        return torch.zeros(int(where.sum()), 17)


def test_a_model_that_knows_nothing_gives_the_log_of_the_vocabulary():
    """16 tokens besides the mask; each draw is exact."""
    text = known([[1, 2], [3]], [[4, 5, 6], [7]], MASK, EOS)
    for mean, length in zip(nelbo(Flat(), text, 7), (3, 1), strict=True):
        assert mean.value == pytest.approx(length * math.log(16))
        assert mean.stderr == pytest.approx(0, abs=1e-6)
    assert log_likelihood(Flat(), text).tolist() == pytest.approx(
        [-3 * math.log(16), -math.log(16)]
    )


def test_a_row_does_not_depend_on_its_batch():
    text = known([[1, 2], [3]], [[4, 5, 6], [7, 8]], MASK, EOS)
    both = nelbo(Tiny(), text, 9, batch=4)
    alone = nelbo(Tiny(), text.rows(torch.tensor([1])), 9, batch=1)
    assert alone[0].value == pytest.approx(both[1].value, abs=1e-4)


def test_the_rounds_of_a_trace_are_an_order():
    start = canvas(streams())
    decoder = methods.load("random", budget=Budget(3))
    done, traces = decode(Tiny(sharp=2.0), decoder, start)
    rank = torch.zeros_like(done.tokens)
    for row, t in enumerate(traces):
        rank[row, torch.tensor(t.position).long()] = torch.tensor(t.round).long()
    wanted = [float(t.score[t.kind == 0].sum()) for t in traces if not (t.kind == 3).any()]
    found = log_likelihood(Tiny(sharp=2.0), done, rank).tolist()
    found = [f for f, t in zip(found, traces, strict=True) if not (t.kind == 3).any()]
    assert wanted
    assert found == pytest.approx(wanted, abs=1e-3)


def test_what_has_no_likelihood_is_a_sentence():
    with pytest.raises(PlaitError, match="text 1 is empty"):
        known([[1], [1]], [[2], []], MASK, EOS)
    with pytest.raises(PlaitError, match="text 0 holds the mask"):
        known([[1]], [[MASK]], MASK, EOS)
    with pytest.raises(PlaitError, match="is masked"):
        nelbo(Flat(), canvas())
    with pytest.raises(PlaitError, match="draws is 0"):
        nelbo(Flat(), known([[1]], [[2]], MASK, EOS), 0)


def test_means_add_up_and_know_their_error():
    both = Mean.of([1.0, 2.0]) + Mean.of([3.0])
    assert (both.value, both.n) == (2, 3)
    assert both.stderr == pytest.approx(1 / math.sqrt(3))
    assert math.isnan(Mean().value)
    assert math.isnan(Mean.of([1.0]).stderr)


def test_the_bootstrap_covers_the_mean_of_a_ratio():
    """Of 200 samples of 60, about 95 % of the intervals hold the true ratio 2."""
    import numpy as np

    rng, hits = np.random.default_rng(1), 0
    for seed in range(200):
        counts = rng.integers(1, 5, 60)
        sums = counts * 2 + rng.normal(0, 1, 60)
        low, high = bootstrap(sums, counts, 300, seed)
        hits += low <= 2 <= high
    assert 0.88 <= hits / 200 <= 0.99
    assert all(map(math.isnan, bootstrap(sums[:1], counts[:1])))  # one example has no spread


def test_a_slope_and_its_interval():
    import numpy as np

    assert slope([0, 1, 2, 3], [1, 3, 5, 7]) == pytest.approx((2, 2, 2))
    rng, hits = np.random.default_rng(2), 0
    for seed in range(100):
        x = rng.random(50)
        _, low, high = slope(x.tolist(), (3 * x + rng.normal(0, 1, 50)).tolist(), 300, seed)
        hits += low <= 3 <= high
    assert hits >= 86
