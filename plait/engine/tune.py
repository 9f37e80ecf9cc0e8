"""Choose among ways to compute the same by timing them once on the device."""

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, TypeVar

import torch

Way = TypeVar("Way")


def fastest(run: Callable[[Way], Any], ways: Iterable[Way], repeat: int = 10) -> Way | None:
    """The way with which `run` takes least time on the GPU; None if all of them fail.

    A CUDA graph cannot be captured meanwhile, so it is called in the warm-up before one.
    """
    best: tuple[float, Way] | None = None
    for way in ways:
        try:
            taken = milliseconds(lambda way=way: run(way), repeat)  # type: ignore[misc]
        except RuntimeError:  # this way does not take these shapes
            continue
        if best is None or taken < best[0]:
            best = taken, way
    return None if best is None else best[1]


def milliseconds(run: Callable[[], Any], repeat: int = 10, warm: int = 3) -> float:
    """Median time of `run` on the GPU, after some calls that do not count."""
    for _ in range(warm):
        run()
    marks = [torch.cuda.Event(enable_timing=True) for _ in range(repeat + 1)]
    marks[0].record()
    for mark in marks[1:]:
        run()
        mark.record()
    torch.cuda.synchronize()
    times = sorted(a.elapsed_time(b) for a, b in pairwise(marks))
    return times[len(times) // 2]
