"""ARness by its default conventions: how close the order is to left to right."""

from typing import Any

from ...trace import Trace
from ..arness import floor, global_arness, local_arness, per_region

GLOBAL, LOCAL = (1, 2, 4), (1, 2, 4)  # k


def arness(trace: Trace) -> dict[str, Any]:
    """Global and local ARness of the canvas and of each region (arXiv:2506.20639, A.2).

    Global by the reading "set", local by "left": under both, left to right is 1 however many
    tokens a round writes. `floor` is what lock-step streams score on the flattened canvas. The
    value by confidence is NaN where a round wrote several without scores.
    """
    regions = range(int(trace.region.max()) + 1)
    return {
        **{f"global@{k}": global_arness(trace, k) for k in GLOBAL},
        **{f"local@{k}": local_arness(trace, k) for k in LOCAL},
        "floor": floor(trace),
        "global@1 by confidence": global_arness(trace, reading="confidence"),
        "per_region global@1": per_region(trace),
        "per_region local@1": [local_arness(trace, region=r) for r in regions],
    }
