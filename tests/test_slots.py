"""Rows that join and leave a batch are decoded as if they were alone."""

from dataclasses import replace

import pytest
import torch
from cases import build
from tiny import MASK, Digits, Tiny
from traces import same

from plait import methods
from plait.decode import decode, flow
from plait.errors import PlaitError
from plait.generate import generate, stream
from plait.layout import nap, plain
from plait.models.load import load
from plait.sample import Categorical

PROMPTS = ["1", "123456", "12", "987654"]
FORMS = {
    "nap": nap(2, 6, 3, header="f{j}", summary_header="ff"),
    "plain": plain(9),
}


def rows(form: str, context: int = 0):
    """One canvas per prompt, each with a key of its own."""
    return [
        FORMS[form].build(Digits(), [prompt], [10 + i], context) for i, prompt in enumerate(PROMPTS)
    ]


def flowing(decoder, canvases, slots, seed=3):
    found = {i: (row, trace) for i, row, trace in flow(Tiny(), decoder, canvases, slots, seed)}
    assert sorted(found) == list(range(len(canvases)))
    return [found[i] for i in range(len(canvases))]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", methods.names())
def test_a_row_that_joins_is_decoded_as_if_alone(name, form):
    method = replace(build(name), sampler=Categorical(0.7))
    canvases = rows(form, context=60)
    try:
        alone = [decode(Tiny(), method, canvas, 3) for canvas in canvases]
    except PlaitError:
        pytest.skip(f"{name} does not decode a {form} canvas")
    for (row, trace), (canvas, traces) in zip(flowing(method, canvases, 2), alone, strict=True):
        assert torch.equal(row.tokens, canvas.tokens)
        assert same(trace, traces[0])


def test_a_slot_is_filled_as_soon_as_it_is_free():
    """With two slots, rows of 1, 8 and 1 positions: the third joins while the second goes on."""
    method = methods.load("ar")
    lengths = [1, 8, 1]
    canvases = [plain(n).build(Digits(), ["5"], [i]) for i, n in enumerate(lengths)]
    seen: list[list[int]] = []
    done = [
        i for i, *_ in flow(Tiny(), method, canvases, 2, watch=lambda _, live: seen.append([*live]))
    ]
    assert seen[0] == [0, 1]
    assert seen[1] == [1, 2]
    assert done[0] == 0
    assert done.index(2) < done.index(1)
    assert max(len(live) for live in seen) == 2


def test_canvases_are_asked_for_when_they_have_room():
    asked = []

    def waiting():
        for i in range(5):
            asked.append(i)
            yield plain(2).build(Digits(), ["5"], [i])

    rows = flow(Tiny(), methods.load("ar"), waiting(), 2)
    next(rows)
    assert asked == [0, 1, 2]  # two at work and one that waits at the door
    assert len(list(rows)) == 4


def test_no_mask_is_left():
    for row, _ in flowing(methods.load("confidence"), rows("plain"), 4):
        assert not (row.tokens == MASK).any()


def test_a_stream_of_answers_is_generate_in_another_order(model):
    loaded, prompts = load(model), ["3 * 5 = ?", "What is 42 * 23?", "7", "What is 1 * 1?"]
    settings = {"tokens_per_round": 2, "temperature": 0.5, "seed": 4}
    wanted = [a.text for a in generate(loaded, prompts, keys=[7, 1, 5, 2], **settings)]
    found = dict(stream(loaded, prompts, keys=[7, 1, 5, 2], slots=2, **settings))
    assert [found[i].text for i in range(4)] == wanted
    assert [found[i].prompt for i in range(4)] == prompts
    with pytest.raises(PlaitError, match="slots is 0"):
        next(stream(loaded, prompts, slots=0))
    with pytest.raises(PlaitError, match="batch size is 0"):
        next(generate(loaded, prompts, batch_size=0))


@pytest.mark.parametrize("ask", [generate, stream])
def test_one_text_is_no_list_of_prompts(model, ask):
    with pytest.raises(PlaitError, match="put it into a list"):
        next(ask(load(model), "7"))
