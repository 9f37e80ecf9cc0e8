"""The last round of an exact no-revision sampler of even parity reveals exactly one position.

Of two or more left to the last round, every combination would come out, odd words among them.
"""

from typing import Any

from ..builders import within
from .k_local import constructions, follow


def last_round(n: int = 8) -> list[dict[str, Any]]:
    """Positions that the last non-empty round reveals, over all words of even parity."""
    within("n", n, 2, 11)
    rows = []
    for name, program in constructions(n):
        runs = follow(program)
        counts = set()
        for word in (x for x in range(2**n) if x.bit_count() % 2 == 0):
            left = [sum(after[v][word] for v in range(n)) for after in runs.masked]
            counts.add(min(count for count in [n, *left] if count))
        rows.append({"construction": name, "n": n, "last_round_reveals": sorted(counts)})
    return rows
