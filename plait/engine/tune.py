"""Time on the device, and choose among ways to compute the same by it."""

import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise
from typing import Any, TypeVar

import torch

Way = TypeVar("Way")
SLEEP = 6_000_000  # cycles of the device, about 3 ms: some hundred launches


def fastest(run: Callable[[Way], Any], ways: Iterable[Way], repeat: int = 10) -> Way | None:
    """The way with which `run` takes least time on a GPU; None if all of them fail.

    The device is kept busy until all calls are queued, so that their launches do not count: in a
    CUDA graph they do not either. No graph can be captured meanwhile, so it is called in the
    warm-up before one.
    """
    best: tuple[float, Way] | None = None
    for way in ways:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torch says why it does not take a way
                for _ in range(2):
                    run(way)
            torch.cuda._sleep(SLEEP)
            times = sorted(_on_gpu(partial(run, way), repeat))
        except torch.OutOfMemoryError:
            raise
        except Exception:  # this way does not take these shapes, or wants more than a chip has
            continue
        taken = times[len(times) // 2]
        if best is None or taken < best[0]:
            best = taken, way
    return None if best is None else best[1]


def milliseconds(run: Callable[[], Any], gpu: bool, repeat: int = 10, before: int = 3) -> float:
    """Median time of `run`, after some calls that do not count."""
    for _ in range(before):
        run()
    times = _on_gpu(run, repeat) if gpu else _on_cpu(run, repeat)
    return sorted(times)[len(times) // 2]


def _on_gpu(run: Callable[[], Any], repeat: int) -> list[float]:
    marks = [torch.cuda.Event(enable_timing=True) for _ in range(repeat + 1)]
    marks[0].record()
    for mark in marks[1:]:
        run()
        mark.record()
    torch.cuda.synchronize()
    return [a.elapsed_time(b) for a, b in pairwise(marks)]


def _on_cpu(run: Callable[[], Any], repeat: int) -> list[float]:
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - start))
    return times


def aside() -> torch.cuda.Stream:
    """The stream on which graphs are captured.

    One for all of a device: on each stream that it has seen, the library of matrix products keeps
    a workspace of its own.
    """
    return _stream(torch.cuda.current_device())


@cache
def _stream(device: int) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)


def warm(run: Callable[[], Any]) -> None:
    """Call `run` twice before it is captured: compiles, and times what is chosen by time."""
    side = aside()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(2):
            run()
    torch.cuda.current_stream().wait_stream(side)


@dataclass(frozen=True)
class Replay:
    """A CUDA graph, together with what it was captured from: the tensors that it reads."""

    graph: torch.cuda.CUDAGraph
    source: Callable[[], Any]

    def __call__(self) -> None:
        """Do it again."""
        self.graph.replay()


def captured(run: Callable[[], Any]) -> Callable[[], Any]:
    """`run` as a CUDA graph, to be called again and again."""
    warm(run)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=aside()):
        run()
    return Replay(graph, run)
