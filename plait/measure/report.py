"""All metrics of a trace, and their means over many."""

import math
from collections.abc import Sequence
from typing import Any

from ..errors import PlaitError
from ..trace import Trace
from . import metrics


def values(names: Sequence[str], trace: Trace, place: str, strict: bool = True) -> dict[str, Any]:
    """The values of some metrics, as "metric.value".

    A metric that is not defined for the trace raises PlaitError with its `place` if `strict`, and
    else its sentence stands in place of its values.
    """
    found: dict[str, Any] = {}
    for name in names:
        metric = metrics.load(name)
        try:
            found |= {f"{name}.{key}": value for key, value in metric(trace).items()}
        except PlaitError as error:
            if strict:
                raise PlaitError(f"{place}: {error}") from None
            found[name] = str(error)
    return found


def means(each: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row per value: its mean over the traces that have it, and how many they are.

    Lists are averaged item by item, where they have one length in all traces.
    """
    rows = []
    for key in dict.fromkeys(key for found in each for key in found):
        here = [found[key] for found in each if key in found]
        rows.append({"metric": key, "mean": _mean(here), "traces": len(here)})
    return rows


def _mean(here: list[Any]) -> Any:
    if isinstance(here[0], str):
        return here[0]
    if isinstance(here[0], list):
        if len({len(value) for value in here}) > 1:
            return "differ in length"
        return [_mean(list(items)) for items in zip(*here, strict=True)]
    known = [value for value in here if not math.isnan(value)]
    return math.fsum(known) / len(known) if known else math.nan
