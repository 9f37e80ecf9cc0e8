"""From prompts to answers: build canvases, decode, read them back, count by one rule."""

import inspect
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any

from . import auxiliary, methods
from . import cache as caches
from .budget import Budget
from .canvas import Canvas
from .decode import Decoder, Round, collected, flow
from .ends import with_ends
from .errors import PlaitError
from .layout import Layout
from .length import finds_length
from .measure.arness import global_arness, per_region
from .models.load import Model
from .sample import Categorical
from .trace import Trace

WATCH = Callable[[Round, list[int]], None]
FLOW = Callable[[Iterable[Canvas], int, int, WATCH | None], Iterator[tuple[int, Canvas, Trace]]]
BARS = ("threshold", "factor", "draft")  # options that compare a candidate's probability


@dataclass(frozen=True)
class Answer:
    """What came out for one prompt, and how parallel its decoding was."""

    prompt: str
    answer: str
    text: str  # all segments, one per line
    streams: list[str]
    rounds: int
    forwards: int
    query_tokens: int  # positions computed, summed over forwards
    answer_tokens: int  # before the first end of each segment; headers and prompt never count
    tokens_per_forward: float
    arness: dict[str, Any]  # "global@1" on the whole canvas, "per_stream" (the summary last)
    seconds: float  # wall time from when its batch began, or it joined one, to its last round
    raw: str = field(repr=False)  # `answer` with the spaces around it, which code needs
    trace: Trace = field(repr=False)

    def record(self) -> dict[str, Any]:
        """The answer as plain values for JSON, without the trace."""
        names = [f.name for f in fields(self) if f.name not in ("raw", "trace")]
        return {name: getattr(self, name) for name in names}


