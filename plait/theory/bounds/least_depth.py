"""The least rounds for the named laws, by full search.

The serial depth of a law: rounds under an exact oracle (its idea: arXiv:2602.19619).
"""

from typing import Any

from .. import library
from ..builders import within
from ..depth import minimal_depth

SMALL = {"permutations": 3, "walk": 3, "balanced": 6, "paths": 4}  # what the search can take
LAWS = (
    "product_coins",
    "copies",
    "even_parity",
    "one_hot",
    "markov",
    "hidden_markov",
    "walk",
    "permutations",
    "balanced",
    "paths",
)


def least_depth(n: int = 5) -> list[dict[str, Any]]:
    """Least rounds of exact decoding without revision: the worst word's and the mean."""
    within("n", n, 3, 6)
    rows = []
    for name in LAWS:
        size = min(n, SMALL.get(name, n))
        size -= {"balanced": size % 2, "paths": (size - 1) % 3}.get(name, 0)
        found = minimal_depth(getattr(library, name)(size))
        rows.append({"law": name, "n": size, "worst": found.worst, "mean": str(found.mean)})
    return rows
