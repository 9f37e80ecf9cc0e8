import itertools
import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.errors import PlaitError
from plait.theory import bounds, constructions, library, policies
from plait.theory.bounds import error_rates, k_local
from plait.theory.depth import minimal_depth
from plait.theory.laws import FiniteLaw, kl, tv
from plait.theory.library import even_parity
from plait.theory.programs import NEVER, YES, Program, Rule, always, writes
from plait.theory.pushforward import push
from plait.theory.regular import Dfa, named, tree

PROGRAMS = [(n, *found) for n in range(2, 10) for found in k_local.constructions(n)]


@pytest.mark.parametrize(("n", "name", "program"), PROGRAMS)
def test_every_lemma_of_the_k_local_bound_by_enumeration(n, name, program):
    """The steps of the proof in docs/theory.md, for every construction up to n = 9."""
    k, words = program.fan_in, range(2**n)
    assert tv(push(program).law, even_parity(n)) == 0
    runs = k_local.follow(program)

    def seen(t: int, x: int) -> tuple:
        hidden = [runs.masked[t][v][x] for v in range(n)]
        return tuple(2 if h else x >> v & 1 for v, h in enumerate(hidden))

    even = {x for x in words if x.bit_count() % 2 == 0}
    for t in range(program.rounds):
        reached = {seen(t, x) for x in even}
        for x in words:  # lemma 1: what an odd word shows while masked, an even word shows too
            assert 2 not in seen(t, x) or seen(t, x) in reached
    for x in words:  # lemma 2: the last non-empty round reveals one position
        left = [n, *(sum(runs.masked[t][v][x] for v in range(n)) for t in range(program.rounds))]
        assert left[-1] == 0
        assert min(count for count in left if count) == 1
    for x in words:  # lemma 3: the parity is the number of forced reveals
        assert sum(table[x] for table in runs.forced.values()) == x.bit_count() % 2
    for t, v in itertools.product(range(program.rounds), range(n)):  # lemma 4: reach
        state = [seen(t, x)[v] for x in words]
        assert len(k_local.influences(state, n) | {v}) <= k**t
    for (t, u), table in runs.forced.items():
        reach = k_local.influences(table, n) | {u}
        assert len(reach) <= k ** (t - 1)
        assert k_local.degree(list(map(int, table)), n) <= len(reach)  # lemma 5: degree
    assert k_local.degree([x.bit_count() % 2 for x in words], n) == n
    assert program.rounds >= k_local.lower(n, k)


def test_the_bound_s_numbers_and_where_it_is_met():
    assert [k_local.lower(n, 2) for n in (2, 3, 4, 8, 64)] == [2, 3, 3, 4, 7]
    assert k_local.lower(10, 10) == 2
    assert k_local.lower(10, 9) == 3
    for n in range(3, 9):  # met at k = n and at k = n - 1
        assert constructions.parity_check_bit(n).fan_in == n
        assert constructions.parity_tree_local(n, 1, 1).fan_in == n - 1
        assert constructions.parity_tree_local(n, 1, 1).rounds == k_local.lower(n, n - 1)
    for row in bounds.table("k_local", 16):
        assert row["known"] is None or row["known"] >= row["lower"] >= row["with_revision"]
    with pytest.raises(PlaitError, match="1-local programs cannot"):
        k_local.lower(4, 1)


def test_no_two_round_program_of_two_reads_samples_even_parity_of_three_bits():
    """Round 1 sees only masks, so it writes a fixed set; round 2 must write the rest."""
    tables = list(itertools.product((0, 1, 2), repeat=3))  # P(1) in halves, by the cell read
    for size in (1, 2):
        first = writes(dict.fromkeys(range(size), (YES, always(1))))
        rest = range(size, 3)
        for reads in itertools.product(range(3), repeat=len(rest)):
            for chosen in itertools.product(tables, repeat=len(rest)):
                rules = [Rule((r,), t.__getitem__) for r, t in zip(reads, chosen, strict=True)]
                rules = [Rule(r.reads, lambda s, r=r: r.value(s[0])) for r in rules]
                second = writes({i: (YES, r) for i, r in zip(rest, rules, strict=True)})
                program = Program(3, (first, second), (0, 1, 2))
                assert tv(push(program).law, even_parity(3)) > 0
            if size == 1:
                break  # two left to the last round are independent, whatever they read


def test_an_inexact_program_breaks_a_lemma():
    """Two positions left to the last round: the forced reveals no longer count the parity."""
    first = writes({0: (YES, always(1))})
    copy = Rule((0,), lambda s: 2 * s[0])
    runs = k_local.follow(Program(3, (first, writes({1: (YES, copy), 2: (YES, copy)})), (0, 1, 2)))
    counts = [sum(table[x] for table in runs.forced.values()) for x in range(8)]
    assert counts != [x.bit_count() % 2 for x in range(8)]
    with pytest.raises(PlaitError, match="without scratch, revision or remasking"):
        k_local.follow(constructions.parity_revision(4))


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(2, 3))
def test_kl_is_the_sum_of_total_correlations(seed, n, symbols):
    law = policies.random_law(n, symbols, seed)
    paths = policies.follow(law, policies.at_random(n, seed))
    assert abs(policies.divergence(paths) - policies.total_price(paths)) < 1e-12
    for path in paths.values():
        assert abs(math.fsum(path.information) + math.log(path.q)) < 1e-12
        assert path.rounds >= math.fsum(path.information) / max([*path.information, 1e-9]) - 1e-9
    assert set(paths) == set(law.mass)


