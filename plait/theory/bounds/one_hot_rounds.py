"""One-hot words: n rounds without revision whatever the predictor, 2 with it.

While all that is revealed is 0, any two masked positions are dependent (both cannot be 1), so
one at a time; the word whose 1 comes last takes n rounds.
"""

from typing import Any

from ..builders import within
from ..constructions import one_hot_revision
from ..depth import minimal_depth
from ..laws import tv
from ..library import one_hot
from ..pushforward import push


def one_hot_rounds(n: int = 6) -> list[dict[str, Any]]:
    """Rounds for a uniform one-hot word: least by search without revision, and with it."""
    within("n", n, 2, 7)
    rows = []
    for size in range(2, n + 1):
        row: dict[str, Any] = {"n": size, "least": minimal_depth(one_hot(size)).worst}
        if size & (size - 1) == 0:
            program = one_hot_revision(size)
            row |= {
                "with_revision": program.rounds,
                "tv": str(tv(push(program).law, one_hot(size))),
            }
        rows.append(row)
    return rows
