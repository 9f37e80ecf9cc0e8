"""Decode with the engine: the same tokens as `plait.decode.decode`, from fewer and larger steps."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from ..canvas import Canvas
from ..decode import WATCH, Decoder, collected
from ..errors import Notice
from ..guide import Plain
from ..length import finds_length
from ..models.config import Config
from ..models.denoiser import NetDenoiser
from ..nested import mapped
from ..parts import Denoiser
from ..revise import Keep
from ..sample import Greedy
from ..trace import Trace
from .records import Log
from .rounds import Rounds
from .story import Done, Story
from .weights import Weights, fused, unsupported

KNOWN = frozenset({"second", "entropy", "masked"})


def missing(config: Config, decoder: Decoder) -> str | None:
    """What about a model or a decoder the engine cannot do, in a few words; None = nothing."""
    shape = unsupported(config)
    if shape:
        return shape
    if decoder.judge is not None:
        return "methods that look at several versions of a canvas"
    if not isinstance(decoder.guide, Plain):
        return "guides"
    if not isinstance(decoder.sampler, Greedy):
        return "temperatures"
    if not isinstance(decoder.reviser, Keep):
        return "revision"
    if finds_length(decoder.length):
        return "methods that change the length of a slot"
    if decoder.cache is not None and decoder.cache.inside_layers:
        return "caches that decide inside of the layers"
    strange = sorted(decoder.needs - KNOWN)
    return f"methods that read '{strange[0]}'" if strange else None


@dataclass
class Engine:
    """Decodes rows in slots, flow after flow; one that is like the last takes up its graphs.

    With `apart` rows go through the layers one by one; None = on a CPU.
    """

    weights: Weights
    decoder: Decoder
    apart: bool | None = None
    rounds: Rounds | None = None  # those of the last flow

    def __call__(
        self, canvas: Canvas, seed: int = 0, watch: WATCH | None = None
    ) -> tuple[Canvas, list[Trace]]:
        """Decode all rows side by side: see `plait.decode.decode`."""
        done, traces = collected(self.flow([canvas], len(canvas.tokens), seed, watch))
        return done.to(canvas.tokens.device), traces

    def flow(
        self,
        waiting: Iterable[Canvas],
        slots: int,
        seed: int = 0,
        watch: WATCH | None = None,
        width: int = 0,
    ) -> Iterator[Done]:
        """Decode canvases in a number of slots; yield each row, on the host, when it is done.

        See `plait.decode.flow`. Slots have room for rows of `width` positions and for the longest
        of those that come first. A longer one waits until all slots are free, and then gets longer
        ones. Where `waiting` fails, the rows before are decoded first.
        """
        queue, before = Queue(waiting, partial(self.decoder.start, seed=seed)), 0
        while rows := queue.take(slots):
            canvas = Canvas.stack(rows, width)
            rounds, self.rounds = self._ready(canvas, seed), None  # nobody else's meanwhile
            turns = Turns(rounds, Story(canvas, seed, watch, before), queue)
            while turns.live:
                yield from turns.turn()
            self.rounds, before = rounds, queue.taken
        if queue.error is not None:
            raise queue.error

    @torch.inference_mode()
    def _ready(self, canvas: Canvas, seed: int) -> Rounds:
        """Slots that hold the rows of a canvas."""
        device = self.weights.embed.device
        canvas, rows, last = canvas.to(device), len(canvas.tokens), self.rounds
        if last is not None and last.seed == seed and last.slots == rows and last.takes(canvas):
            last.join(torch.arange(rows, device=device), canvas)
            return last
        last = self.rounds = None  # before another bank is made
        apart = device.type == "cpu" if self.apart is None else self.apart
        graphs = device.type == "cuda"
        return Rounds(self.weights, self.decoder, canvas, seed, graphs, apart)


class Queue:
    """Rows on the host that wait for a slot. When one cannot be made, it ends and keeps why."""

    def __init__(self, waiting: Iterable[Canvas], start: Callable[[Canvas], Canvas]) -> None:
        """Ask for canvases no earlier than for their rows."""
        made = (start(canvas.to("cpu")) for canvas in waiting)
        self._rows = (canvas.row(i) for canvas in made for i in range(len(canvas.tokens)))
        self._first: Canvas | None = None  # made, and not yet taken
        self.taken = 0
        self.error: Exception | None = None

    def take(self, most: int, longest: int | None = None) -> list[Canvas]:
        """The next rows: at most so many, up to one that has more positions than `longest`."""
        rows: list[Canvas] = []
        while len(rows) < most and (row := self._peek()) is not None:
            if longest is not None and row.tokens.shape[1] > longest:
                break
            rows.append(row)
            self._first = None
        self.taken += len(rows)
        return rows

    def _peek(self) -> Canvas | None:
        if self._first is None and self.error is None:
            try:
                self._first = next(self._rows, None)
            except Exception as error:  # raised again when all rows before it are done
                self.error = error
        return self._first


@dataclass
class Turns:
    """Rounds of the rows in the slots, and between rounds the rows that leave and join.

    What a round has done is told while the device computes the next one.
    """

    rounds: Rounds
    story: Story
    queue: Queue
    live: set[int] = field(init=False)  # slots with a row in them
    _untold: list[Callable[[], list[Done]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.live = set(range(self.rounds.slots))

    @torch.inference_mode()
    def turn(self) -> list[Done]:
        """Let rows leave and join, and do a round; return rows that have left."""
        size, busy = self.rounds.wanted()
        if self._changed(self.live.difference(busy)):
            size, busy = self.rounds.wanted()
        if busy:
            self._untold.append(partial(self.story.add, copied(stepped(self.rounds, *size))))
        last = len(self._untold) - bool(busy)
        now, self._untold = self._untold[:last], self._untold[last:]
        return [row for tell in now for row in tell()]

    def _changed(self, done: set[int]) -> bool:
        """Let rows leave their slots; have others joined?"""
        if not done:
            return False
        self._untold.append(partial(self.story.leave, sorted(done)))
        self.live -= done
        width = self.rounds.canvas.tokens.shape[1]
        free = sorted(set(range(self.rounds.slots)) - self.live)
        rows = self.queue.take(len(free), width)
        if not rows:
            return False
        slots, canvas = torch.tensor(free[: len(rows)]), Canvas.stack(rows, width)
        device = self.rounds.canvas.tokens.device
        self.rounds.join(slots.to(device), canvas.to(device))
        self._untold.append(partial(self.story.join, slots, canvas))
        self.live.update(slots.tolist())
        return True


def engine(model: Denoiser, decoder: Decoder) -> Engine | None:
    """The engine for a model and a decoder; None with a notice where it cannot do the same."""
    strange: str | None = "models of another kind"
    if isinstance(model, NetDenoiser):
        plain = all(type(weight.data) is Tensor for weight in model.net.parameters())
        strange = missing(model.net.config, decoder) if plain else "quantized weights"
        if strange is None:
            return Engine(fused(model.net), decoder)
    warnings.warn(f"the engine does not know {strange}; the plain loop decodes", Notice, 3)
    return None


def stepped(rounds: Rounds, n: int, m: int, wide: Sequence[int] = ()) -> Log:
    """One round; without graphs from now on if it cannot be captured."""
    try:
        return rounds.step(n, m, wide)
    except RuntimeError as error:
        if not rounds.graphs or isinstance(error, torch.OutOfMemoryError):
            raise
        rounds.graphs = False
        torch.cuda.synchronize()
        reason = str(error).splitlines()[0]
        warnings.warn(f"rounds run without CUDA graphs, which is slower: {reason}", Notice, 3)
        return rounds.step(n, m, wide)


def copied(log: Log) -> Log:
    """The log on the host. The copy is queued; it is there once the next round's count is."""
    if not log.change.is_cuda:
        return log

    def pinned(x: Tensor) -> Tensor:
        return torch.empty(x.shape, dtype=x.dtype, pin_memory=True).copy_(x, non_blocking=True)

    copy: Log = mapped(pinned, log)
    return copy
