"""Named laws: what `--law NAME` means. Each public function of this file is a name.

`streams` says which laws have parts that a layout of streams and a summary fits.
"""

import itertools
from collections.abc import Iterator
from fractions import Fraction

from ..errors import PlaitError
from .builders import random as random_circuit_of
from .builders import within
from .laws import FiniteLaw, Word, uniform
from .regular import named

MOST_BITS = 17  # 2**17 words take some seconds
STAY = Fraction(3, 4)  # chance that the chains of this file keep their state


def even_parity(n: int = 8) -> FiniteLaw:
    """Uniform over words of even parity: the witness of arXiv:2512.25014, Theorems 4.1 to 4.5."""
    return uniform(w for w in _words(2, n) if sum(w) % 2 == 0)


def one_hot(n: int = 8) -> FiniteLaw:
    """Uniform over words with a single 1: n rounds without revision, whatever the predictor."""
    within("n", n, 1, 1024)
    return uniform(tuple(int(i == j) for j in range(n)) for i in range(n))


def product_coins(n: int = 8) -> FiniteLaw:
    """Independent fair coins: one round."""
    return uniform(_words(2, n))


def copies(n: int = 8) -> FiniteLaw:
    """One coin, n times: two rounds."""
    within("n", n, 1, 1024)
    return uniform([(0,) * n, (1,) * n])


def permutations(n: int = 5) -> FiniteLaw:
    """Uniform over the permutations of 0..n-1."""
    within("n", n, 1, 8)
    return uniform(itertools.permutations(range(n)))


def markov(n: int = 8) -> FiniteLaw:
    """A stationary chain of bits that keeps its value with probability 3/4."""
    mass = {}
    for word in _words(2, n):
        moves = sum(a != b for a, b in itertools.pairwise(word))
        mass[word] = STAY ** (n - 1 - moves) * (1 - STAY) ** moves / 2
    return FiniteLaw(mass)


def hidden_markov(n: int = 8) -> FiniteLaw:
    """The chain of `markov`, hidden: each position shows its state with probability 7/8."""
    show = (Fraction(7, 8), Fraction(1, 8))
    mass = {}
    for word in _words(2, n):
        state = [show[word[0] != s] / 2 for s in (0, 1)]
        for symbol in word[1:]:
            move = [STAY * state[s] + (1 - STAY) * state[1 - s] for s in (0, 1)]
            state = [show[symbol != s] * move[s] for s in (0, 1)]
        mass[word] = sum(state, Fraction(0))
    return FiniteLaw(mass)


def walk(n: int = 6) -> FiniteLaw:
    """Where a walk of fair 0/1 steps stands after steps 1..n."""
    return uniform(tuple(itertools.accumulate(w)) for w in _words(2, n))


def balanced(n: int = 8) -> FiniteLaw:
    """Uniform over balanced strings of n brackets (n even; 0 opens, 1 closes)."""
    if n < 2 or n % 2:
        raise PlaitError(f"n is {n}; a balanced string has an even number of brackets")
    heights = ((w, list(itertools.accumulate(1 - 2 * s for s in w))) for w in _words(2, n))
    return uniform(w for w, h in heights if min(h) >= 0 and h[-1] == 0)


def regular_graph(n: int = 7, language: str = "parity") -> FiniteLaw:
    """The pairs (X, 1[X in L]) of a uniform word of n - 1 letters and a regular language L."""
    within("n", n, 2, MOST_BITS)
    dfa = named(language)
    return uniform((*w, int(dfa.accepts(w))) for w in _words(dfa.letters, n - 1))


def random_circuit(n: int = 6, seed: int = 0) -> FiniteLaw:
    """The output law of a random circuit of width at most n and depth 5."""
    return random_circuit_of(n, 5, seed).law()


def paths(n: int = 7) -> FiniteLaw:
    """m = 3 independent reasoning paths and the summary that follows from them (n = 3k + 1).

    A path is a word of k bits: a coin that each next bit keeps with probability 3/4. The summary
    is the majority of the paths' last bits: what NAP (arXiv:2602.23225) weaves, in miniature.
    """
    length, rest = divmod(n - 1, 3)
    if rest or length < 1:
        raise PlaitError(
            f"n is {n}; three paths of k bits and a summary take n = 3 k + 1 positions"
        )
    within("n", n, 4, 16)
    mass = {}
    for triple in itertools.product(markov(length).mass.items(), repeat=3):
        words, (p, q, r) = [w for w, _ in triple], (c for _, c in triple)
        vote = int(sum(w[-1] for w in words) >= 2)
        mass[(*itertools.chain(*words), vote)] = p * q * r
    return FiniteLaw(mass)


def streams(name: str, n: int) -> list[range] | None:
    """The parts of a law that are streams, the summary last; None if it is in one piece."""
    if name != "paths":
        return None
    size = (n - 1) // 3
    return [*(range(k * size, (k + 1) * size) for k in range(3)), range(n - 1, n)]


def _words(symbols: int, n: int) -> Iterator[Word]:
    within("n", n, 1, MOST_BITS)
    return itertools.product(range(symbols), repeat=n)
