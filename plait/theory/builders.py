"""Named circuits: what `plait theory compile NAME` builds. Each public function is a name."""

from itertools import product
from random import Random

from ..errors import PlaitError
from .circuits import Circuit, Gate
from .netlist import layered

CYCLE, SWAP = (1, 2, 3, 4, 0), (1, 0, 2, 3, 4)  # two permutations that generate S5


def parity_tree(n: int = 8) -> Circuit:
    """Uniform over the n-bit words of even parity: n - 1 coins and their parity, by a tree."""
    within("n", n, 2, 1024)
    coins = [f"x{i}" for i in range(n - 1)]
    gates, level = [Gate(x, "coin") for x in coins], coins
    while len(level) > 1:
        pairs = [tuple(level[i : i + 2]) for i in range(0, len(level), 2)]
        new = [Gate(f"p{len(gates) + i}", "xor", pair) for i, pair in enumerate(pairs)]
        gates, level = gates + new, [gate.name for gate in new]
    return layered(gates, [*coins, *level])


def adder(n: int = 4) -> Circuit:
    """The sum of two random n-bit numbers, lowest bit first, with the carry (n + 1 bits)."""
    within("n", n, 1, 128)
    gates = [Gate(f"{x}{i}", "coin") for i in range(n) for x in "ab"]
    gates += [Gate("s0", "xor", ("a0", "b0")), Gate("c1", "and", ("a0", "b0"))]
    for i in range(1, n):
        gates += [
            Gate(f"h{i}", "xor", (f"a{i}", f"b{i}")),
            Gate(f"g{i}", "and", (f"a{i}", f"b{i}")),
            Gate(f"s{i}", "xor", (f"h{i}", f"c{i}")),
            Gate(f"t{i}", "and", (f"h{i}", f"c{i}")),
            Gate(f"c{i + 1}", "or", (f"g{i}", f"t{i}")),
        ]
    return layered(gates, [*(f"s{i}" for i in range(n)), f"c{n}"])


def majority(n: int = 5) -> Circuit:
    """Whether most of n coins (n odd) are 1: the median after an odd-even sorting network."""
    within("n", n, 1, 101)
    if n % 2 == 0:
        raise PlaitError(f"n is {n}; a majority needs an odd number of coins")
    layers = [tuple(Gate(f"r0_{i}", "coin") for i in range(n))]
    for t in range(n):
        row = [Gate(f"r{t + 1}_{i}", "copy", (f"r{t}_{i}",)) for i in range(n)]
        for i in range(t % 2, n - 1, 2):
            pair = (f"r{t}_{i}", f"r{t}_{i + 1}")
            row[i : i + 2] = [
                Gate(row[i].name, "and", pair),
                Gate(row[i + 1].name, "or", pair),
            ]
        layers.append(tuple(row))
    return Circuit(tuple(layers), (f"r{n}_{n // 2}",))


def s5_word(n: int = 4) -> Circuit:
    """The word problem of S5: where a product of n random generators takes the point 0.

    Each coin picks a 5-cycle or a swap; 5 x 5 Boolean matrices are multiplied in a tree. The
    outputs say in one-hot code where 0 goes. Complete for NC1 (Barrington).
    """
    within("n", n, 1, 32)
    gates = [Gate("zero", "zero"), Gate("one", "one")]
    level = []
    for k in range(n):
        gates += [Gate(f"x{k}", "coin"), Gate(f"y{k}", "not", (f"x{k}",))]
        letter = {(True, True): "one", (True, False): f"x{k}", (False, True): f"y{k}"}
        cells = product(range(5), repeat=2)
        level.append({(i, j): letter.get((CYCLE[i] == j, SWAP[i] == j), "zero") for i, j in cells})
    while len(level) > 1:
        pairs = [level[k : k + 2] for k in range(0, len(level), 2)]
        level = []
        for pair in pairs:
            if len(pair) == 1:
                level += pair
                continue
            entry, start = {}, len(gates)
            for i, j in product(range(5), repeat=2):
                terms = []
                for via in range(5):
                    terms.append(f"m{start}_{i}{j}{via}")
                    gates.append(Gate(terms[-1], "and", (pair[0][i, via], pair[1][via, j])))
                entry[i, j] = f"m{start}_{i}{j}"
                gates.append(Gate(entry[i, j], "or", tuple(terms)))
            level.append(entry)
    return layered(gates, [level[0][0, j] for j in range(5)])


def random(n: int = 4, depth: int = 5, seed: int = 0) -> Circuit:
    """A random circuit of width at most n: coins below, random gates and fresh coins above."""
    within("n", n, 1, 256)
    within("depth", depth, 0, 256)
    rng = Random(seed)
    layers = [tuple(Gate(f"g0_{i}", "coin") for i in range(rng.randint(1, n)))]
    for level in range(1, depth + 1):
        below = [gate.name for gate in layers[-1]]
        row = []
        for i in range(rng.randint(1, n)):
            kind = rng.choice(["copy", "not", "and", "or", "xor", "xor", "coin", "one"])
            arity = {"coin": 0, "one": 0, "copy": 1, "not": 1}.get(kind, rng.randint(1, len(below)))
            row.append(Gate(f"g{level}_{i}", kind, tuple(rng.sample(below, arity))))
        layers.append(tuple(row))
    top = [gate.name for gate in layers[-1]]
    return Circuit(tuple(layers), tuple(rng.sample(top, rng.randint(1, len(top)))))


def within(name: str, value: int, least: int, most: int) -> None:
    """Raise PlaitError if a size is too small, or too large to finish in about a minute."""
    if not least <= value <= most:
        raise PlaitError(f"{name} is {value}; it must lie between {least} and {most}")
