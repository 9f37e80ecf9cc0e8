"""Named programs without scratch positions (L = n): what `plait theory run NAME` runs.

Each public function is a name. They sample even parity or one-hot words, the laws on which
arXiv:2512.25014 separates samplers with and without revision.
"""

from random import Random

from ..errors import PlaitError
from .builders import parity_tree, within
from .laws import FiniteLaw, Word
from .library import even_parity, one_hot
from .programs import MASK, NEVER, YES, Map, Program, Rule, Step, Value, always, writes

COIN = always(1)  # P(1) = 1/2
MOST = 1024  # positions


def parity_revision(n: int = 8) -> Program:
    """Even parity in 2 rounds by revision, each position reading 2 (Theorem 4.1).

    Coins y_1..y_{n-1} and y_n = 0; then x_i = y_i xor y_{i-1}, with y_0 = 0.
    """
    within("n", n, 2, MOST)
    coins = writes({i: (YES, COIN if i < n - 1 else NEVER) for i in range(n)})
    turn: dict[int, tuple[Map, Map]] = {0: (YES, Rule((0,), _xor))}
    turn |= {i: (YES, Rule((i, i - 1), _xor)) for i in range(1, n)}
    return Program(n, (coins, writes(turn)), tuple(range(n)), revision=True)


def parity_remask(n: int = 8) -> Program:
    """Even parity in 5 rounds by remasking, n = 2m, in the spirit of Theorem 4.2.

    Pairs (a_j, b_j). 1: a_j = y_j, coins, and a_m = 0. 2: b_j = y_j xor y_{j-1}, the parity of
    the pair; all a are masked. 3: a_j = coin. 4: (1, 0) masks b; (1, 1) masks both. 5: (1, M)
    becomes (1, 1) and (M, M) becomes (1, 0). The construction and its constant are ours; the
    paper's is O(1). The maps depend on the round.
    """
    within("n", n, 2, MOST)
    if n % 2:
        raise PlaitError(f"n is {n}; the construction works on pairs, so n must be even")
    left, right = range(0, n, 2), range(1, n, 2)
    write_left = writes({a: (YES, COIN if a < n - 2 else NEVER) for a in left})
    predict: dict[int, Map] = {1: Rule((0,), _xor)}
    predict |= {b: Rule((b - 1, b - 3), _xor) for b in right[1:]}
    pair_parity = Step(predict, dict.fromkeys(right, YES), dict.fromkeys(left, YES))
    coins = writes(dict.fromkeys(left, (YES, COIN)))
    one_one: dict[int, Map] = {a: Rule((a, a + 1), _both) for a in left}
    one: dict[int, Map] = {b: Rule((b - 1,), _is_one) for b in right}
    fold = Step({}, {}, one_one | one)
    unfold = {a: (Rule((a,), _masked), always(2)) for a in left}
    unfold |= {b: (Rule((b,), _masked), Rule((b - 1,), _double_one)) for b in right}
    steps = (write_left, pair_parity, coins, fold, writes(unfold))
    return Program(n, steps, tuple(range(n)))


def parity_check_bit(n: int = 8) -> Program:
    """Even parity in 2 rounds without revision, by one position that reads all n - 1 others."""
    within("n", n, 2, MOST)
    coins = writes(dict.fromkeys(range(n - 1), (YES, COIN)))
    check = writes({n - 1: (YES, Rule(tuple(range(n - 1)), _xor))})
    return Program(n, (coins, check), tuple(range(n)))


def one_hot_revision(n: int = 8) -> Program:
    """A uniform one-hot word in 2 rounds by revision, n a power of two.

    Round 1 writes an index of log2 n coins into the first positions; round 2 overwrites all.
    """
    within("n", n, 2, MOST)
    bits = n.bit_length() - 1
    if n != 1 << bits:
        raise PlaitError(f"n is {n}; the index has whole bits only if n is a power of two")
    index = writes({i: (YES, COIN if i < bits else NEVER) for i in range(n)})
    show = {i: (YES, Rule(tuple(range(bits)), _equals(i))) for i in range(n)}
    return Program(n, (index, writes(show)), tuple(range(n)), revision=True)


