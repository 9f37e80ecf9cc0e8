"""Random method x option x prompt x layout: every run ends, and keeps what the engine promises."""

import types
from dataclasses import replace
from typing import Literal, Union, get_args, get_origin, get_type_hints

import numpy as np
import pytest
import torch
from cases import HELPERS, METHODS, OPTIONS, streams
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny import Digits, Tiny

from plait import methods
from plait.budget import Budget
from plait.decode import decode
from plait.errors import PlaitError
from plait.layout import plain
from plait.sample import Categorical
from plait.schedule import Streams

MODEL = Tiny(sharp=6.0)
BUDGETS = st.one_of(
    st.builds(Budget, tokens_per_round=st.integers(1, 6)),
    st.builds(Budget, rounds=st.integers(1, 9)),
)
LAYOUTS = st.one_of(st.just(streams()), st.just(streams("blocked")), st.just(plain(9)))


def values(name: str, hint: object) -> st.SearchStrategy:
    """Values for an option, drawn by its type; some are out of range on purpose."""
    if name in HELPERS:
        return st.just(HELPERS[name])
    if hint is Budget:
        return BUDGETS
    if name == "inside":
        return st.sampled_from(METHODS)
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    if get_origin(hint) in (types.UnionType, Union):
        return st.one_of([values(name, option) for option in get_args(hint)])
    simple = {
        bool: st.booleans(),
        int: st.integers(-1, 9),
        float: st.floats(-0.1, 1.2),
        type(None): st.none(),
        str: st.text("ab", max_size=2),
    }
    return simple.get(hint, st.nothing())


@st.composite
def decoders(draw):
    """A decoder of a random method, or the sentence with which it was refused."""
    name = draw(st.sampled_from(METHODS))
    hints = get_type_hints(methods.function(name))
    chosen = {}
    for option in OPTIONS[name]:
        if option in HELPERS or draw(st.integers(0, 3)) == 0:
            strategy = values(option, hints[option])
            if not strategy.is_empty:
                chosen[option] = draw(strategy)
    try:
        decoder = methods.load(name, **chosen)
    except PlaitError as error:
        return name, chosen, error
    if draw(st.booleans()):
        decoder = replace(decoder, sampler=Categorical(draw(st.floats(0.3, 1.5))))
    return name, chosen, decoder


def check(chosen, layout, prompts, seed) -> None:
    _, _, decoder = chosen
    if isinstance(decoder, PlaitError):
        assert "\n" not in str(decoder)
        assert len(str(decoder)) > 10
        return
    start = layout.build(Digits(), prompts, context=128)
    if isinstance(decoder.schedule, Streams) and len(layout.segments) == 1:
        with pytest.raises(PlaitError, match="streams and a summary"):
            decode(MODEL, decoder, start, seed)
        return
    done, traces = decode(MODEL, decoder, start, seed)
    assert not done.masked.any()
    for row, (trace, prompt) in enumerate(zip(traces, prompts, strict=True)):
        final = done.tokens[row, : done.length[row]]
        assert final[: len(prompt)].tolist() == Digits().encode(prompt)
        headers = start.tokens[row][start.region[row] == -2]
        assert torch.equal(final[done.region[row, : done.length[row]] == -2], headers)
        assert (trace.replay() == final.numpy()).all()
        assert trace.forwards >= trace.rounds >= 1
        assert np.isfinite(trace.score[trace.kind == 0]).all()


PROMPT = st.text("123456789abcdef", min_size=1, max_size=5)
CASES = given(decoders(), LAYOUTS, st.lists(PROMPT, min_size=1, max_size=3), st.integers(0, 5))
CALM = {"suppress_health_check": list(HealthCheck), "derandomize": True}


@settings(max_examples=60, **CALM)
@CASES
def test_sixty_random_combinations(chosen, layout, prompts, seed):
    check(chosen, layout, prompts, seed)


@pytest.mark.slow
@settings(max_examples=1000, **CALM)
@CASES
def test_a_thousand_random_combinations(chosen, layout, prompts, seed):
    check(chosen, layout, prompts, seed)
