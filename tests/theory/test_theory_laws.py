import itertools
import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.errors import PlaitError
from plait.theory import catalogue, library
from plait.theory.laws import FiniteLaw, kl, tv, uniform
from plait.theory.policies import random_law, sequential_dependence

HALF = Fraction(1, 2)


def test_mass_must_sum_to_one_and_the_sentence_says_to_what():
    with pytest.raises(PlaitError, match="sum to 3/4, not to 1"):
        FiniteLaw({(0,): HALF, (1,): HALF / 2})
    with pytest.raises(PlaitError, match=r"probability of \(1,\) is -1/2"):
        FiniteLaw({(0,): 3 * HALF, (1,): -HALF})
    with pytest.raises(PlaitError, match=r"lengths \[1, 2\]"):
        FiniteLaw({(0,): HALF, (1, 0): HALF})
    with pytest.raises(PlaitError, match=r"probability 0 to \{0: 1, 1: 1\}"):
        library.one_hot(3).given({0: 1, 1: 1})
    with pytest.raises(PlaitError, match="of 2 and of 3 positions"):
        tv(library.copies(2), library.copies(3))


def test_closed_forms():
    assert math.isclose(library.even_parity(6).entropy(), 5 * math.log(2))
    assert math.isclose(
        library.even_parity(6).total_correlation([[i] for i in range(6)]), math.log(2)
    )
    assert math.isclose(library.permutations(4).entropy(), math.log(24))
    assert len(library.balanced(8).mass) == 14  # Catalan
    assert library.walk(4).symbols == 5
    chain = library.markov(5)
    assert chain.given({0: 0}).marginal([1])[1,] == Fraction(1, 4)
    assert library.hidden_markov(4).marginal([2])[1,] == HALF
    assert tv(library.even_parity(3), library.product_coins(3)) == HALF
    assert kl(library.product_coins(3), library.even_parity(3)) == math.inf
    assert math.isclose(kl(library.even_parity(3), library.product_coins(3)), math.log(2))


@pytest.mark.parametrize("name", catalogue.names("law"))
def test_every_named_law_builds_and_its_marginals_agree(name):
    law = catalogue.build("law", name)
    first, rest = law.marginal([0]), range(1, law.n)
    for (symbol,), p in first.mass.items():
        assert law.given({0: symbol}).marginal([0])[symbol,] == 1
        if law.n > 1:
            joint = law.marginal([0, *rest])
            assert sum(q for w, q in joint.mass.items() if w[0] == symbol) == p


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(2, 3))
def test_sequential_dependence_is_total_correlation_over_n_minus_1(seed, symbols):
    law = random_law(5, symbols, seed)
    segments = [[0, 3], [1], [2, 4]]
    tc = law.total_correlation(segments)
    for order in itertools.permutations(segments):
        assert abs(sequential_dependence(law, order) - tc / 2) < 1e-12


def test_paths_are_independent_and_the_summary_is_not():
    law = library.paths(7)
    *paths, summary = library.streams("paths", 7)
    assert abs(sequential_dependence(law, paths)) < 1e-12
    assert sequential_dependence(law, [*paths, summary]) > 0.1


def test_uniform_is_normalised():
    assert set(uniform([(0, 1), (1, 0), (1, 1)]).mass.values()) == {Fraction(1, 3)}
