"""The exact law of what a program writes, and the counters of its rounds."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from .laws import FiniteLaw, Word, affordable
from .machine import Columns, Machine
from .programs import Program


@dataclass(frozen=True)
class Round:
    """Counters of one round, each the most that any state shows."""

    states: int  # states with positive probability after the round
    live: int  # positions revealed after the round: the space in use
    predictions: int  # positions written in the round
    coins: int  # fair bits that decided them


@dataclass(frozen=True)
class Run:
    """What an exact run found."""

    law: FiniteLaw
    rounds: tuple[Round, ...]

    @property
    def peak_live(self) -> int:
        """The most positions in use after any round."""
        return max(round.live for round in self.rounds)


def push(program: Program) -> Run:
    """Push the all-masked state through every round, with all coins at once.

    Weights are integers over one power of two. Raises PlaitError where the program is illegal,
    or where more states are reached than the exact mode holds.
    """
    machine, rounds = Machine(program), []
    weights, exponent = {0: 1}, 0
    for index in range(program.rounds):
        columns = machine.columns(index, list(weights))
        merged = _merge(columns, list(weights.values()))
        outcomes = _expand(merged, [p for p, _ in columns.open], machine, index)
        rounds.append(counters(outcomes, program))
        weights = defaultdict(int)
        for outcome, weight in outcomes.items():
            weights[outcome & machine.kept] += weight
        exponent += program.coins * len(columns.open)
        shared = min(exponent, *(_zeros(w) for w in weights.values()))
        weights = {state: w >> shared for state, w in weights.items()}
        exponent -= shared
    law: dict[Word, int] = defaultdict(int)
    for state, weight in weights.items():
        law[machine.word(state)] += weight
    return Run(FiniteLaw({w: Fraction(p, 1 << exponent) for w, p in law.items()}), tuple(rounds))


def counters(outcomes: Iterable[int], program: Program) -> Round:
    """The counters of the packed outcomes of one round."""
    n = program.length
    plane, states = (1 << n) - 1, set()
    live = predictions = coins = 0
    for outcome in outcomes:
        states.add(outcome & (1 << 2 * n) - 1)
        live = max(live, (outcome & plane).bit_count())
        predictions = max(predictions, (outcome >> 2 * n & plane).bit_count())
        coins = max(coins, (outcome >> 3 * n).bit_count())
    return Round(len(states), live, predictions, coins * program.coins)


def _merge(columns: Columns, weights: list[int]) -> dict[tuple[int, ...], int]:
    """Weight by (fixed outcome, code of each open position): states that fare alike are one."""
    merged: dict[tuple[int, ...], int] = defaultdict(int)
    rows = zip(columns.fixed, *(codes for _, codes in columns.open), strict=True)
    for row, weight in zip(rows, weights, strict=True):
        merged[row] += weight
    return merged


def _expand(
    merged: dict[tuple[int, ...], int], positions: list[int], machine: Machine, round: int
) -> dict[int, int]:
    """Weight by packed outcome, every coin tossed."""
    full = 1 << machine.program.coins
    rows = [(key[0], key[1:], weight) for key, weight in merged.items()]
    for place, position in enumerate(positions):
        one, zero = machine.one(position), machine.zero(position)
        new = []
        for fixed, codes, weight in rows:
            if (code := codes[place]) >= 0:
                new.append((fixed | code, codes, weight * full))
            else:
                new.append((fixed | one, codes, -code * weight))
                new.append((fixed | zero, codes, (full + code) * weight))
        rows = new
        affordable(len(rows), f"round {round + 1} has as many outcomes as", "sample it (--draws)")
    outcomes: dict[int, int] = defaultdict(int)
    for fixed, _, weight in rows:
        outcomes[fixed] += weight
    return outcomes


def _zeros(weight: int) -> int:
    return (weight & -weight).bit_length() - 1