def decoder_for(
    method: str,
    tokens_per_round: int | None = None,
    rounds: int | None = None,
    temperature: float = 0.0,
    top_p: float = 1.0,
    top_k: int = 0,
    end_penalty: float = 0.0,
    early_stop: bool | None = None,
    cache: str | None = None,
    cache_settings: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Decoder:
    """Return the decoder of a method with a budget, a sampler, a policy for ends and a cache.

    Raises PlaitError for unknown names, values out of range, a budget for a method that decides by
    itself how many tokens to write, a temperature for a bar that was not set for it, and a cache
    that contradicts the method.
    """
    if not 0 <= temperature < math.inf:
        raise PlaitError(f"temperature is {temperature}; it must be 0 (greedy) or more")
    if temperature == 0 and (top_p != 1 or top_k):
        raise PlaitError("top_p and top_k need a temperature above 0; greedy decoding ignores them")
    takes_budget = "budget" in inspect.signature(methods.function(method)).parameters
    if takes_budget:
        settings["budget"] = Budget(tokens_per_round, rounds)
    elif tokens_per_round is not None or rounds is not None:
        raise PlaitError(
            f"method '{method}' decides by itself how many tokens a round writes; "
            "leave out tokens per round and rounds"
        )
    decoder = with_ends(methods.load(method, **settings), end_penalty, early_stop)
    if temperature > 0:
        _refuse_bars(method, temperature, settings)
        decoder = replace(decoder, sampler=Categorical(temperature, top_p, top_k))
    if cache is not None:
        decoder = replace(decoder, cache=caches.load(cache, **(cache_settings or {})))
    return decoder


def _refuse_bars(method: str, temperature: float, given: Mapping[str, Any]) -> None:
    """A bar for the probability of candidates is tuned to how candidates are drawn."""
    options = inspect.signature(methods.function(method)).parameters
    bars = {k: options[k].default for k in BARS if k in options and options[k].default is not None}
    if bars and not given.keys() & BARS:
        name, value = next(iter(bars.items()))
        raise PlaitError(
            f"method '{method}' commits by {name}={value}, which was set for temperature 0; give "
            f"{name} a value for temperature {temperature}, or use temperature 0"
        )


def generate(
    model: Model,
    prompts: Sequence[str],
    method: str = "nap",
    *,
    layout: Layout | None = None,
    seed: int = 0,
    batch_size: int = 8,
    keys: Sequence[int] | None = None,
    watch: WATCH | None = None,
    aux: Model | None = None,
    engine: bool = False,
    **settings: Any,
) -> Iterator[Answer]:
    """Yield one answer per prompt, in order.

    `settings` are those of `decoder_for`. `keys` name the prompts for the random numbers (default
    0, 1, 2, ...), so that a prompt's text does not depend on its batch. `aux` is the model beside
    this one, for methods that have one. `engine` decodes by `plait.engine`, in `batch_size` slots:
    the next prompt takes the place of one that is done, keys must differ from each other, and
    `watch` hears the numbers of prompts. Where the engine cannot, the plain loop decodes, with a
    notice. Raises PlaitError if a prompt is empty or its canvas does not fit the model.
    """
    _refuse_text(prompts)
    decoder, layout = _chosen(model, method, layout, aux, settings)
    keys = list(range(len(prompts))) if keys is None else keys
    if batch_size < 1:
        raise PlaitError(f"batch size is {batch_size}; it must be >= 1")
    run = _engine(model, decoder, layout, prompts) if engine else None
    if run is not None:
        yield from _in_order(_flowing(model, run, layout, prompts, keys, batch_size, seed, watch))
        return
    for start in range(0, len(prompts), batch_size):
        some = slice(start, start + batch_size)
        yield from _batch(model, decoder, layout, prompts[some], keys[some], seed, watch)


def stream(
    model: Model,
    prompts: Sequence[str],
    method: str = "nap",
    *,
    layout: Layout | None = None,
    seed: int = 0,
    slots: int = 8,
    keys: Sequence[int] | None = None,
    aux: Model | None = None,
    engine: bool = False,
    **settings: Any,
) -> Iterator[tuple[int, Answer]]:
    """Yield (number of the prompt, answer) as each is done: the next prompt takes its slot.

    The answers are those of `generate`, in another order; `keys` must differ from each other.
    """
    _refuse_text(prompts)
    if slots < 1:
        raise PlaitError(f"the number of slots is {slots}; it must be >= 1")
    decoder, chosen = _chosen(model, method, layout, aux, settings)
    names = range(len(prompts)) if keys is None else keys
    fast = _engine(model, decoder, chosen, prompts) if engine else None
    run = fast or partial(flow, model.denoiser, decoder)
    yield from _flowing(model, run, chosen, prompts, names, slots, seed)


def _refuse_text(prompts: Sequence[str]) -> None:
    """One text is a sequence too: of its letters."""
    if isinstance(prompts, str):
        raise PlaitError("prompts are a list of texts, and this is one text: put it into a list")


def _chosen(
    model: Model, method: str, layout: Layout | None, aux: Model | None, settings: dict[str, Any]
) -> tuple[Decoder, Layout]:
    if aux is not None:
        settings = settings | auxiliary.settings(method, model, aux)
    decoder, layout = decoder_for(method, **settings), layout or model.layout()
    if layout.confine is not None:
        if finds_length(decoder.length):
            raise PlaitError(
                f"a form's slots keep their length, and method '{method}' changes lengths; choose "
                "another method"
            )
        decoder = replace(decoder, guide=layout.confine(model.codec, decoder.guide))
    return decoder, layout


def _engine(model: Model, decoder: Decoder, layout: Layout, prompts: Sequence[str]) -> FLOW | None:
    """The engine, with room for the longest of the prompts; None if it cannot do the same."""
    from .engine.loop import engine

    found, width = engine(model.denoiser, decoder), 0
    if found is None:
        return None
    for prompt in prompts:
        with suppress(PlaitError):  # raised again when it is the prompt's turn
            canvas = layout.build(model.codec, [prompt], context=model.context)
            width = max(width, canvas.tokens.shape[1])
    return partial(found.flow, width=width)


def _flowing(
    model: Model,
    run: FLOW,
    layout: Layout,
    prompts: Sequence[str],
    keys: Sequence[int],
    slots: int,
    seed: int,
    watch: WATCH | None = None,
) -> Iterator[tuple[int, Answer]]:
    canvases = (
        layout.build(model.codec, [prompt], [key], model.context).to(model.device)
        for prompt, key in zip(prompts, keys, strict=True)
    )
    for number, done, trace in run(canvases, slots, seed, watch):
        texts = layout.read(model.codec, done, 0)
        yield number, _answer(prompts[number], list(texts.items()), trace)


def _in_order(found: Iterator[tuple[int, Answer]]) -> Iterator[Answer]:
    """Answers by the number of their prompt, each as soon as all before it are there."""
    early: dict[int, Answer] = {}
    following = 0
    for number, answer in found:
        early[number] = answer
        while following in early:
            yield early.pop(following)
            following += 1


def _batch(
    model: Model,
    decoder: Decoder,
    layout: Layout,
    prompts: Sequence[str],
    keys: Sequence[int],
    seed: int,
    watch: WATCH | None,
) -> Iterator[Answer]:
    canvas = layout.build(model.codec, prompts, keys, model.context).to(model.device)
    done, traces = collected(flow(model.denoiser, decoder, [canvas], 1, seed, watch))
    for row, (prompt, trace) in enumerate(zip(prompts, traces, strict=True)):
        yield _answer(prompt, list(layout.read(model.codec, done, row).items()), trace)


def _answer(prompt: str, segments: list[tuple[str, str]], trace: Trace) -> Answer:
    tokens = trace.answer_tokens()
    return Answer(
        prompt=prompt,
        answer=dict(segments).get("text", segments[-1][1].strip()),  # a form's text is exact
        text="\n".join(f"{name}: {text.strip()}" for name, text in segments),
        streams=[text.strip() for _, text in segments[:-1]],
        rounds=trace.rounds,
        forwards=trace.forwards,
        query_tokens=trace.query_tokens,
        answer_tokens=tokens,
        tokens_per_forward=round(tokens / trace.forwards, 4),
        arness={"global@1": global_arness(trace), "per_stream": per_region(trace)},
        seconds=round(trace.seconds, 4),
        raw=dict(segments).get("text", segments[-1][1]),
        trace=trace,
    )
