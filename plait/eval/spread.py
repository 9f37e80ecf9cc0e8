"""Decoding on the workers of a Ray cluster: the same answers, from more machines.

What a worker was decoding when it died is decoded again by another. Judging and keeping stay with
the process that asks.
"""

import contextlib
import functools
import logging
import platform
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..errors import PlaitError, missing
from ..generate import Answer
from . import facts
from .run import Answering

REACH = 10.0  # seconds
Open = Callable[[], Answering]  # loads a model on a worker: pickled, so a partial of a function


@dataclass(frozen=True)
class Place:
    """What has to be the same everywhere, or results of two kinds would mix."""

    plait: str
    torch: str
    threads: int
    device: str

    @staticmethod
    def here(device: str) -> "Place":
        """Of this process."""
        return Place(facts.source(), torch.__version__, torch.get_num_threads(), device)

    def meet(self) -> None:
        """Make a worker like this, or raise PlaitError if it cannot be."""
        torch.set_num_threads(self.threads)  # sums are split by threads, and round accordingly
        here = Place.here(self.device)
        if here != self:
            names = [k for k, v in vars(here).items() if v != getattr(self, k)]
            raise PlaitError(
                f"the worker on {platform.node()} has another {names[0]} "
                f"({getattr(here, names[0])}) than this machine ({getattr(self, names[0])}); "
                "install the same on both"
            )


@dataclass(frozen=True)
class Cluster:
    """An `Answering` that lets the workers decode, a few prompts at a time."""

    session: Answering  # for prompts to be checked against
    open: Open
    place: Place
    share: int  # prompts that go to a worker together
    remote: Any

    def check(self, prompt: str) -> None:
        """Raise PlaitError if a prompt cannot be decoded."""
        self.session.check(prompt)

    def stream(self, prompts: Sequence[str], keys: Sequence[int]) -> Iterator[tuple[int, Answer]]:
        """Yield (number of the prompt, answer) as workers return them."""
        import ray

        waiting = {}
        for start in range(0, len(prompts), self.share):
            some = slice(start, start + self.share)
            task = self.remote.remote(self.open, self.place, [*prompts[some]], [*keys[some]])
            waiting[task] = start
        while waiting:
            (done,), _ = ray.wait(list(waiting))
            start = waiting.pop(done)
            try:
                answers = ray.get(done)
            except ray.exceptions.RayTaskError as error:
                if isinstance(error.cause, PlaitError):
                    raise error.cause from None
                raise
            yield from ((start + number, answer) for number, answer in answers)


@contextlib.contextmanager
def joined(address: str) -> Iterator[None]:
    """Join the cluster at an address ("local" starts one here); leave it at the end."""
    try:
        import ray
    except ImportError:
        raise missing("--ray", "ray", "ray") from None
    _reach(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise PlaitError(f"there is no Ray cluster at '{address}' ({reason})") from None
    try:
        yield
    finally:
        ray.shutdown()


@contextlib.contextmanager
def cluster(
    address: str, session: Answering, open: Open, device: str, share: int
) -> Iterator[Cluster]:
    """The workers of the cluster at an address, each with a model."""
    with joined(address):
        import ray

        # A worker that dies takes nothing with it that another could not do again.
        gpus = 1 if device == "cuda" else 0
        remote = ray.remote(max_retries=-1, num_gpus=gpus)(_decode)
        yield Cluster(session, open, Place.here(device), share, remote)


def _reach(address: str) -> None:
    """Raise PlaitError if nothing listens at HOST:PORT: Ray itself would wait for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), REACH).close()
    except OSError as error:
        raise PlaitError(f"there is no Ray cluster at '{address}' ({error.strerror})") from None


def _decode(
    open: Open, wanted: Place, prompts: list[str], keys: list[int]
) -> list[tuple[int, Answer]]:
    """Decode some prompts, on a worker."""
    wanted.meet()
    return list(_session(open).stream(prompts, keys))


@functools.lru_cache(1)
def _session(open: Open) -> Answering:
    """The model, loaded once for each worker."""
    return open()
