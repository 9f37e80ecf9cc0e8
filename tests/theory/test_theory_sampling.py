import pytest

from plait.errors import PlaitError
from plait.theory import builders, constructions
from plait.theory.compile import MODES, compile
from plait.theory.pushforward import push
from plait.theory.sampling import compare, radius, sample


@pytest.mark.parametrize("mode", list(MODES))
def test_samples_agree_with_the_circuit_within_the_radius(mode):
    circuit = builders.parity_tree(24)
    words, rounds = sample(compile(circuit, mode)[0], 4000, seed=1)
    found = compare(words, circuit.sample(4000, seed=2), seed=3)
    assert found.tv <= found.radius < 0.25
    assert len(rounds) == circuit.depth + 1
    assert all(sum(word) % 2 == 0 for word in words)


def test_a_wrong_program_is_told_apart():
    program, _ = compile(builders.parity_tree(24), "cot")
    wrong = builders.random(24, 0, seed=5)
    words, _ = sample(compile(wrong, "cot")[0], 4000, seed=1)
    other, _ = sample(program, 4000, seed=2)
    n = min(len(words[0]), 24)
    found = compare([w[:n] for w in words], [w[:n] for w in other], seed=3)
    assert found.statistic.startswith("6 parities")
    even = compare(other, [(*w[:-1], 1 - w[-1]) for w in other], seed=3)
    assert even.tv - even.radius > 0.5


def test_small_outputs_are_compared_whole_and_counters_match_the_exact_mode():
    program = constructions.parity_remask(6)
    words, rounds = sample(program, 3000, seed=0)
    exact = push(program).rounds
    assert [(r.live, r.predictions, r.coins) for r in rounds] == [
        (r.live, r.predictions, r.coins) for r in exact
    ]
    found = compare(words, constructions.target_draws("parity-remask", 6, 3000, 9), seed=0)
    assert found.statistic == "the whole output"
    assert found.tv <= found.radius


def test_the_radius_shrinks_with_draws():
    assert radius(64, 40_000, 0.01) == pytest.approx(radius(64, 10_000, 0.01) / 2)
    with pytest.raises(PlaitError, match="draws is 0"):
        sample(constructions.parity_revision(4), 0, 0)
