"""Rows that join the engine and leave it are decoded as if they were alone in the plain loop."""

from dataclasses import dataclass, replace
from functools import lru_cache

import pytest
import torch
from cached import CACHES, METHODS, SHAPE, STREAMS, canvas, model
from cases import build
from hypothesis import given, settings
from hypothesis import strategies as st
from traces import same

from plait import cache as caches
from plait import methods
from plait.budget import Budget
from plait.decode import decode
from plait.engine import loop
from plait.engine.forward import Forward
from plait.engine.loop import Engine
from plait.engine.records import Log
from plait.engine.rounds import Rounds
from plait.engine.weights import fused
from plait.errors import Notice, PlaitError
from plait.generate import generate, stream
from plait.layout import plain
from plait.length import Full
from plait.models.load import load
from plait.nested import leaves
from plait.parts import Selector

PROMPTS = ["123", "4567f89ab", "9", "1234567", "55", "77777", "12"]
KNOWN = [name for name in methods.names() if loop.missing(SHAPE, build(name)) is None]
PLAIN = [name for name in CACHES if not caches.load(name).inside_layers]
WAYS = pytest.mark.parametrize(
    "apart", [pytest.param(True, marks=pytest.mark.slow), False], ids=["apart", "together"]
)


def rows(layout, prompts=PROMPTS):
    return [canvas(layout, [prompt], i) for i, prompt in enumerate(prompts)]


def uneven():
    """Rows that leave one by one."""
    sizes = [9, 3, 6, 2, 8, 4, 5]
    return [canvas(plain(n), [PROMPTS[i]], i) for i, n in enumerate(sizes)]


def flowing(run: Engine, canvases, slots, **options):
    """All rows in the order in which they waited."""
    found = {number: row for number, *row in run.flow(iter(canvases), slots, **options)}
    assert sorted(found) == list(range(len(canvases)))
    return [found[i] for i in range(len(canvases))]


def check(decoder, canvases, found, name="", seed=0):
    """Each row as the plain loop decodes it alone: tokens, and the whole trace but time."""
    for start, (row, trace) in zip(canvases, found, strict=True):
        done, [alone] = decode(model(name), decoder, start, seed)
        assert torch.equal(row.tokens, done.tokens)
        assert same(trace, alone)


@WAYS
@pytest.mark.parametrize("name", KNOWN)
def test_each_method(name, apart):
    decoder = build(name)
    canvases = rows(STREAMS) if name in ("nap", "hierarchical") else uneven()
    found = flowing(Engine(fused(model().net), decoder, apart), canvases, 3, seed=5)
    check(decoder, canvases, found, seed=5)


