"""Decode with the engine: the same tokens as `plait.decode.decode`, from fewer and larger steps."""

import warnings
from collections import Counter
from dataclasses import dataclass, field

import torch
from jaxtyping import Int
from torch import Tensor

from ..canvas import Canvas
from ..decode import WATCH, Decoder, Round
from ..errors import Notice
from ..guide import Plain
from ..length import finds_length
from ..models.config import Config
from ..models.denoiser import NetDenoiser
from ..parts import Denoiser, Plan, View
from ..revise import Keep
from ..sample import Greedy
from ..trace import Recorder, Trace
from .rounds import Log, Rounds
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
class Costs:
    """What each row has cost, counted by the engine as `Meter` counts it."""

    forwards: Counter[int] = field(default_factory=Counter)
    query_tokens: Counter[int] = field(default_factory=Counter)


@torch.inference_mode()
def decode(
    weights: Weights,
    decoder: Decoder,
    canvas: Canvas,
    seed: int = 0,
    watch: WATCH | None = None,
    rounds: Rounds | None = None,
) -> tuple[Canvas, list[Trace]]:
    """Run `decoder` until nothing is masked; see `plait.decode.decode`.

    `rounds` may be those of an earlier batch of the same size, weights and decoder: their graphs
    are used again. What the device has done is noted while it computes the next round.
    """
    canvas = decoder.start(canvas, seed)
    if rounds is None:
        rounds = _fresh(weights, decoder, canvas, seed)
    else:
        rounds.restart(canvas)
    return _run(rounds, canvas, seed, watch)


def _fresh(weights: Weights, decoder: Decoder, canvas: Canvas, seed: int) -> Rounds:
    """Rounds as they suit the device."""
    gpu = canvas.tokens.is_cuda
    return Rounds(weights, decoder, canvas, seed, graphs=gpu, apart=not gpu)


def _run(
    rounds: Rounds, canvas: Canvas, seed: int, watch: WATCH | None
) -> tuple[Canvas, list[Trace]]:
    """Decode the canvas that the rounds have taken up."""
    story = Story(canvas, seed, watch)
    behind: list[Log] = []
    while True:
        n, m, busy = rounds.now.count.tolist()
        if not busy:
            break
        behind.append(copied(stepped(rounds, n, m)))
        if len(behind) > 1:
            story.add(behind.pop(0))
    for log in behind:
        story.add(log)
    return story.end()


@dataclass
class Engine:
    """Decodes batch after batch; one that is like the last takes up its graphs."""

    weights: Weights
    decoder: Decoder
    _rounds: Rounds | None = None

    @torch.inference_mode()
    def __call__(
        self, canvas: Canvas, seed: int = 0, watch: WATCH | None = None
    ) -> tuple[Canvas, list[Trace]]:
        """See `plait.decode.decode`."""
        canvas = self.decoder.start(canvas, seed)
        rounds = self._rounds
        if rounds is not None and rounds.seed == seed and rounds.takes(canvas):
            rounds.restart(canvas)
        else:
            self._rounds = rounds = None  # before another bank is made
            self._rounds = rounds = _fresh(self.weights, self.decoder, canvas, seed)
        return _run(rounds, canvas, seed, watch)


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


def stepped(rounds: Rounds, n: int, m: int) -> Log:
    """One round; without graphs from now on if it cannot be captured."""
    try:
        return rounds.step(n, m)
    except RuntimeError as error:
        if not rounds.graphs or isinstance(error, torch.OutOfMemoryError):
            raise
        rounds.graphs = False
        torch.cuda.synchronize()
        reason = str(error).splitlines()[0]
        warnings.warn(f"rounds run without CUDA graphs, which is slower: {reason}", Notice, 3)
        return rounds.step(n, m)


def copied(log: Log) -> Log:
    """The log on the host. The copy is queued; it is there once the next round's count is."""
    if not log.change.is_cuda:
        return log

    def pinned(x: Tensor) -> Tensor:
        return torch.empty(x.shape, dtype=x.dtype, pin_memory=True).copy_(x, non_blocking=True)

    return Log(pinned(log.change), pinned(log.draw), pinned(log.chosen), pinned(log.computed))


class Story:
    """Traces, put together from logs."""

    def __init__(self, canvas: Canvas, seed: int, watch: WATCH | None) -> None:
        self._home, self._canvas = canvas.tokens.device, canvas.to("cpu")
        self._cost, self._watch, self._seed = Costs(), watch, seed
        self._recorder = Recorder(seed, self._cost)
        self._rows = self._recorder.join(self._canvas)
        self._round = torch.zeros_like(self._canvas.length)

    def add(self, log: Log) -> None:
        """Note a round of the rows that were not done."""
        live = (log.computed > 0).nonzero()[:, 0]
        for row in live.tolist():
            key = int(self._canvas.key[row])
            self._cost.forwards[key] += 1
            self._cost.query_tokens[key] += int(log.computed[row])
        before, some = self._canvas, self._canvas.rows(live)
        commit, rewrite, retract, fill = ((log.change >> i & 1).bool() for i in range(4))
        ends = torch.full_like(before.tokens, before.eos_id)
        after = before.write(commit | rewrite, log.draw.long()).erase(retract).write(fill, ends)
        view = _view(some, log.draw.long()[live], log.chosen[live], self._seed, self._round[live])
        masks = (commit[live], rewrite[live], retract[live], fill[live])
        done = Round(view, *masks, after.rows(live))
        self._canvas, self._round[live] = after, self._round[live] + 1
        self._recorder.add(done, live.tolist())
        if self._watch is not None:
            self._watch(done, live.tolist())

    def end(self) -> tuple[Canvas, list[Trace]]:
        """The canvas and the traces of its rows."""
        rows = [self._canvas.row(i) for i in self._rows]
        traces = [self._recorder.trace(i, row) for i, row in zip(self._rows, rows, strict=True)]
        return self._canvas.to(self._home), traces


def _view(
    canvas: Canvas, draw: Tensor, chosen: Tensor, seed: int, round: Int[Tensor, " B"]
) -> View:
    """What a log tells of a view."""
    nothing = torch.zeros_like(canvas.given)
    plan = Plan(nothing, torch.zeros_like(draw), torch.zeros_like(draw[:, :1]))
    return View(canvas, plan, nothing, seed, round, draw=draw, chosen=chosen)
