"""A decode as one HTML file that replays it: no network, no library, two traces side by side."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..trace import Trace
from .colours import VIRIDIS
from .picture import printable

TEMPLATE = Path(__file__).with_name("page.html")
SHOWN = ("method", "model", "tokens_per_round", "temperature", "seed")  # of the conditions


def page(traces: Sequence[tuple[str, Trace, Mapping[str, Any]]]) -> str:
    """The HTML that replays these traces (name, trace, conditions) round by round."""
    sides = [_side(name, trace, conditions) for name, trace, conditions in traces]
    data = json.dumps({"sides": sides, "colours": VIRIDIS}, allow_nan=False)
    template = TEMPLATE.read_text(encoding="utf-8")
    return template.replace("DATA", data.replace("<", "\\u003c"), 1)


def _side(name: str, trace: Trace, conditions: Mapping[str, Any]) -> dict[str, Any]:
    label = trace.label
    regions = int(trace.region.max(initial=0)) + 1
    named = label.segments if label is not None else ()
    pieces = label.pieces if label is not None else {}
    tokens = np.unique(np.concatenate([trace.start, trace.token])).tolist()
    return {
        "name": name,
        "prompt": label.prompt if label is not None else "",
        "segments": [*named, *(f"region {r}" for r in range(len(named), regions))][:regions],
        "conditions": {k: conditions[k] for k in SHOWN if conditions.get(k) is not None},
        "pieces": {t: printable(pieces.get(t, f"⟨{t}⟩")) for t in tokens},
        "mask": trace.mask_id,
        "ends": sorted(trace.ends),
        "region": trace.region.tolist(),
        "start": trace.start.tolist(),
        "rounds": trace.rounds,
        "round": trace.round.tolist(),
        "position": trace.position.tolist(),
        "token": trace.token.tolist(),
        "kind": trace.kind.tolist(),
        "score": [_finite(score) for score in trace.score.tolist()],
        "spent": trace.spent.tolist(),
        "metrics": _metrics(trace),
    }


def _finite(score: float) -> float | None:
    """A probability that JSON can hold: no score is null."""
    return None if math.isnan(score) else round(math.exp(min(score, 0.0)), 4)


def _metrics(trace: Trace) -> dict[str, str]:
    from ..measure.arness import global_arness, per_region

    inside = " / ".join(f"{value:.2f}" for value in per_region(trace))
    shown = {
        "rounds": str(trace.rounds),
        "forwards": str(trace.forwards),
        "answer tokens": str(trace.answer_tokens()),
        "ARness": f"{global_arness(trace):.2f}",
        "inside each segment": inside,
    }
    return shown | ({"seconds": f"{trace.seconds:.2f}"} if trace.seconds else {})