@WAYS
@pytest.mark.parametrize("method", ["fast_dllm", pytest.param("nap", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", PLAIN)
def test_each_cache(name, method, apart):
    """What a row has kept is not seen by the one that takes its slot."""
    decoder, layout = METHODS[method]
    decoder, canvases = replace(decoder, cache=caches.load(name)), rows(layout)
    found = flowing(Engine(fused(model(name).net), decoder, apart), canvases, 2)
    check(decoder, canvases, found, name)


@lru_cache
def known(method: str, cached: str | None, apart: bool) -> Engine:
    decoder = METHODS[method][0]
    cache = None if cached is None else caches.load(cached)
    return Engine(fused(model().net), replace(decoder, cache=cache), apart)


@settings(max_examples=15)
@given(
    st.lists(st.tuples(st.integers(1, 12), st.integers(1, 14)), min_size=1, max_size=7),
    st.integers(1, 5),
    st.sampled_from(["llada", "fast_dllm", "confidence"]),
    st.sampled_from([None, "dual", "prefix"]),
    st.booleans(),
    st.integers(0, 30),
    st.integers(0, 3),
)
def test_rows_of_any_length_in_any_number_of_slots(
    sizes, slots, method, cached, apart, width, seed
):
    """Slots may be longer than all rows, or too short for those that come late."""
    run = known(method, cached, apart)
    canvases = [
        canvas(plain(free), ["123456789abc"[:prompt]], i) for i, (prompt, free) in enumerate(sizes)
    ]
    found = flowing(run, canvases, slots, seed=seed, width=width)
    check(run.decoder, canvases, found, seed=seed)


def test_a_slot_is_filled_as_soon_as_it_is_free():
    """With two slots, rows of 1, 8 and 1 positions: the third joins while the second goes on."""
    canvases = [canvas(plain(n), ["5"], i) for i, n in enumerate([1, 8, 1])]
    run, seen = Engine(fused(model().net), replace(methods.load("ar"), length=Full())), []
    asked = []

    def waiting():
        for i, start in enumerate(canvases):
            asked.append(i)
            yield start

    told = run.flow(waiting(), 2, watch=lambda _, live: seen.append([*live]))
    assert next(told)[0] == 0
    assert asked == [0, 1, 2]
    assert [number for number, *_ in told] == [2, 1]
    assert sorted(seen[0]) == [0, 1]
    assert sorted(seen[1]) == [1, 2]
    assert len(seen) == 8


def test_fewer_rows_than_slots():
    decoder, layout = METHODS["fast_dllm"]
    run, canvases = Engine(fused(model().net), decoder, apart=False), rows(layout, ["12", "9"])
    check(decoder, canvases, flowing(run, canvases, 8))
    assert run.rounds is not None
    assert run.rounds.slots == 2
    assert list(run.flow([], 8)) == []


def test_rows_of_one_key_after_each_other_are_counted_apart():
    decoder, layout = METHODS["fast_dllm"]
    canvases = [canvas(layout, [prompt], 7) for prompt in PROMPTS[:3]]
    check(decoder, canvases, flowing(Engine(fused(model().net), decoder), canvases, 1))


def captured(self, *size):
    """A round that leaves everything where it was when it was first done, as a CUDA graph does."""
    log = Log(*(x.clone() for x in leaves(self._round(self.now, *size)[1])))

    def replay():
        after, told = self._round(self.now, *size)
        new = [x.clone() for x in (*leaves(after), *leaves(told))]
        for home, value in zip((*leaves(self.now), *leaves(log)), new, strict=True):
            home.copy_(value)

    return replay, log


@pytest.mark.parametrize("cached", [None, "dual", "streams"])
def test_joins_write_where_graphs_read(cached, monkeypatch):
    """No tensor moves, and joining captures nothing."""
    monkeypatch.setattr(Rounds, "_captured", captured)
    monkeypatch.setattr(loop, "copied", lambda log: Log(*(x.clone() for x in leaves(log))))
    decoder = replace(METHODS["nap"][0], cache=cached and caches.load(cached))
    canvases = rows(STREAMS)
    width = max(start.tokens.shape[1] for start in canvases)
    run = Engine(fused(model().net), decoder, apart=False)
    flowing(run, canvases[:2], 2, width=width)
    rounds = run.rounds
    assert rounds is not None
    rounds.graphs = True
    places = [x.data_ptr() for x in (*leaves(rounds.now), *leaves(rounds.canvas))]
    check(decoder, canvases, flowing(run, canvases, 2, width=width))
    assert run.rounds is rounds
    assert [x.data_ptr() for x in (*leaves(rounds.now), *leaves(rounds.canvas))] == places
    sizes = set(rounds._replays)
    check(decoder, canvases, flowing(run, canvases, 2, width=width))
    assert set(rounds._replays) == sizes


def test_a_row_that_is_recomputed_whole_does_not_widen_the_others(monkeypatch):
    """Rows enter their blocks at different rounds; each does in a pass of its own."""
    decoder = methods.load("llada", block=6, budget=Budget(1))
    decoder = replace(decoder, length=Full(), cache=caches.load("dual"))
    prompt = "123456789abc" * 4
    canvases = [canvas(plain(n), [prompt[i:]], i) for i, n in enumerate([12, 4, 9, 7, 5])]
    shapes: list[tuple[int, ...]] = []
    forward = Forward.__call__

    def noted(self, tokens, pos, at, *others):
        shapes.append(tuple(at.shape))
        return forward(self, tokens, pos, at, *others)

    monkeypatch.setattr(Forward, "__call__", noted)
    check(decoder, canvases, flowing(Engine(fused(model().net), decoder, apart=False), canvases, 2))
    split, shapes[:] = shapes[:], []
    monkeypatch.setattr("plait.engine.rounds.widest", lambda *_: 0)
    check(decoder, canvases, flowing(Engine(fused(model().net), decoder, apart=False), canvases, 2))
    assert {rows for rows, _ in split} == {1, 2}
    assert {rows for rows, _ in shapes} == {2}
    assert sum(rows * n for rows, n in split) < 0.8 * sum(rows * n for rows, n in shapes)


@torch.inference_mode()
def test_a_row_of_another_kind_is_refused():
    decoder, _ = METHODS["nap"]
    rounds = Rounds(fused(model().net), decoder, canvas(STREAMS, ["1234", "5678"]))
    slot = torch.tensor([1])
    rounds.join(slot, canvas(STREAMS, ["4321"]))
    for other in (canvas(STREAMS, ["43"]), canvas(plain(28), ["432112345"])):
        with pytest.raises(ValueError, match="another size"):
            rounds.join(slot, other)


def test_the_first_row_with_padding_is_told_to_the_graphs():
    """Rows without padding attend to all there is; graphs that do are of no use from then on."""
    decoder, layout = METHODS["confidence"]
    run = Engine(fused(model().net), decoder, apart=False)
    canvases = rows(layout, ["1234", "4321", "1", "12"])
    found = flowing(run, canvases, 2)
    check(decoder, canvases, found)


def test_a_canvas_that_cannot_be_made_waits_for_the_rows_before():
    decoder, layout = METHODS["fast_dllm"]
    canvases = rows(layout)

    def waiting():
        yield from canvases[:4]
        raise PlaitError("the fifth prompt is empty")

    run, found = Engine(fused(model().net), decoder), []
    with pytest.raises(PlaitError, match="the fifth prompt"):
        found.extend(run.flow(waiting(), 2))
    assert sorted(number for number, *_ in found) == [0, 1, 2, 3]
    check(decoder, canvases, flowing(run, canvases, 2))  # and it is of use afterwards


def test_flows_of_one_engine_beside_each_other():
    """Neither changes the other; one that nobody reads to its end leaves nothing behind."""
    decoder, layout = METHODS["llada"]
    run, canvases = Engine(fused(model().net), decoder, apart=False), rows(layout)
    flowing(run, canvases, 3, width=40)
    begun = run.flow(canvases, 3, width=40)
    found = [next(begun)]
    check(decoder, canvases, flowing(run, canvases, 3, width=40))
    found = [row for _, *row in sorted([*found, *begun], key=lambda row: row[0])]
    check(decoder, canvases, found)
    next(run.flow(canvases[::-1], 3, width=40))
    check(decoder, canvases, flowing(run, canvases, 3, width=40))


def test_watchers_hear_the_number_and_the_round_of_each_row():
    """The last one is too long for the slots of the others, and begins when they are done."""
    canvases = [canvas(plain(n), ["5"], i) for i, n in enumerate([2, 5, 3, 9])]
    decoder, heard = replace(methods.load("ar"), length=Full()), {i: [] for i in range(4)}

    def hear(done, numbers):
        for number, round, key in zip(numbers, done.view.round, done.canvas.key, strict=True):
            assert number == key
            heard[number].append(int(round))

    flowing(Engine(fused(model().net), decoder), canvases, 2, watch=hear)
    assert heard == {0: [0, 1], 1: [*range(5)], 2: [*range(3)], 3: [*range(9)]}


@dataclass(frozen=True)
class Keeps(Selector):
    """Remembers what it saw, the very tensor that traces are made from."""

    def init(self, canvas):
        return torch.zeros(canvas.tokens.shape)

    def __call__(self, view, memo):
        return torch.zeros_like(view.open), view.chosen


def test_what_was_seen_of_a_row_outlives_it():
    decoder = replace(METHODS["confidence"][0], selector=Keeps())
    canvases = uneven()
    check(decoder, canvases, flowing(Engine(fused(model().net), decoder, apart=False), canvases, 2))


@pytest.fixture(scope="module")
def loaded(model):
    return load(model)


def told(answers):
    return [(a.prompt, a.text, a.rounds, a.forwards, a.query_tokens, a.arness) for a in answers]


ASKED = ["3 * 5 = ?", "What is 42 * 23?", "7", "What is 1 * 1?", "2"]


def test_answers_of_the_engine_come_in_order(loaded):
    options = {"keys": [7, 1, 5, 2, 9], "tokens_per_round": 2, "seed": 4}
    wanted = told(generate(loaded, ASKED, **options))
    for slots in (1, 2, 8):
        assert told(generate(loaded, ASKED, engine=True, batch_size=slots, **options)) == wanted
    found = dict(stream(loaded, ASKED, engine=True, slots=2, **options))
    assert told(found[i] for i in range(len(ASKED))) == wanted


def test_slots_have_room_for_the_longest_prompt_from_the_start(loaded, monkeypatch):
    widths, made = [], Rounds.__post_init__
    noted = lambda self: widths.append(self.canvas.tokens.shape[1]) or made(self)  # noqa: E731
    monkeypatch.setattr(Rounds, "__post_init__", noted)
    list(generate(loaded, ["7", "2", *ASKED], engine=True, batch_size=2))
    assert len(widths) == 1


def test_an_empty_prompt_among_others(loaded):
    """It is told of when all prompts before it are answered."""
    answers = generate(loaded, [*ASKED[:3], " ", "4"], engine=True, batch_size=2)
    assert [next(answers).prompt for _ in range(3)] == ASKED[:3]
    with pytest.raises(PlaitError, match="the prompt is empty"):
        next(answers)


def test_streams_of_what_the_engine_cannot_do(loaded):
    options = {"method": "klass", "seed": 1}
    with pytest.warns(Notice, match="the plain loop decodes"):
        found = dict(stream(loaded, ASKED, engine=True, slots=2, **options))
    assert told(found[i] for i in range(5)) == told(generate(loaded, ASKED, **options))


def test_slots_of_another_number_or_seed_are_not_taken_up():
    decoder, canvases = build("random"), rows(plain(8), PROMPTS[:4])
    run = Engine(fused(model().net), decoder, apart=False)
    for slots, seed in ((2, 1), (2, 2), (3, 2), (1, 2)):
        check(decoder, canvases, flowing(run, canvases, slots, seed=seed, width=24), seed=seed)
