"""The main path: one loop that every decoding method runs on."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from .canvas import Canvas
from .guide import Plain
from .length import EndAtEos
from .look import Overheard, look, scope
from .meter import Meter
from .nested import take
from .parts import (
    Denoiser,
    Guide,
    Length,
    Part,
    Plan,
    Reviser,
    Sampler,
    Schedule,
    Selector,
    Start,
    Stop,
    View,
)
from .refresh import Cache, keeping, partial
from .refuse import refuse
from .revise import Keep
from .sample import Greedy
from .select import TopK
from .slots import joined, stacked, widened
from .start import Empty
from .stop import WhenFull
from .trace import Recorder, Trace


@dataclass(frozen=True)
class State:
    """The memory of every part and the round of every row."""

    memo: dict[str, Any]
    round: Int[Tensor, " B"]

    def rows(self, which: Int[Tensor, " N"]) -> "State":
        """The state of some of the rows."""
        return State(take(self.memo, which), self.round[which])


@dataclass(frozen=True)
class Round:
    """What one round did to the canvas: the masks that were applied and the view behind them."""

    view: View
    commit: Bool[Tensor, "B L"]
    rewrite: Bool[Tensor, "B L"]
    retract: Bool[Tensor, "B L"]
    fill: Bool[Tensor, "B L"]
    canvas: Canvas  # after the round


@runtime_checkable
class Judge(Protocol):
    """Owns a round because it looks at several candidate canvases in one forward pass."""

    needs: frozenset[str]  # statistics it wants in every View
    replays: bool  # is a round made of several, on what one forward pass has found?

    def init(self, canvas: Canvas) -> Any:
        """Return the memory it carries from round to round; leading axis B."""
        ...

    def round(
        self, model: Denoiser, decoder: "Decoder", canvas: Canvas, state: State, seed: int
    ) -> tuple[Round, State]:
        """Do one round, made of `observe` and `act`."""
        ...


@dataclass(frozen=True)
class Decoder:
    """A decoding method: a choice of parts. Immutable, so one serves any number of requests."""

    schedule: Schedule
    selector: Selector = TopK()
    sampler: Sampler = Greedy()
    reviser: Reviser = Keep()
    length: Length = EndAtEos()
    guide: Guide = Plain()
    stop: Stop = WhenFull()
    judge: Judge | None = None
    start: Start = Empty()
    cache: Cache | None = None

    def __post_init__(self) -> None:
        refuse(self)

    @property
    def parts(self) -> dict[str, Part]:
        """The parts by name, without the judge."""
        named = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: part for name, part in named.items() if isinstance(part, Part)}

    @property
    def needs(self) -> frozenset[str]:
        """Statistics that the parts want in their View."""
        judged = frozenset[str]() if self.judge is None else self.judge.needs
        return judged.union(*(p.needs for p in self.parts.values()))


def init(decoder: Decoder, canvas: Canvas) -> State:
    """Return the state of `decoder` before its first round on `canvas`."""
    memo = {name: part.init(canvas) for name, part in decoder.parts.items()} | {"kept": None}
    if decoder.judge is not None:
        memo["judge"] = decoder.judge.init(canvas)
    return State(memo, torch.zeros_like(canvas.length))


def step(
    model: Denoiser, decoder: Decoder, canvas: Canvas, state: State, seed: int = 0
) -> tuple[Round, State]:
    """One round: look, then act."""
    if decoder.judge is not None:
        return decoder.judge.round(model, decoder, canvas, state, seed)
    view, state = observe(model, decoder, canvas, state, seed)
    return act(decoder, view, state)


def observe(
    model: Denoiser, decoder: Decoder, canvas: Canvas, state: State, seed: int
) -> tuple[View, State]:
    """Plan, one forward pass, and a candidate for each position that is looked at."""
    memo = dict(state.memo)
    plan, open = planned(decoder, canvas, state.round, memo)
    where = scope(canvas, open, decoder.needs)
    part: Denoiser = model
    if decoder.cache is not None:
        part, fresh = partial(keeping(model), decoder.cache, canvas, open, state.round, memo)
        open, where = open & fresh, where & fresh
    source = Overheard(part) if "attention" in decoder.needs else part
    logits, memo["guide"] = decoder.guide(source, canvas, where, memo["guide"])
    view = look(
        canvas, plan, open, where, logits.float(), decoder.sampler, seed, state.round, decoder.needs
    )
    if isinstance(source, Overheard):
        view = replace(view, attention=source.attention)
    if decoder.cache is not None:
        memo["cache"] = decoder.cache.after(view, memo["cache"])
    return view, State(memo, state.round)


def planned(
    decoder: Decoder, canvas: Canvas, round: Int[Tensor, " B"], memo: dict[str, Any]
) -> tuple[Plan, Bool[Tensor, "B L"]]:
    """The schedule's plan and what is open: all masks where it opens none. Changes `memo`."""
    plan, memo["schedule"] = decoder.schedule(canvas, round, memo["schedule"])
    open = plan.open & canvas.masked
    return plan, torch.where(open.any(1, keepdim=True), open, canvas.masked)


