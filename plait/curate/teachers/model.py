"""A model that plait loads: a diffusion language model, or an autoregressive one."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ...auxiliary import is_causal
from ...errors import PlaitError
from ...generate import Answer, decoder_for, stream
from ...layout import plain
from ...models.load import load
from ...trace import Trace
from ..sample import Drawn, Question, seed_of
from . import Gathered, Teacher, asked, gathered

LENGTH = 330  # positions of a stream in arXiv:2602.23225


def model(
    model: str,
    method: str | None = None,
    length: int | None = None,
    temperature: float = 1.0,
    top_p: float = 1.0,
    tokens_per_round: int | None = 1,
    ask: str = "{prompt}",
    dtype: str = "float32",
    *,
    batch: int = 8,
    device: str | None = None,
) -> Teacher:
    """Sample paths one by one, each by its own random numbers: independent, given the prompt.

    `method` is left to right for an autoregressive model, and else by confidence. `length` is in
    positions. A model of streams writes one, and its summary is the answer; of any other, the
    answer is read out of the path. Raises PlaitError for what cannot work, before weights are read.
    """
    settings: dict[str, Any] = {"temperature": temperature, "top_p": top_p}
    if tokens_per_round is not None:
        settings["tokens_per_round"] = tokens_per_round
    decoder_for(method or "confidence", **settings)
    loaded = load(model, device, dtype)
    method = method or ("ar" if is_causal(loaded) else "confidence")
    one = loaded.slots.streams > 0
    room = LENGTH if length is None else length
    layout = loaded.layout(streams=1, length=length) if one else plain(room)

    def check(prompt: str) -> None:
        layout.build(loaded.codec, [prompt], context=loaded.context)

    def fits(prompt: str) -> bool:
        try:
            check(prompt)
        except PlaitError:
            return False
        return True

    check("?")

    def draw(questions: Sequence[Question], count: int, seed: int) -> Gathered:
        prompts = [asked(ask, question) for question in questions]
        good = [number for number, prompt in enumerate(prompts) if fits(prompt)]
        yield from ((n, []) for n in set(range(len(prompts))) - set(good))
        keys = [seed_of(seed, questions[n], path, 48) for n in good for path in range(count)]
        texts = [prompts[n] for n in good for _ in range(count)]

        def paths() -> Iterator[tuple[int, Drawn]]:
            own: dict[str, Any] = {"layout": layout, "slots": batch, "keys": keys, "seed": seed}
            for number, answer in stream(loaded, texts, method, **own, **settings):
                yield number, drawn(answer, keys[number])

        yield from ((good[n], found) for n, found in gathered(paths(), count))

    return draw


def drawn(answer: Answer, key: int) -> Drawn:
    """The path in an answer."""
    text = "\n".join(answer.streams) if answer.streams else answer.raw.strip()
    said = answer.raw.strip() if answer.streams else ""
    return Drawn(text, key, said, ended=ended(answer.trace))


def ended(trace: Trace) -> bool:
    """Has every slot an end, or did the text run out of room?"""
    final, ends = trace.replay(), list(trace.ends)
    slots = range(int(trace.region.max()) + 1)
    return all(bool(np.isin(final[trace.region == slot], ends).any()) for slot in slots)
