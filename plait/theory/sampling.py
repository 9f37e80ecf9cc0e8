"""The statistical mode: programs too large for exact laws, with the error stated.

Kept apart from the exact mode: nothing here is a proof, and every number has a radius.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from ..errors import PlaitError
from .laws import Word
from .machine import Machine
from .programs import Program
from .pushforward import Round, counters

CONFIDENCE = 0.99
PARITIES = 6  # random parities that outputs of more than so many bits are compared by


def sample(program: Program, draws: int, seed: int) -> tuple[list[Word], list[Round]]:
    """Independent draws of the output, and the counters of each round over the draws."""
    if draws < 1:
        raise PlaitError(f"draws is {draws}; it must be >= 1")
    machine, rng, rounds = Machine(program), Random(seed), []
    states = [0] * draws
    for index in range(program.rounds):
        columns = machine.columns(index, states)
        outcomes = columns.fixed
        for position, codes in columns.open:
            one, zero = machine.one(position), machine.zero(position)
            pick = rng.getrandbits
            outcomes = [
                o | (c if c >= 0 else one if pick(program.coins) < -c else zero)
                for o, c in zip(outcomes, codes, strict=True)
            ]
        rounds.append(counters(outcomes, program))
        states = [outcome & machine.kept for outcome in outcomes]
    return [machine.word(state) for state in states], rounds


def live(program: Program) -> list[int]:
    """Positions revealed after each round, along one draw (a compiled program's never vary)."""
    return [round.live for round in sample(program, 1, 0)[1]]


@dataclass(frozen=True)
class Estimate:
    """A total variation distance seen in samples; the true one is within `radius` of it.

    That holds with probability `confidence` for the distance between the two laws of `statistic`,
    which is at most the distance between the outputs themselves.
    """

    tv: float
    radius: float
    draws: int
    confidence: float
    statistic: str


def compare(a: Sequence[Word], b: Sequence[Word], seed: int) -> Estimate:
    """The distance between two laws from draws of both.

    Words of more than `PARITIES` bits are reduced to so many parities of random subsets, for
    which a histogram of that many draws is full.
    """
    view, statistic, cells = _view(a, seed)
    p, q = Counter(map(view, a)), Counter(map(view, b))
    tv = sum(abs(p[x] / len(a) - q[x] / len(b)) for x in p | q) / 2
    return Estimate(
        tv=tv,
        radius=radius(cells, len(a), 1 - CONFIDENCE) + radius(cells, len(b), 1 - CONFIDENCE),
        draws=min(len(a), len(b)),
        confidence=CONFIDENCE,
        statistic=statistic,
    )


def radius(cells: int, draws: int, risk: float) -> float:
    """How far a histogram of `cells` cells may lie from its law in TV, but for a risk / 2.

    The mean distance is at most sqrt(cells / draws) / 2 (Cauchy-Schwarz); the distance moves by
    at most 1 / draws with each draw, so McDiarmid's inequality bounds the rest.
    """
    return math.sqrt(cells / draws) / 2 + math.sqrt(math.log(2 / risk) / (2 * draws))


def _view(words: Sequence[Word], seed: int) -> tuple[Callable[[Word], Word], str, int]:
    """What to compare words by, its name, and how many values it has."""
    n = len(words[0])
    if n <= PARITIES:
        return (lambda word: word), "the whole output", 2**n
    rng = Random(seed)
    subsets = [[i for i in range(n) if rng.random() < 0.5] for _ in range(PARITIES - 1)]
    subsets.append(list(range(n)))
    name = f"{PARITIES} parities: {PARITIES - 1} of random subsets of the output, one of all"
    return (lambda word: tuple(sum(word[i] for i in s) % 2 for s in subsets)), name, 2**PARITIES
