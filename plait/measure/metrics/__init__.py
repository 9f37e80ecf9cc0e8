"""What a trace can be asked: one file per metric; the folder is the registry.

The file `name.py` holds the function `name`: a trace in, plain values for JSON out. It raises
PlaitError, in one sentence, for a trace that it is not defined for.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import PlaitError
from ...registry import Folder
from ...trace import RETRACT, REWRITE, Trace

Metric = Callable[[Trace], dict[str, Any]]
_FOLDER = Folder("metric", __name__, __file__)
names, load = _FOLDER.names, _FOLDER.function


def final(trace: Trace, what: str) -> None:
    """Raise PlaitError if the trace changed a token that it had written: `what` needs it not to."""
    changed = int(np.isin(trace.kind, (RETRACT, REWRITE)).sum())
    if changed:
        raise PlaitError(
            f"{what} is defined for decoding without revision, and this trace takes back or "
            f"rewrites {changed} tokens"
        )
