"""Is a decoder as often right as it says that it is sure?"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import PlaitError
from ..trace import COMMIT, Trace


def calibration(confidence: ArrayLike, right: ArrayLike, bins: int = 10) -> dict[str, Any]:
    """Expected calibration error and Brier score of probabilities (arXiv:1706.04599).

    `error`: mean over bins of equal width, weighed by their count, of |accuracy - confidence|;
    `brier`: mean squared difference. `bins` lists confidence, accuracy and count of those that
    hold something. Raises PlaitError for lists of different lengths or values outside 0..1.
    """
    sure, hit = np.array(confidence, dtype=float), np.array(right, dtype=float)
    if len(sure) != len(hit) or not len(sure):
        raise PlaitError(f"{len(sure)} confidences and {len(hit)} verdicts: give one each")
    for name, values in (("confidence", sure), ("verdict", hit)):
        if not ((values >= 0) & (values <= 1)).all():
            raise PlaitError(f"a {name} lies outside 0..1")
    place = np.minimum((sure * bins).astype(int), bins - 1)
    found = [(sure[place == b].mean(), hit[place == b].mean(), int((place == b).sum())) for b in
             range(bins) if (place == b).any()]  # fmt: skip
    error = sum(abs(acc - conf) * n for conf, acc, n in found) / len(sure)
    return {
        "error": float(error),
        "brier": float(((sure - hit) ** 2).mean()),
        "n": len(sure),
        "bins": [[float(conf), float(acc), n] for conf, acc, n in found],
    }


def confidence(trace: Trace, region: int | None = None) -> float:
    """How sure the decoder was of what it wrote in a region: exp of the mean score of its commits.

    The default is the last region, the answer. NaN if nothing was committed there.
    """
    region = int(trace.region.max()) if region is None else region
    mine = (trace.kind == COMMIT) & (trace.region[trace.position] == region)
    return float(np.exp(trace.score[mine].mean(dtype=float))) if mine.any() else float("nan")