def parity_tree_local(n: int = 16, branching: int = 2, levels: int = 2) -> Program:
    """Even parity without revision or scratch by few-local maps in `levels` + 2 rounds.

    A node of a `branching`-ary tree is a pair of positions; which of the two is still masked
    tells the parity below it, and one round later that one becomes a coin too. A node's parity
    counts the single positions at the foot of the tree, and nodes two levels down. The position
    that the root leaves masked ends the word. Matches the k-local bound for one level
    (k = n - 1) and up to a constant factor for more. The construction is ours.
    """
    within("n", n, 3, MOST)
    within("branching", branching, 1, n)
    within("levels", levels, 1, n)
    nodes = [branching**h for h in range(levels)]
    foot = n - 2 * sum(nodes)
    if foot < nodes[-1]:
        raise PlaitError(
            f"n is {n}; {levels} levels of branching {branching} need n >= "
            f"{2 * sum(nodes) + nodes[-1]}"
        )
    start = [2 * sum(nodes[:h]) for h in range(levels + 1)]
    rules: list[dict[int, tuple[Map, Map]]] = [{} for _ in range(levels + 2)]
    rules[0] = dict.fromkeys(range(start[levels], n), (YES, COIN))
    for h in range(levels):
        for k in range(nodes[h]):
            p = start[h] + 2 * k
            full: list[int] = list(range(start[levels] + k, n, nodes[-1]))
            below: list[int] = []
            if h < levels - 1:
                below = _pairs(start[h + 1], k, branching)
                full = _pairs(start[h + 2], k, branching**2) if h < levels - 2 else []
            for late in (0, 1):
                parity = Rule((*below, *full), _counts(len(below), late))
                rules[levels - h][p + late] = (parity, COIN)
                rest = Rule((p + late,), _masked)
                end = Rule((p + 1 - late, *below), _closes(late))
                rules[levels - h + 1][p + late] = (rest, COIN if h else end)
    steps = tuple(writes(dict(r)) for r in rules)
    return Program(n, steps, tuple(range(n)))


def target(name: str, n: int) -> FiniteLaw:
    """The law that a construction samples."""
    return even_parity(n) if name.startswith("parity") else one_hot(n)


def target_draws(name: str, n: int, draws: int, seed: int) -> list[Word]:
    """Draws of that law, also where it has too many words to list."""
    if name.startswith("parity"):
        return parity_tree(n).sample(draws, seed)
    return Random(seed).choices(list(one_hot(n).mass), k=draws)


def _pairs(start: int, node: int, count: int) -> list[int]:
    """Positions of `count` neighbouring pairs, those of the `node`-th node above them."""
    return list(range(start + 2 * node * count, start + 2 * (node + 1) * count))


def _counts(below: int, late: int) -> Value:
    """Whether the parity told by mask patterns (pairs) and by values is `late`."""

    def value(symbols: Word) -> int:
        told = sum(symbols[i] == MASK for i in range(0, below, 2))
        return int((told + sum(symbols[below:])) % 2 == late)

    return value


def _closes(late: int) -> Value:
    """The last bit: its node's parity is told by its being masked (first of the pair: odd)."""
    return lambda symbols: 2 * ((1 - late + sum(symbols)) % 2)


def _equals(index: int) -> Value:
    return lambda symbols: 2 * int(sum(s << i for i, s in enumerate(symbols)) == index)


def _xor(symbols: Word) -> int:
    return 2 * (sum(symbols) % 2)


def _both(symbols: Word) -> int:
    return int(symbols == (1, 1))


def _is_one(symbols: Word) -> int:
    return int(symbols[0] == 1)


def _double_one(symbols: Word) -> int:
    return 2 * _is_one(symbols)


def _masked(symbols: Word) -> int:
    return int(symbols[0] == MASK)
