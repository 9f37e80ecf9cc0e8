"""Steps to a token error rate are flat in the length, steps to a sequence error rate are not.

arXiv:2502.09622, with an exact oracle: no model error, only the error of parallel steps. The law
is a stationary chain of bits that never writes 11; each position is unmasked at a uniformly
random one of N steps, and drawn from its exact conditional given the steps before.

TER = 2 ** (cross-entropy per token, bits), SER = P(a word that the law does not have). Definitions
as we recall them, not checked against the paper's text. `exact` computes both for any
small law; for long chains `sampled` gives a Monte Carlo SER, and an upper bound of the TER
(Jensen: the mean over unmasking times is taken outside the logarithm).
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import Any

from ...errors import PlaitError
from ..builders import within
from ..laws import FiniteLaw, Word, exact_sum

LENGTHS = (8, 16, 32, 64, 128)
DRAWS = 400
EXCESS, SEQUENCE = 0.05, 0.2  # targets: bits per token above the entropy rate, and SER


def error_rates(n: int = 64) -> list[dict[str, Any]]:
    """Least N (a power of two) with excess bits per token <= 0.05, and with SER <= 0.2."""
    within("n", n, LENGTHS[0], LENGTHS[-1])
    rows = []
    for length in (size for size in LENGTHS if size <= n):
        row: dict[str, Any] = {"n": length}
        for steps in (2**i for i in range(20)):
            found = sampled(length, steps, DRAWS, seed=length * 64 + steps)
            if "steps_to_token_error" not in row and found.excess <= EXCESS:
                row |= {"steps_to_token_error": steps, "excess": found.excess}
                row |= {"excess_error": found.excess_error}
            if "steps_to_sequence_error" not in row and found.ser <= SEQUENCE:
                row |= {"steps_to_sequence_error": steps, "ser": found.ser}
                row |= {"ser_error": found.ser_error}
            if len(row) == 7:
                break
        rows.append(row)
    return rows


@dataclass(frozen=True)
class Rates:
    """Estimates with their standard errors. `excess` bounds log2 TER minus the entropy rate."""

    excess: float
    excess_error: float
    ser: float
    ser_error: float


GOLDEN = (1 + math.sqrt(5)) / 2
CHAIN = ((1 / GOLDEN, 1 / GOLDEN**2), (1.0, 0.0))  # rows: from 0, from 1
START = (GOLDEN**2 / (1 + GOLDEN**2), 1 / (1 + GOLDEN**2))


def sampled(length: int, steps: int, draws: int, seed: int) -> Rates:
    """Both rates of `length` positions in `steps` random steps, from that many draws of each."""
    rng, power = Random(seed), _powers(length)
    excess, invalid = [], 0
    for _ in range(draws):
        order = _order(length, steps, rng)
        truth = [int(rng.random() < START[1])]
        while len(truth) < length:
            truth.append(int(rng.random() < CHAIN[truth[-1]][1]))
        ideal = math.log2(START[truth[0]])
        ideal += sum(math.log2(CHAIN[a][b]) for a, b in itertools.pairwise(truth))
        told = _write(order, power, truth, rng)
        excess.append((ideal - told) / length)
        word = [-1] * length
        _write(order, power, word, rng)
        invalid += any(a == b == 1 for a, b in itertools.pairwise(word))
    mean, ser = math.fsum(excess) / draws, invalid / draws
    spread = math.fsum((e - mean) ** 2 for e in excess) / max(draws - 1, 1)
    error = math.sqrt(ser * (1 - ser) / draws)
    return Rates(mean, math.sqrt(spread / draws), ser, error)


def _order(length: int, steps: int, rng: Random) -> list[list[int]]:
    """Positions by step, each at a uniformly random one; empty steps left out."""
    when: dict[int, list[int]] = {}
    for position in range(length):
        when.setdefault(rng.randrange(steps), []).append(position)
    return [when[t] for t in sorted(when)]


def _write(
    order: Sequence[Sequence[int]], power: list[list[list[float]]], word: list[int], rng: Random
) -> float:
    """log2 of the chance of `word` under the oracle; positions that hold -1 are drawn first."""
    seen: list[int] = [-1] * len(word)
    total = 0.0
    for group in order:
        drawn = []
        for i in group:
            left = next((j for j in range(i - 1, -1, -1) if seen[j] >= 0), -1)
            right = next((j for j in range(i + 1, len(word)) if seen[j] >= 0), -1)
            before = START if left < 0 else power[i - left][seen[left]]
            after = [1.0, 1.0] if right < 0 else [row[seen[right]] for row in power[right - i]]
            one = before[1] * after[1] / (before[0] * after[0] + before[1] * after[1] or 1.0)
            symbol = word[i] if word[i] >= 0 else int(rng.random() < one)
            total += math.log2((one if symbol else 1 - one) or 1e-300)
            drawn.append(symbol)
        for i, symbol in zip(group, drawn, strict=True):
            seen[i] = word[i] = symbol
    return total


def _powers(length: int) -> list[list[list[float]]]:
    """Powers 0..length of the transition matrix."""
    powers = [[[1.0, 0.0], [0.0, 1.0]]]
    for _ in range(length):
        powers.append(
            [[sum(row[k] * CHAIN[k][j] for k in (0, 1)) for j in (0, 1)] for row in powers[-1]]
        )
    return powers


def exact(law: FiniteLaw, steps: int) -> tuple[float, Fraction]:
    """(log2 TER, SER) of a small law in `steps` random steps, by sets of revealed positions.

    After t steps the law of (revealed set, tokens) is known; the next step unmasks each masked
    position with probability 1 / (steps - t).
    """
    if law.n > 6:
        raise PlaitError(f"the exact error rates take at most 6 positions; the law has {law.n}")
    chance: dict[tuple[int, ...], FiniteLaw] = {}
    written = {word: _chance(law, word, steps, chance) for word in law.mass}
    bits = -math.fsum(float(p) * math.log2(written[w]) for w, p in law.mass.items()) / law.n
    return bits, 1 - exact_sum(written.values())


def _chance(
    law: FiniteLaw, word: Word, steps: int, known: dict[tuple[int, ...], FiniteLaw]
) -> Fraction:
    """The probability of writing `word`."""
    n = law.n
    weight = {frozenset[int](): Fraction(1)}
    for t in range(steps):
        rate = Fraction(1, steps - t)
        after: dict[frozenset[int], Fraction] = {}
        for seen, p in weight.items():
            key = tuple(word[i] if i in seen else -1 for i in range(n))
            if key not in known:
                known[key] = law.given({i: word[i] for i in seen})
            masked = [i for i in range(n) if i not in seen]
            single = {i: known[key].marginal([i])[word[i],] for i in masked}
            for picks in itertools.product((False, True), repeat=len(masked)):
                q, new = p, set(seen)
                for i, picked in zip(masked, picks, strict=True):
                    q *= rate * single[i] if picked else 1 - rate
                    new |= {i} if picked else set()
                after[frozenset(new)] = after.get(frozenset(new), Fraction(0)) + q
        weight = after
    return weight[frozenset(range(n))]
