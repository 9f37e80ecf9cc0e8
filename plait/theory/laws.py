"""Finite laws with exact probabilities: what a sampler is measured against."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from ..errors import PlaitError

Word = tuple[int, ...]
MOST = 2**18  # words or states that an exact computation may hold: some seconds, some 100 MB


def affordable(count: int, what: str, instead: str) -> None:
    """Raise PlaitError if `count` things are more than the exact mode holds."""
    if count > MOST:
        raise PlaitError(f"{what} {count}, more than the {MOST} of the exact mode; {instead}")


@dataclass(frozen=True)
class FiniteLaw:
    """A law of words of one length over the symbols 0, 1, ...; probabilities are fractions.

    Words of probability 0 are dropped. Entropies and divergences are in nats.
    """

    mass: Mapping[Word, Fraction]

    def __post_init__(self) -> None:
        if not self.mass:
            raise PlaitError("a law needs at least one word")
        lengths = {len(word) for word in self.mass}
        if len(lengths) > 1:
            raise PlaitError(f"the words of a law have lengths {sorted(lengths)}; they must agree")
        for word, p in self.mass.items():
            if p < 0:
                raise PlaitError(f"the probability of {word} is {p}; it must be >= 0")
            if min(word, default=0) < 0:
                raise PlaitError(f"the word {word} holds {min(word)}; symbols are 0, 1, 2, ...")
        if (total := exact_sum(self.mass.values())) != 1:
            raise PlaitError(f"the probabilities of a law sum to {total}, not to 1")
        object.__setattr__(self, "mass", {word: p for word, p in self.mass.items() if p})

    @property
    def n(self) -> int:
        """Positions of a word."""
        return len(next(iter(self.mass)))

    @property
    def symbols(self) -> int:
        """Size of the alphabet: one more than the largest symbol."""
        return 1 + max(max(word, default=0) for word in self.mass)

    def __getitem__(self, word: Word) -> Fraction:
        return self.mass.get(word, Fraction(0))

    def marginal(self, where: Sequence[int]) -> "FiniteLaw":
        """The law of the positions `where`, in that order."""
        parts: dict[Word, list[Fraction]] = defaultdict(list)
        for word, p in self.mass.items():
            parts[tuple(word[i] for i in where)].append(p)
        return FiniteLaw({part: exact_sum(ps) for part, ps in parts.items()})

    def given(self, seen: Mapping[int, int]) -> "FiniteLaw":
        """The law of the whole word given the symbols at some positions.

        Raises PlaitError if what is seen has probability 0.
        """
        fits = {w: p for w, p in self.mass.items() if all(w[i] == s for i, s in seen.items())}
        total = exact_sum(fits.values())
        if not total:
            raise PlaitError(f"the law gives probability 0 to {dict(sorted(seen.items()))}")
        return FiniteLaw({word: p / total for word, p in fits.items()})

    def entropy(self) -> float:
        """Shannon entropy."""
        return -math.fsum(float(p) * log(p) for p in self.mass.values())

    def total_correlation(self, groups: Sequence[Sequence[int]]) -> float:
        """KL from the law of `groups` to the product of its groups: the price of one round."""
        joint = self.marginal([i for group in groups for i in group])
        parts = [self.marginal(group) for group in groups]
        terms = []
        for word, p in joint.mass.items():
            start, product = 0, Fraction(1)
            for part in parts:
                product *= part[word[start : start + part.n]]
                start += part.n
            terms.append(float(p) * log(p / product))
        return math.fsum(terms)


def exact_sum(values: Iterable[Fraction]) -> Fraction:
    """The sum, over one common denominator: much faster than adding fractions in turn."""
    values = list(values)
    common = math.lcm(*{v.denominator for v in values})
    return Fraction(sum(v.numerator * (common // v.denominator) for v in values), common)


def log(p: Fraction) -> float:
    """Natural logarithm of a positive fraction, also where a float would underflow."""
    return math.log(float(p)) if p > Fraction(1, 2**900) else _log_of_tiny(p)


def _log_of_tiny(p: Fraction) -> float:
    return math.log(p.numerator) - math.log(p.denominator)


def tv(p: FiniteLaw, q: FiniteLaw) -> Fraction:
    """Total variation distance: the largest difference that any event can show."""
    comparable(p, q)
    return exact_sum(abs(p[word] - q[word]) for word in {**p.mass, **q.mass}) / 2


def kl(p: FiniteLaw, q: FiniteLaw) -> float:
    """KL(p || q) in nats; infinite where q misses a word of p."""
    comparable(p, q)
    if any(word not in q.mass for word in p.mass):
        return math.inf
    return math.fsum(float(m) * log(m / q[word]) for word, m in p.mass.items())


def comparable(p: FiniteLaw, q: FiniteLaw) -> None:
    """Raise PlaitError unless both laws are over words of one length."""
    if p.n != q.n:
        raise PlaitError(f"the laws are over words of {p.n} and of {q.n} positions")


def uniform(words: Iterable[Word]) -> FiniteLaw:
    """The uniform law over some distinct words."""
    words = list(words)
    return FiniteLaw({word: Fraction(1, len(words)) for word in words})
