"""The least rounds in which a law can be decoded exactly without revision, by full search."""

import math
from dataclasses import dataclass
from fractions import Fraction

from ..errors import PlaitError
from .laws import FiniteLaw, Word, exact_sum

MOST_STATES = 3**7  # partial words that the search may meet: about ten seconds


@dataclass(frozen=True)
class Depth:
    """Least rounds over all adaptive policies whose every round is exact."""

    worst: int  # the most rounds that any word takes, under the policy best in that respect
    mean: Fraction  # expected rounds, under the policy best in that respect


def minimal_depth(law: FiniteLaw) -> Depth:
    """The depth of a law: a round may reveal positions that are independent given the rest.

    Predictors are unrestricted. Raises PlaitError for laws too large to search.
    """
    if (law.symbols + 1) ** law.n > MOST_STATES:
        raise PlaitError(
            f"{law.n} positions of {law.symbols} symbols have {(law.symbols + 1) ** law.n} partial "
            f"words, more than the {MOST_STATES} that the search for the least depth takes"
        )
    known: dict[Word, Depth] = {}
    return _search(law, frozenset(range(law.n)), known)


def _search(law: FiniteLaw, masked: frozenset[int], known: dict[Word, Depth]) -> Depth:
    if not masked:
        return Depth(0, Fraction(0))
    some = next(iter(law.mass))
    key = tuple(-1 if i in masked else some[i] for i in range(law.n))
    if key not in known:
        plans = [_cost(law, masked, picks, known) for picks in _free(law, sorted(masked))]
        known[key] = Depth(min(p.worst for p in plans), min(p.mean for p in plans))
    return known[key]


def _cost(
    law: FiniteLaw, masked: frozenset[int], picks: tuple[int, ...], known: dict[Word, Depth]
) -> Depth:
    worst, mean = 0, []
    for part, p in law.marginal(picks).mass.items():
        left = law.given(dict(zip(picks, part, strict=True)))
        after = _search(left, masked - set(picks), known)
        worst = max(worst, after.worst)
        mean.append(p * after.mean)
    return Depth(1 + worst, 1 + exact_sum(mean))


def _free(law: FiniteLaw, masked: list[int]) -> list[tuple[int, ...]]:
    """Sets of positions that are jointly independent: all their subsets are, so build upwards."""
    single = {i: law.marginal([i]) for i in masked}
    level: list[tuple[int, ...]] = [(i,) for i in masked]
    found = list(level)
    while level:
        larger = [(*some, i) for some in level for i in masked if i > some[-1]]
        level = [picks for picks in larger if _independent(law, picks, single)]
        found += level
    return found


def _independent(law: FiniteLaw, picks: tuple[int, ...], single: dict[int, FiniteLaw]) -> bool:
    joint = law.marginal(picks)
    if len(joint.mass) < math.prod(len(single[i].mass) for i in picks):
        return False
    products = (
        math.prod((single[i][s,] for i, s in zip(picks, word, strict=True)), start=Fraction(1))
        for word in joint.mass
    )
    return all(p == q for p, q in zip(joint.mass.values(), products, strict=True))
