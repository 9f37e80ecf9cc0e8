"""The main path: one loop that every decoding method runs on."""

import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from .canvas import Canvas
from .length import EndAtEos
from .look import look
from .parts import Length, Part, Reviser, Sampler, Schedule, Selector, View, take
from .revise import Keep
from .sample import Greedy
from .select import TopK
from .trace import Recorder, Trace

REVISIONS = 4  # rounds per free position after which nothing is taken back, so that all ends


@runtime_checkable
class Denoiser(Protocol):
    """A masked diffusion model as the loop sees it."""

    vocab: int

    def __call__(self, canvas: Canvas, where: Bool[Tensor, "B L"]) -> Float[Tensor, "N V"]:
        """Return logits at the N positions of `where`, in row-major order.

        A row's logits must not depend on the other rows of the batch.
        """
        ...


@dataclass(frozen=True)
class Decoder:
    """A decoding method: a choice of parts. Immutable, so one serves any number of requests."""

    schedule: Schedule
    selector: Selector = TopK()
    sampler: Sampler = Greedy()
    reviser: Reviser = Keep()
    length: Length = EndAtEos()

    @property
    def parts(self) -> dict[str, Part]:
        """The parts by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @property
    def needs(self) -> frozenset[str]:
        """Statistics that the parts want in their View."""
        return frozenset().union(*(p.needs for p in self.parts.values()))


@dataclass(frozen=True)
class State:
    """The memory of every part and the round of every row."""

    memo: dict[str, Any]
    round: Int[Tensor, " B"]


@dataclass(frozen=True)
class Round:
    """What one round did to the canvas: the masks that were applied and the view behind them."""

    view: View
    commit: Bool[Tensor, "B L"]
    retract: Bool[Tensor, "B L"]
    fill: Bool[Tensor, "B L"]
    canvas: Canvas  # after the round


def init(decoder: Decoder, canvas: Canvas) -> State:
    """Return the state of `decoder` before its first round on `canvas`."""
    memo = {name: part.init(canvas) for name, part in decoder.parts.items()}
    return State(memo, torch.zeros_like(canvas.length))


def step(
    model: Denoiser, decoder: Decoder, canvas: Canvas, state: State, seed: int = 0
) -> tuple[Round, State]:
    """One round: plan, one forward, draw, select, revise, close what has ended.

    The invariants of all methods live here: only open masks are committed, every row that can
    commits at least one, given positions never change.
    """
    memo = dict(state.memo)
    plan, memo["schedule"] = decoder.schedule(canvas, state.round, memo["schedule"])
    open = plan.open & canvas.masked
    open = torch.where(open.any(1, keepdim=True), open, canvas.masked)
    logits = model(canvas, open).float()
    view = look(canvas, plan, open, logits, decoder.sampler, seed, state.round, decoder.needs)
    commit, memo["selector"] = decoder.selector(view, memo["selector"])
    commit = commit & open
    commit = torch.where(commit.any(1, keepdim=True), commit, best(view))
    retract, memo["reviser"] = decoder.reviser(view, memo["reviser"])
    may_revise = (state.round < REVISIONS * (~canvas.given).sum(1))[:, None]
    retract = retract & ~commit & ~canvas.masked & ~canvas.given & may_revise
    after = canvas.write(commit, view.draw).erase(retract)
    fill, memo["length"] = decoder.length(after, memo["length"])
    fill = fill & after.masked
    after = after.write(fill, torch.full_like(after.tokens, after.eos_id))
    return Round(view, commit, retract, fill, after), State(memo, state.round + 1)


def best(view: View) -> Bool[Tensor, "B L"]:
    """The most probable open position of each row; of equals, the leftmost."""
    score = view.chosen.masked_fill(~view.open, -torch.inf)
    return torch.zeros_like(view.open).scatter_(1, score.argmax(1, keepdim=True), True) & view.open


@torch.inference_mode()
def decode(
    model: Denoiser,
    decoder: Decoder,
    canvas: Canvas,
    seed: int = 0,
    watch: Callable[[Round, list[int]], None] | None = None,
) -> tuple[Canvas, list[Trace]]:
    """Run `decoder` until nothing is masked; return the canvas and one trace per row.

    A row leaves the batch when it is done. `watch` is called after each round with what happened
    and the rows (indices into `canvas`) that it happened to.
    """
    recorder, start = Recorder(canvas, seed), time.perf_counter()
    state, tokens = init(decoder, canvas), canvas.tokens.clone()
    live = torch.arange(len(tokens), device=tokens.device)
    current = canvas
    while True:
        keep = current.masked.any(1).nonzero()[:, 0]
        if len(keep) < len(live):
            live, current = live[keep], current.rows(keep)
            state = State(take(state.memo, keep), state.round[keep])
        if not len(live):
            return replace(canvas, tokens=tokens), recorder.traces()
        done, state = step(model, decoder, current, state, seed)
        current = done.canvas
        tokens[live] = current.tokens
        recorder.add(done, live.tolist(), time.perf_counter() - start)
        if watch is not None:
            watch(done, live.tolist())