def act(decoder: Decoder, view: View, state: State) -> tuple[Round, State]:
    """Select, revise, close what has ended, and apply it all.

    The invariants of all methods live here: only open masks are committed, every row that can
    commits at least one (unless its selector may pass), given positions never change, and
    revision ends.
    """
    memo, canvas = dict(state.memo), view.canvas
    commit, memo["selector"] = decoder.selector(view, memo["selector"])
    commit = commit & view.open
    late = view.round >= decoder.reviser.limit(canvas)
    passes = commit.any(1) | ((decoder.selector.at_least == 0) & ~late)
    commit = torch.where(passes[:, None], commit, best(view))
    finish, memo["stop"] = decoder.stop(view, memo["stop"])
    commit = commit | (finish[:, None] & canvas.masked)
    waits = decoder.length.waits(view, memo["length"]) & ~late
    commit = commit & ~(waits | holding(decoder, canvas, state))[:, None]
    revision, memo["reviser"] = decoder.reviser(view, commit, memo["reviser"])
    written = (commit | ~canvas.masked) & ~canvas.given & ~finish[:, None]
    written = written & ~late[:, None]
    retract, rewrite = revision.erase & written, revision.rewrite & written & ~commit
    after = canvas.write(commit | rewrite, view.draw).erase(retract)
    change, memo["length"] = decoder.length(after, view, memo["length"])
    fill = change.fill & after.masked
    after = after.write(fill, torch.full_like(after.tokens, after.eos_id))
    if change.insert is not None or change.delete is not None:
        after, index = after.resize(change.insert, change.delete)
        memo |= {name: part.moved(memo[name], index) for name, part in decoder.parts.items()}
        memo["kept"] = None if memo["kept"] is None else memo["kept"].moved(index)
    done = Round(view, commit & ~retract, rewrite & ~retract, retract & ~commit, fill, after)
    return done, State(memo, state.round + 1)


def holding(decoder: Decoder, canvas: Canvas, state: State) -> Bool[Tensor, " B"]:
    """Rows that the reviser holds: they commit nothing, and do not end, until it lets them go."""
    held = decoder.reviser.holds(canvas, state.round, state.memo["reviser"])
    return held & (state.round < decoder.reviser.limit(canvas))


def best(view: View) -> Bool[Tensor, "B L"]:
    """The most probable open position of each row; of equals, the leftmost."""
    score = view.chosen.masked_fill(~view.open, -torch.inf)
    return torch.zeros_like(view.open).scatter_(1, score.argmax(1, keepdim=True), True) & view.open


def enter(decoder: Decoder, canvas: Canvas, state: State, new: Canvas) -> tuple[Canvas, State]:
    """Let the rows of `new` join a batch. For the rows that are there, nothing changes."""
    both = stacked(canvas, new)
    fresh = both.rows(torch.arange(len(canvas.tokens), len(both.tokens), device=both.tokens.device))
    memo = widened(decoder.parts, state.memo, canvas, both)
    after = joined(State(memo | {"kept": None}, state.round), init(decoder, fresh))
    if state.memo["kept"] is not None:
        after.memo["kept"] = state.memo["kept"].grown(*both.tokens.shape)
    return both, after


WATCH = Callable[[Round, list[int]], None]


@torch.inference_mode()
def flow(
    model: Denoiser,
    decoder: Decoder,
    waiting: Iterable[Canvas],
    slots: int,
    seed: int = 0,
    watch: WATCH | None = None,
) -> Iterator[tuple[int, Canvas, Trace]]:
    """Decode canvases in a number of slots; yield each row as soon as it is done.

    A row leaves when nothing of it is masked, and the next canvas joins when its rows have room.
    What is yielded is the number of the row in all of `waiting`, its canvas without padding on the
    host, and its trace. Rows of one flow need different keys. `watch` is called after each round
    with what happened and the numbers of the rows that it happened to.
    """
    meter, queue = Meter(model), (decoder.start(canvas, seed) for canvas in waiting)
    recorder = Recorder(seed, meter)
    live: list[int] = []
    batch: tuple[Canvas, State] | None = None
    following = next(queue, None)
    while following is not None or batch is not None:
        while following is not None and (not live or len(live) + len(following.key) <= slots):
            live += recorder.join(following)
            fresh = following, init(decoder, following)
            batch = fresh if batch is None else enter(decoder, *batch, following)
            following = next(queue, None)
        assert batch is not None
        current, state = batch
        busy = current.masked.any(1) | holding(decoder, current, state)
        gone = (~busy).nonzero()[:, 0]
        for i, row in zip(gone.tolist(), on_host(current, gone), strict=True):
            yield live[i], row, recorder.trace(live[i], row)
        if not len(gone):
            with torch.inference_mode():  # a type checker around a generator hides the one above
                round, state = step(meter, decoder, current, state, seed)
            recorder.add(round, live)
            batch = round.canvas, state
            if watch is not None:
                watch(round, live)
            continue
        keep = busy.nonzero()[:, 0]
        live = [live[i] for i in keep.tolist()]
        batch = (current.rows(keep), state.rows(keep)) if live else None


def on_host(canvas: Canvas, which: Int[Tensor, " N"]) -> list[Canvas]:
    """Some of the rows without padding; reading them piece by piece would wait for a GPU often."""
    if not len(which):
        return []
    some = canvas.rows(which).to("cpu")
    return [some.row(i) for i in range(len(which))]


def decode(
    model: Denoiser, decoder: Decoder, canvas: Canvas, seed: int = 0, watch: WATCH | None = None
) -> tuple[Canvas, list[Trace]]:
    """Run `decoder` until nothing is masked; return the canvas and one trace per row.

    A row leaves the batch when it is done. `watch` is called after each round with what happened
    and the rows (indices into `canvas`) that it happened to.
    """
    done, traces = collected(flow(model, decoder, [canvas], 1, seed, watch))
    return done.to(canvas.tokens.device), traces


def collected(rows: Iterable[tuple[int, Canvas, Trace]]) -> tuple[Canvas, list[Trace]]:
    """All rows of a flow as one canvas, and their traces, in the order in which they waited."""
    _, canvases, traces = zip(*sorted(rows, key=lambda row: row[0]), strict=True)
    return Canvas.stack(canvases), list(traces)
