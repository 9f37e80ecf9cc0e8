"""Traces from what other programs keep: a canvas per step, or the step of each token.

`history` of Dream and of generators in its style (`output_history=True`), `histories` of dllm:
the canvas after each step. Step maps of SGLang and of trainers on traces: for each token the step
in which it was written. Neither holds probabilities, so scores are not known (NaN).
"""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import PlaitError
from ..trace import COMMIT, RETRACT, REWRITE, Trace

GIVEN = -1


def from_canvases(
    canvases: Sequence[Sequence[int]],
    mask_id: int,
    eos_id: int = -1,
    prompt_length: int | None = None,
    regions: Sequence[int] | None = None,
) -> Trace:
    """The trace of one row from its canvas after each step, oldest first.

    The canvas before the first step may stand in front; where it does not, it is taken to be the
    prompt and masks. `prompt_length` positions are given; by default the leading ones that never
    hold the mask, which misses tokens of the first step that continue the prompt. `regions` gives
    each position its region (-1: given). Raises PlaitError for canvases of different lengths.
    """
    lengths = {len(canvas) for canvas in canvases}
    if not canvases or len(lengths) > 1 or 0 in lengths:
        raise PlaitError(
            f"a history is a list of canvases of one length; these have {sorted(lengths)}"
        )
    table = np.array(canvases, dtype=np.int64)
    free = _free((table == mask_id).any(0), prompt_length, regions)
    if not (free >= 0).any():
        raise PlaitError(f"no canvas holds the mask token {mask_id}: give the right --mask-id")
    start = np.where(free >= 0, mask_id, table[0])
    if (table[0] != start).any():
        table = np.concatenate([start[None], table])
    events: list[tuple[int, int, int, int]] = []
    for number, (before, after) in enumerate(itertools.pairwise(table)):
        for place in np.flatnonzero((before != after) & (free >= 0)).tolist():
            kind = COMMIT if before[place] == mask_id else REWRITE
            kind = RETRACT if after[place] == mask_id else kind
            events.append((number, kind, place, int(after[place])))
    return _trace(start, free, events, len(table) - 1, mask_id, eos_id)


def from_steps(
    tokens: Sequence[int],
    steps: Sequence[int],
    mask_id: int = -1,
    eos_id: int = -1,
    prompt: Sequence[int] = (),
    regions: Sequence[int] | None = None,
) -> Trace:
    """The trace of one row from the step in which each of its tokens was written.

    Steps may start at any number; a token with a negative step was given. `prompt` stands before
    them. A mask that the tokens do not tell is -1, an id that no token has.
    """
    if len(tokens) != len(steps):
        raise PlaitError(f"there are {len(tokens)} tokens and {len(steps)} steps: give one each")
    when = np.array([*[GIVEN] * len(prompt), *steps], dtype=np.int64)
    text = np.array([*prompt, *tokens], dtype=np.int64)
    if not (when >= 0).any():
        raise PlaitError("no token has a step: there is no order to measure")
    free = _free(when >= 0, None, None if regions is None else [*[GIVEN] * len(prompt), *regions])
    free[when < 0] = GIVEN
    first = int(when[free >= 0].min())
    places = [p for p in np.argsort(when, kind="stable").tolist() if free[p] >= 0]
    events = [(int(when[p]) - first, COMMIT, p, int(text[p])) for p in places]
    start = np.where(free >= 0, mask_id, text)
    return _trace(start, free, events, events[-1][0] + 1, mask_id, eos_id)


def _free(
    masked: np.ndarray, prompt_length: int | None, regions: Sequence[int] | None
) -> np.ndarray:
    """The region of each position, -1 for given ones."""
    if regions is not None:
        if len(regions) != len(masked):
            raise PlaitError(f"there are {len(regions)} regions for {len(masked)} positions")
        return np.maximum(np.array(regions, dtype=np.int64), GIVEN)
    begin = int(masked.argmax()) if prompt_length is None else prompt_length
    free = np.arange(len(masked)) >= begin if masked.any() else masked
    return np.where(free, 0, GIVEN)


def _trace(
    start: np.ndarray,
    region: np.ndarray,
    events: list[tuple[int, int, int, int]],
    rounds: int,
    mask_id: int,
    eos_id: int,
) -> Trace:
    ordered = sorted(events, key=lambda event: event[:2])
    table = np.array(ordered, dtype=np.int64).reshape(-1, 4)
    values: dict[str, Any] = {
        "round": table[:, 0].astype(np.int32),
        "kind": table[:, 1].astype(np.int8),
        "position": table[:, 2].astype(np.int32),
        "token": table[:, 3].astype(np.int32),
        "score": np.full(len(table), np.nan, dtype=np.float32),
    }
    return Trace(
        start=start,
        region=region,
        mask_id=mask_id,
        eos_id=eos_id,
        seed=0,
        key=0,
        rounds=rounds,
        forwards=rounds,
        query_tokens=0,
        seconds=0.0,
        **values,
    )
