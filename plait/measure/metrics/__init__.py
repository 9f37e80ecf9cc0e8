"""What a trace can be asked: one file per metric; the folder is the registry.

The file `name.py` holds the function `name`: a trace in, plain values for JSON out. It raises
PlaitError, in one sentence, for a trace that it is not defined for.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import PlaitError, unknown
from ...trace import RETRACT, REWRITE, Trace

Metric = Callable[[Trace], dict[str, Any]]


def names() -> list[str]:
    """Return the names of all metrics."""
    return sorted(p.stem for p in Path(__file__).parent.glob("[a-z]*.py"))


def load(name: str) -> Metric:
    """Return the metric `name`; PlaitError if there is none."""
    if name not in names():
        raise unknown("metric", name, names())
    metric: Metric = getattr(import_module(f"{__name__}.{name}"), name)
    return metric


def final(trace: Trace, what: str) -> None:
    """Raise PlaitError if the trace changed a token that it had written: `what` needs it not to."""
    changed = int(np.isin(trace.kind, (RETRACT, REWRITE)).sum())
    if changed:
        raise PlaitError(
            f"{what} is defined for decoding without revision, and this trace takes back or "
            f"rewrites {changed} tokens"
        )
