"""The paths of a record differ on average."""

from ...measure.diversity import diversity as measure
from . import Together, share


def diversity(most: float) -> Together:
    """Keep records whose paths are alike by at most this much: mean Jaccard of runs of 3 words."""
    share("diversity", most)
    # Of one path it is NaN, and one path repeats nothing.
    return Together(lambda paths: not measure([p.text for p in paths])["similarity"] > most)
