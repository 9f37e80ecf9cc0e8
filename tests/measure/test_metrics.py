"""Metrics of traces: a contract over the folder, then facts."""

import json
import math
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from traces import lock_step, one_by_one, trace

from plait import methods
from plait.budget import Budget
from plait.decode import decode
from plait.errors import PlaitError
from plait.measure import metrics
from plait.sample import Categorical
from plait.theory.denoiser import LawDenoiser
from plait.theory.library import hidden_markov
from plait.trace import COMMIT, FILL, RETRACT, REWRITE

REVISED = trace([[0], [0], [1], [0]], 2, kinds=[COMMIT, RETRACT, COMMIT, COMMIT])
TRACES = {
    "left to right": one_by_one(range(6)),
    "streams": lock_step(3, 4),
    "revised": REVISED,
    "rewritten": trace([[0, 1], [0]], 2, kinds=[COMMIT, COMMIT, REWRITE]),
    "one": trace([[0]], 1),
    "nothing": trace([], 3),
    "prompt only": trace([], 2, region=[-1, -1]),
    "filled": trace([[0], [1, 2]], 3, kinds=[COMMIT, FILL, FILL]),
}


def plain(value):
    inner = value if isinstance(value, list) else [value]
    return all(plain(v) if isinstance(v, list) else isinstance(v, int | float) for v in inner)


@pytest.mark.parametrize("which", TRACES)
@pytest.mark.parametrize("name", metrics.names())
def test_every_metric_answers_or_says_why_not(name, which):
    t = TRACES[which]
    before = [getattr(t, field).copy() for field in ("position", "round", "kind", "score")]
    if name == "information" and which in ("revised", "rewritten"):
        with pytest.raises(PlaitError, match="takes back or rewrites"):
            metrics.load(name)(t)
        return
    values = metrics.load(name)(t)
    assert values
    assert all(plain(v) for v in values.values())
    json.dumps(values)
    after = [getattr(t, field) for field in ("position", "round", "kind", "score")]
    assert all(map(np.array_equal, before, after))


@pytest.mark.parametrize("name", metrics.names())
def test_every_metric_says_whose_definition_it_is(name):
    function = metrics.load(name)
    text = Path(metrics.__path__[0], f"{name}.py").read_text(encoding="utf-8")
    assert function.__doc__
    assert any(source in text for source in ("arXiv:", "Our definition", "counting rule"))


def test_an_unknown_metric_is_a_sentence():
    with pytest.raises(PlaitError, match="did you mean 'arness'"):
        metrics.load("arnes")


def test_pairs_by_hand():
    pairs = metrics.load("pairs")
    assert pairs(one_by_one(range(5))) == {"adjacent": 1, "all": 1, "tau": 1, "tied": 0}
    assert pairs(one_by_one(range(5)[::-1])) == {"adjacent": 0, "all": 0, "tau": -1, "tied": 0}
    # rounds of positions 0..3: 0 0 1 0; of six pairs 0-2 and 1-2 rise, 2-3 falls, three are tied
    found = pairs(trace([[0, 1, 3], [2]], 4))
    assert found == {"adjacent": 1 / 3, "all": 2 / 6, "tau": 1 / 6, "tied": 3 / 6}
    means = [pairs(one_by_one(p)) for p in permutations(range(4))]
    assert np.mean([m["tau"] for m in means]) == pytest.approx(0)
    assert np.mean([m["adjacent"] for m in means]) == pytest.approx(1 / 2)


def test_pairs_count_the_last_write():
    assert metrics.load("pairs")(REVISED)["tau"] == -1  # 0 is written for good after 1


def test_interleaving_of_streams_together_and_apart():
    interleaving = metrics.load("interleaving")
    together = interleaving(lock_step(4, 10))
    assert together["entropy"] == pytest.approx(1, abs=0.01)
    assert together["together"] == 1
    n, m = 40, 3
    apart = one_by_one(range(n * m + 1), [s for s in range(m) for _ in range(n)] + [m])
    assert interleaving(apart)["entropy"] < 0.4
    # windows of 3 rounds: 38 + 38 + 40 of 118 wait for a stream to be done; the last 40 do not
    assert interleaving(apart)["together"] == pytest.approx(40 / 118)
    assert math.isnan(interleaving(one_by_one(range(4)))["entropy"])


def test_progress_by_hand():
    found = metrics.load("progress")(trace([[3], [0, 1], [2]], 4, [0, 0, 1, 1]))
    assert found["rounds_to_depth"] == [[2, 2, 2, 2], [1, 1, 3, 3]]
    assert found["mean_round"][:4] == [0.5, 0.5, 1.0, 0.0]
    assert all(map(math.isnan, found["mean_round"][4:]))
    even = metrics.load("progress")(one_by_one(range(100)))["mean_round"]
    assert even == pytest.approx([(4.5 + 10 * i) / 99 for i in range(10)])


def test_parallelism_by_hand():
    t = trace([[0, 1], [2], [3]], 4, kinds=[COMMIT, COMMIT, FILL, COMMIT])
    t.score[:2] = -0.5
    found = metrics.load("parallelism")(t)
    assert (found["rounds"], found["depth"], found["commits"], found["fills"]) == (3, 2, 3, 1)
    assert found["commits_per_round"] == 1.5
    assert found["ties"] == 1
    t.score[1] = np.nextafter(np.float32(-0.5), np.float32(0))
    assert metrics.load("parallelism")(t)["ties"] == 0
    t.score[:] = np.nan
    assert math.isnan(metrics.load("parallelism")(t)["ties"])


def test_information_by_hand():
    t = trace([[0, 1], [2]], 3)
    t.score[:] = np.log([1 / 2, 1 / 4, 1 / 2])  # 3 bits, then 1
    found = metrics.load("information")(t)
    assert found["bits"] == pytest.approx(4)
    assert found["largest_round"] == pytest.approx(3)
    assert found["least_rounds"] == pytest.approx(4 / 3)
    assert found["efficiency"] == pytest.approx(2 / 3)
    with pytest.raises(PlaitError, match="takes back or rewrites 1 tokens"):
        metrics.load("information")(REVISED)
    t.score[0] = np.nan
    with pytest.raises(PlaitError, match="this trace has none"):
        metrics.load("information")(t)


@pytest.mark.parametrize("budget", [1, 2, 3])
def test_information_and_realised_correlation_make_the_likelihood(budget):
    """log p(x) - log q(x) is the sum over rounds of log p(x_S | C) - sum_i log p(x_i | C)."""
    law = hidden_markov(6)
    model = LawDenoiser(law)
    decoder = methods.load("random", budget=Budget(budget))
    decoder = replace(decoder, sampler=Categorical(1.0))
    _, traces = decode(model, decoder, model.canvas(range(20)))
    for t in traces:
        word, left, gap = tuple(t.replay().tolist()), law, 0.0
        for number in range(t.rounds):
            now = t.position[t.round == number].tolist()
            joint = left.marginal(now)[tuple(word[i] for i in now)]
            alone = math.prod(left.marginal([i])[word[i],] for i in now)
            gap += math.log(joint) - math.log(alone)
            left = left.given({i: word[i] for i in now})
        bits = metrics.load("information")(t)["bits"]
        assert math.log(law[word]) + bits * math.log(2) == pytest.approx(gap, abs=1e-5)
        assert budget > 1 or gap == pytest.approx(0, abs=1e-12)


def test_the_page_of_measures_names_every_metric():
    page = Path(__file__).parents[2] / "docs" / "measure.md"
    assert all(f"`{name}." in page.read_text(encoding="utf-8") for name in metrics.names())
