"""Decoding a law with its exact conditionals and no revision: what a policy costs.

A policy looks at what is revealed and picks the positions of the next round; each is drawn from
its own exact conditional, independently of the others.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random

from ..errors import PlaitError
from .laws import FiniteLaw, Word, exact_sum, log

Seen = Mapping[int, int]  # symbol by revealed position
Policy = Callable[[Seen], frozenset[int]]


@dataclass(frozen=True)
class Path:
    """How one word of the law comes to be written under a policy."""

    p: Fraction  # its probability in the law
    q: Fraction  # its probability under the policy
    information: tuple[float, ...]  # of each round: -log of what was drawn, nats
    price: tuple[float, ...]  # of each round: total correlation of what is drawn together, nats

    @property
    def rounds(self) -> int:
        """Rounds taken."""
        return len(self.information)


def follow(law: FiniteLaw, policy: Policy) -> dict[Word, Path]:
    """The path of every word of the law. Raises PlaitError if the policy picks amiss."""
    paths: dict[Word, Path] = {}
    todo: list[tuple[dict[int, int], FiniteLaw, Path]] = [
        ({}, law, Path(Fraction(1), Fraction(1), (), ()))
    ]
    while todo:
        seen, left, path = todo.pop()
        if len(seen) == law.n:
            paths[tuple(seen[i] for i in range(law.n))] = path
            continue
        picks = sorted(policy(seen))
        _check(picks, seen, law.n)
        price = (*path.price, left.total_correlation([[i] for i in picks]))
        single = [left.marginal([i]) for i in picks]
        for part, p in left.marginal(picks).mass.items():
            chance = math.prod(
                (m[s,] for m, s in zip(single, part, strict=True)), start=Fraction(1)
            )
            told = dict(zip(picks, part, strict=True))
            information = (*path.information, -log(chance))
            after = Path(path.p * p, path.q * chance, information, price)
            todo.append(({**seen, **told}, left.given(told), after))
    return paths


def _check(picks: Sequence[int], seen: Seen, n: int) -> None:
    if not picks:
        raise PlaitError(f"the policy picks no position while {n - len(seen)} are masked")
    for position in picks:
        if position in seen:
            raise PlaitError(f"the policy picks position {position}, which is revealed already")
        if not 0 <= position < n:
            raise PlaitError(f"the policy picks position {position}; the law has 0..{n - 1}")


def divergence(paths: Mapping[Word, Path]) -> float:
    """KL(p || q) in nats, from the two probabilities of each word."""
    return math.fsum(float(path.p) * log(path.p / path.q) for path in paths.values())


def total_price(paths: Mapping[Word, Path]) -> float:
    """E_p of the summed total correlations: equals `divergence` (docs/theory.md)."""
    return math.fsum(float(path.p) * math.fsum(path.price) for path in paths.values())


def distance(paths: Mapping[Word, Path]) -> Fraction:
    """TV(p, q); q may also write words that the law lacks."""
    lost = 1 - exact_sum(path.q for path in paths.values())
    return (exact_sum(abs(path.p - path.q) for path in paths.values()) + lost) / 2


def in_blocks(n: int, size: int) -> Policy:
    """The next `size` positions from the left."""
    return lambda seen: frozenset(range(len(seen), min(n, len(seen) + size)))


def at_random(n: int, seed: int) -> Policy:
    """An adaptive policy whose picks depend, by a hash, on all that is revealed."""

    def pick(seen: Seen) -> frozenset[int]:
        rng = Random(f"{seed} {sorted(seen.items())}")
        masked = [i for i in range(n) if i not in seen]
        return frozenset(rng.sample(masked, rng.randint(1, len(masked))))

    return pick


def sequential_dependence(law: FiniteLaw, segments: Sequence[Sequence[int]]) -> float:
    """E[SeqDep] of arXiv:2602.23225, Eq. 4, with the law itself as scorer, nats per segment.

    The mean over segments 2..N of E[log p(s_n | s_<n) - log p(s_n)]. It equals the total
    correlation of the segments over N - 1.
    """
    if len(segments) < 2:
        raise PlaitError(f"SeqDep needs at least 2 segments; there is {len(segments)}")
    terms = []
    for past, segment in itertools.pairwise(itertools.accumulate(map(tuple, segments))):
        new = segment[len(past) :]
        joint, before, alone = law.marginal(segment), law.marginal(past), law.marginal(new)
        for word, p in joint.mass.items():
            start, end = word[: len(past)], word[len(past) :]
            terms.append(float(p) * log(p / before[start] / alone[end]))
    return math.fsum(terms) / (len(segments) - 1)


def random_law(n: int, symbols: int, seed: int) -> FiniteLaw:
    """A law with random integer weights, about a quarter of its words missing."""
    rng = Random(seed)
    words = list(itertools.product(range(symbols), repeat=n))
    weights = [rng.choice([0, 1, 2, 3 + rng.randrange(100)]) for _ in words]
    weights[rng.randrange(len(words))] += 1
    total = sum(weights)
    return FiniteLaw({w: Fraction(c, total) for w, c in zip(words, weights, strict=True) if c})