def test_one_round_costs_the_total_correlation_and_one_at_a_time_nothing():
    law = library.markov(4)
    one = policies.follow(law, policies.in_blocks(4, 4))
    product = FiniteLaw(
        {
            w: math.prod((law.marginal([i])[s,] for i, s in enumerate(w)), start=Fraction(1))
            for w in itertools.product((0, 1), repeat=4)
        }
    )
    assert math.isclose(policies.divergence(one), kl(law, product))
    assert policies.distance(one) == tv(law, product)
    assert policies.distance(policies.follow(law, policies.in_blocks(4, 1))) == 0


def test_policies_that_pick_amiss_are_refused_with_the_position():
    law = library.copies(3)
    for policy, sentence in [
        (lambda seen: frozenset(), "picks no position while 3 are masked"),
        (lambda seen: frozenset({0}), "picks position 0, which is revealed already"),
        (lambda seen: frozenset({9}), "picks position 9; the law has 0..2"),
    ]:
        with pytest.raises(PlaitError, match=sentence):
            policies.follow(law, policy)
    with pytest.raises(PlaitError, match="needs at least 2 segments; there is 1"):
        policies.sequential_dependence(law, [[0, 1, 2]])


def test_the_least_depth_of_known_laws():
    for n in (2, 3, 4, 5):
        assert minimal_depth(even_parity(n)).worst == 2
        assert minimal_depth(library.one_hot(n)).worst == n
    assert minimal_depth(library.product_coins(4)).worst == 1
    assert minimal_depth(library.copies(4)).worst == 2
    assert minimal_depth(library.markov(5)).worst == 3  # bisection: ceil(log2 5) + 1 is not needed
    assert minimal_depth(library.permutations(3)).worst == 3
    with pytest.raises(PlaitError, match="12 positions of 2 symbols have 531441 partial words"):
        minimal_depth(even_parity(12))


@pytest.mark.parametrize("name", bounds.names())
def test_every_bound_prints_and_holds(name):
    rows = bounds.table(name, 8 if name in ("error_rates", "k_local", "last_round") else 4)
    assert rows
    for row in rows:
        assert row.get("holds", True)
        assert row.get("wrong", 0) == 0
        assert row.get("difference", 0) < 1e-12
        assert row.get("identity_error", 0) < 1e-12
        assert row.get("last_round_reveals", [1]) == [1]
        assert row.get("least", row.get("n")) == row.get("n")
        if "scratch" in row:
            assert row["rounds"] == math.ceil(math.log2(row["n"]))
            assert row["scratch"] == row["n"] - 1
    with pytest.raises(PlaitError, match="n is 1000; it must lie between"):
        bounds.table(name, 1000)


def test_an_unknown_bound_names_the_nearest():
    with pytest.raises(PlaitError, match="did you mean 'k-local'"):
        bounds.table("k-locl")
    assert bounds.table("k-local") == bounds.table("k_local")


def test_regular_languages_bad_input_and_s5():
    word = (0, 1, 1, 0, 1, 0, 0, 1, 1)
    found = tree(named("s5"), word)
    assert found.accepts == named("s5").accepts(word)
    assert (found.rounds, found.scratch) == (4, 8)
    with pytest.raises(PlaitError, match="letter 1 must move each of the 2 states"):
        Dfa(((0, 1), (0, 2)), frozenset({0}))
    with pytest.raises(PlaitError, match="the empty word has no tree"):
        tree(named("parity"), ())
    with pytest.raises(PlaitError, match="did you mean 'parity'"):
        named("parify")


def golden(n: int) -> FiniteLaw:
    """The chain of error_rates with its rates rounded to fractions."""
    stay = Fraction(error_rates.CHAIN[0][0]).limit_denominator(10**9)
    start = Fraction(error_rates.START[0]).limit_denominator(10**9)
    mass = {}
    for word in itertools.product((0, 1), repeat=n):
        p = (1 - start) if word[0] else start
        for a, b in itertools.pairwise(word):
            p *= {(0, 0): stay, (0, 1): 1 - stay, (1, 0): Fraction(1), (1, 1): Fraction(0)}[a, b]
        mass[word] = p
    return FiniteLaw(mass)


def test_sampled_error_rates_agree_with_the_exact_ones():
    law = golden(5)
    for steps in (1, 3):
        bits, ser = error_rates.exact(law, steps)
        found = error_rates.sampled(5, steps, 3000, seed=steps)
        assert abs(found.ser - float(ser)) < 4 * found.ser_error + 1e-9
        excess = bits - law.entropy() / math.log(2) / 5
        assert 0 <= excess <= found.excess + 4 * found.excess_error  # Jensen
    product, _ = error_rates.exact(library.markov(3), 1)
    assert math.isclose(product, 1)  # fair bits: one bit per token
    with pytest.raises(PlaitError, match="at most 6 positions; the law has 8"):
        error_rates.exact(library.markov(8), 2)


def test_nothing_is_written_by_a_rule_that_never_fires():
    with pytest.raises(PlaitError, match="may still be masked"):
        push(Program(1, (writes({0: (NEVER, always(1))}),), (0,)))
