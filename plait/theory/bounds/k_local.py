"""Even parity without revision by k-local maps: at least 1 + ceil(log_k n) rounds.

A finite stand-in for Theorem 4.5 of arXiv:2512.25014, whose AC0 cannot be tested at one n. In a
k-local program the reveal decision and the distribution of a position read at most k positions
together, itself counted; what is revealed when does not depend on coins. The proof is in
docs/theory.md; `follow`, `influences` and `degree` compute what its lemmas speak of. The bound
and the proof are ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import PlaitError
from ..builders import within
from ..constructions import parity_check_bit, parity_revision, parity_tree_local
from ..laws import affordable, tv
from ..library import even_parity
from ..machine import Machine
from ..programs import Program
from ..pushforward import push

SIZES = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
LOCALITIES = (2, 3, 4, 5, 6, 8, 14, 32)
EXACT = 10  # largest n at which a row's construction is also run


def k_local(n: int = 64) -> list[dict[str, Any]]:
    """Rounds for even parity by k-local maps: lower bound, best construction, with revision."""
    within("n", n, 2, SIZES[-1])
    rows = []
    for size in (s for s in SIZES if s <= n):
        found = constructions(size)
        for k in (k for k in LOCALITIES if k <= max(size, 2)):
            fits = [(p.rounds, p.fan_in, name, p) for name, p in found if p.fan_in <= k]
            best = min(fits, key=lambda f: f[:3], default=None)
            rows.append(
                {
                    "n": size,
                    "k": k,
                    "lower": lower(size, k),
                    "known": best and best[0],
                    "construction": best and best[2],
                    "tv": _checked(best and best[3], size),
                    "with_revision": parity_revision(size).rounds,
                }
            )
    return rows


def lower(n: int, k: int) -> int:
    """1 + ceil(log_k n): rounds that an exact k-local program without revision needs."""
    if k < 2 and n > 1:
        raise PlaitError(f"k is {k}; 1-local programs cannot sample even parity at all for n > 1")
    rounds, reach = 1, 1
    while reach < n:
        rounds, reach = rounds + 1, reach * k
    return rounds


def constructions(n: int) -> list[tuple[str, Program]]:
    """Exact no-revision programs for even parity, of every locality that we know how to reach."""
    found = [("check bit", parity_check_bit(n))]
    for levels in range(1, n // 2 + 1):
        for branching in range(1, 7 if levels > 1 else 2):
            nodes = sum(branching**h for h in range(levels))
            if n >= 2 * nodes + branching ** (levels - 1):
                name = f"tree, branching {branching}, levels {levels}"
                found.append((name, parity_tree_local(n, branching, levels)))
    return found


def _checked(program: Program | None, n: int) -> int | None:
    """The distance from even parity, where enumeration is quick."""
    if program is None or n > EXACT:
        return None
    distance = tv(push(program).law, even_parity(n))
    if distance:
        raise AssertionError(f"the construction for n = {n} is off by {distance}")
    return 0


@dataclass(frozen=True)
class Trajectories:
    """The run of a program on every word x of {0,1}^n, each token forced to be x's (L = n).

    Word number x has bit i of x at position i. `masked[t][v]` says of each word whether position
    v is masked after round t; `forced[t, u]` whether u is revealed in round t (from 1) with a
    token that the program gives probability 0.
    """

    n: int
    masked: tuple[tuple[tuple[bool, ...], ...], ...]
    forced: dict[tuple[int, int], tuple[bool, ...]]


def follow(program: Program) -> Trajectories:
    """Force every word through a program without scratch, revision or remasking."""
    n = program.length
    if program.revision or program.remasks or program.outputs != tuple(range(n)):
        raise PlaitError("trajectories need a program without scratch, revision or remasking")
    affordable(2**n, f"the words of {n} bits number", "take a smaller n")
    machine, states, words = Machine(program), [0] * 2**n, range(2**n)
    masked: list[tuple[tuple[bool, ...], ...]] = []
    forced: dict[tuple[int, int], tuple[bool, ...]] = {}
    for round in range(program.rounds):
        columns = machine.columns(round, states)
        revealed = list(columns.fixed)
        for position, codes in columns.open:
            revealed = [
                r | (c if c >= 0 else machine.zero(position) | (x >> position & 1) << n + position)
                for r, c, x in zip(revealed, codes, words, strict=True)
            ]
        for u in range(n):
            clash = tuple(
                bool(r >> 2 * n + u & 1 and (r >> n + u ^ x >> u) & 1)
                for r, x in zip(revealed, words, strict=True)
            )
            if any(clash):
                forced[round + 1, u] = clash
        plane = (1 << n) - 1
        states = [r & plane | (r & plane & x) << n for r, x in zip(revealed, words, strict=True)]
        masked.append(tuple(tuple(not s >> v & 1 for s in states) for v in range(n)))
    return Trajectories(n, tuple(masked), forced)


def influences(table: Sequence[object], n: int) -> set[int]:
    """The coordinates that a function on {0,1}^n depends on."""
    return {i for i in range(n) if any(table[x] != table[x ^ 1 << i] for x in range(2**n))}


def degree(table: Sequence[int], n: int) -> int:
    """The degree of the real multilinear polynomial of a function on {0,1}^n (-1: zero)."""
    coefficient = list(table)
    for i in range(n):
        for x in range(2**n):
            if x >> i & 1:
                coefficient[x] -= coefficient[x ^ 1 << i]
    return max((x.bit_count() for x, c in enumerate(coefficient) if c), default=-1)
