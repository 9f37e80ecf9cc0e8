from dataclasses import replace
from fractions import Fraction

import pytest

from plait.errors import PlaitError
from plait.theory import builders, constructions
from plait.theory.compile import compile
from plait.theory.laws import tv
from plait.theory.library import even_parity, one_hot
from plait.theory.programs import NEVER, YES, Program, Rule, Step, Switch, always, writes
from plait.theory.pushforward import push

COIN = always(1)
NOTHING = Step({}, {}, {})


def one_cell(*steps: Step, **settings) -> Program:
    return Program(1, steps, (0,), **settings)


def write(value: int, position: int = 0) -> Step:
    return writes({position: (YES, always(value))})


@pytest.mark.parametrize("n", range(2, 11))
def test_even_parity_takes_two_rounds_with_revision_and_two_reads(n):
    program = constructions.parity_revision(n)
    assert (program.rounds, program.fan_in, program.length) == (2, 2, n)
    assert tv(push(program).law, even_parity(n)) == 0


@pytest.mark.parametrize("n", range(2, 13, 2))
def test_even_parity_takes_five_rounds_with_remasking_and_three_reads(n):
    program = constructions.parity_remask(n)
    assert (program.rounds, program.length, program.revision) == (5, n, False)
    assert program.fan_in <= 3
    assert tv(push(program).law, even_parity(n)) == 0


@pytest.mark.parametrize("n", [2, 4, 8, 16])
def test_one_hot_takes_two_rounds_with_revision(n):
    program = constructions.one_hot_revision(n)
    assert program.rounds == 2
    assert tv(push(program).law, one_hot(n)) == 0


@pytest.mark.parametrize(
    "shape", [(3, 1, 1), (6, 1, 1), (5, 1, 2), (9, 1, 2), (8, 2, 2), (13, 2, 2), (9, 1, 4)]
)
def test_the_tree_samples_even_parity_without_revision(shape):
    program = constructions.parity_tree_local(*shape)
    assert not program.revision
    assert not program.remasks
    assert program.rounds == shape[2] + 2
    assert tv(push(program).law, even_parity(shape[0])) == 0


@pytest.mark.parametrize("build", ["parity_revision", "parity_remask", "parity_tree_local"])
def test_programs_with_a_round_taken_out_fail(build):
    program = getattr(constructions, build)(8)
    for round in range(program.rounds):
        steps = program.steps[:round] + program.steps[round + 1 :]
        fails(replace(program, steps=steps), 8)


@pytest.mark.parametrize("build", ["parity_revision", "parity_remask", "parity_check_bit"])
def test_programs_with_one_deterministic_prediction_negated_fail(build):
    program = getattr(constructions, build)(6)
    for round, step in enumerate(program.steps):
        for position, rule in step.predict.items():
            if rule.value((0,) * len(rule.reads)) == 1:
                continue  # a coin negated is a coin
            negated = Rule(rule.reads, lambda s, rule=rule: 2 - rule.value(s))
            if build == "parity_remask" and round == 0:
                continue  # a constant in place of y_m: see the next test
            changed = replace(step, predict={**step.predict, position: negated})
            steps = (*program.steps[:round], changed, *program.steps[round + 1 :])
            fails(replace(program, steps=steps), 6)


def test_programs_that_forget_to_remask_fail():
    program = constructions.parity_remask(6)
    for round in (1, 3):
        step = replace(program.steps[round], remask={})
        steps = (*program.steps[:round], step, *program.steps[round + 1 :])
        fails(replace(program, steps=steps), 6)


def fails(program: Program, n: int) -> None:
    """The program is refused, or misses even parity."""
    try:
        found = push(program)
    except PlaitError:
        return
    assert tv(found.law, even_parity(n)) > 0


def test_a_revision_program_without_revision_is_refused_with_round_and_position():
    sentence = "round 2: position 0 is revealed and frozen; only revision may write it again"
    with pytest.raises(PlaitError, match=sentence):
        push(replace(constructions.parity_revision(4), revision=False))
    program, _ = compile(builders.adder(2), "revision")
    with pytest.raises(PlaitError, match="is revealed and frozen"):
        push(replace(program, revision=False))


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        (lambda: one_cell(), "at least one round"),
        (lambda: Program(1, (NOTHING,), ()), "at least one output"),
        (lambda: Program(1, (NOTHING,), (3,)), "the output names position 3; .* has 0..0"),
        (lambda: one_cell(write(0, 5)), "round 1: a (predict|unmask) map names position 5"),
        (
            lambda: one_cell(Step({0: Rule((7,), max)}, {}, {})),
            "the predict map of position 0 names position 7",
        ),
        (lambda: one_cell(NOTHING), r"after the last round \(1\) output position 0 may still"),
        (lambda: one_cell(write(3)), "round 1: the predictor of position 0 says 3/2"),
        (lambda: one_cell(write(0), write(1)), "round 2: position 0 is revealed and frozen"),
        (lambda: one_cell(Step({}, {}, {0: YES})), "round 1: position 0 is masked already"),
        (
            lambda: one_cell(write(0), Step({}, {0: YES}, {0: YES}), revision=True),
            "round 2: position 0 is both written and remasked",
        ),
    ],
)
def test_illegal_programs_are_refused_with_the_round_and_the_position(program, sentence):
    with pytest.raises(PlaitError, match=sentence):
        push(program())


def test_probabilities_are_exact_and_more_coins_give_finer_ones():
    program = one_cell(write(5), coins=3)
    assert push(program).law.mass == {(0,): Fraction(3, 8), (1,): Fraction(5, 8)}


def test_an_adaptive_order_depends_on_the_state():
    """Position 1 is written in round 2 after a 0, in round 3 after a 1; then it copies."""
    first = writes({0: (YES, COIN)})
    early = writes({1: (Rule((0,), lambda s: int(s[0] == 0)), NEVER)})
    late = writes({1: (Rule((1,), lambda s: int(s[0] == 2)), always(2))})
    found = push(Program(2, (first, early, late), (0, 1)))
    assert found.law.mass == {(0, 0): Fraction(1, 2), (1, 1): Fraction(1, 2)}
    assert [r.live for r in found.rounds] == [1, 2, 2]
    assert [r.coins for r in found.rounds] == [1, 0, 0]


def test_counters():
    rounds = push(constructions.parity_remask(8)).rounds
    assert [r.live for r in rounds] == [4, 4, 8, 8, 8]
    assert [r.predictions for r in rounds] == [4, 4, 4, 0, 8]
    assert [r.coins for r in rounds] == [3, 0, 4, 0, 0]


def test_more_states_than_the_exact_mode_holds_are_refused():
    wide = Program(20, (writes(dict.fromkeys(range(20), (YES, COIN))),), (0,))
    with pytest.raises(PlaitError, match="round 1 has as many outcomes as 524288"):
        push(wide)


def test_fan_in_counts_every_wire_of_a_switch():
    switch = Switch((1, 2), {(0, 0): Rule((3,), max)}, NEVER)
    step = Step({0: switch}, {0: Rule((4,), max)}, {})
    assert step.fan_in(0) == 5
    assert step.fan_in(1) == 1
