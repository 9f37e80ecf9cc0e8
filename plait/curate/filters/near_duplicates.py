"""No two paths of a record are nearly the same."""

from itertools import combinations

from ...errors import PlaitError
from ...measure.diversity import NEAR, similarity
from . import Together, share


def near_duplicates(at: float = NEAR) -> Together:
    """Keep records no two of whose paths share this much of their runs of 3 words (Jaccard)."""
    if share("near_duplicates", at) == 0:
        raise PlaitError("filter 'near_duplicates' at 0 keeps no two paths at all; give more")
    return Together(
        lambda paths: all(similarity(a.text, b.text) < at for a, b in combinations(paths, 2))
    )
