"""The first error of a product is found where it was put."""

from dataclasses import replace

import numpy as np
import pytest
from traces import trace

import plait
from plait.data.problem import Problem

PROBLEM = Problem("multiply", "", "4517277", "937*4821", 4, (4821, 937))
CARRIED = "4821*7+ 07 14 57 33 3+ 07 13 28 17 9+ 12 27 81 45 4517277"


@pytest.fixture(scope="module")
def model():
    return plait.load("plait-tiny")


@pytest.fixture
def errors(bench):
    return bench("first_errors")


def answered(model, text, order):
    """An answer of one stream whose tokens were written in this order, and an empty summary."""
    ids = model.codec.encode(text)
    done = trace([[place] for place in order], len(ids), [0] * len(ids))
    done = replace(
        done,
        token=np.array([ids[place] for place in order]),
        score=np.log(np.linspace(0.9, 0.5, len(ids))).astype(np.float32),
    )
    return plait.Answer("", "", "", [text], len(ids), len(ids), 0, 0, 1.0, {}, 0.0, "", done)


def test_the_way_of_a_stream(errors):
    true_text = errors.true_text
    assert true_text(CARRIED.replace("57", "56"), PROBLEM) == CARRIED
    assert true_text("937*4= 28", PROBLEM).startswith("937*4= 28 14 37 8= 56 29 74")
    assert true_text("937*1= 07", PROBLEM).startswith("937*1= 07 03 09 2= 14 07 18")
    assert true_text("936*1= 06", PROBLEM) is None
    assert true_text("", PROBLEM) is None


@pytest.mark.parametrize("backwards", [False, True])
def test_a_wrong_column_and_a_wrong_digit_of_the_product(model, errors, backwards):
    wrong = CARRIED.replace(" 57", " 56").replace("4517277", "4517377")
    ids, true = model.codec.encode(wrong), model.codec.encode(CARRIED)
    places = [i for i, (one, other) in enumerate(zip(ids, true, strict=True)) if one != other]
    assert len(places) == 2
    order = list(range(len(ids)))[:: -1 if backwards else 1]
    found = errors.writes(model, answered(model, wrong, order), PROBLEM)
    assert [order[i] for i, write in enumerate(found) if write.wrong] == sorted(
        places, reverse=backwards
    )
    where = order.index(places[-1 if backwards else 0])
    first = found[where]
    assert first.product == backwards
    assert first.known != backwards
    assert first.share == pytest.approx(where / len(ids))
    assert first.probability == pytest.approx(np.linspace(0.9, 0.5, len(ids))[where], abs=1e-5)


@pytest.mark.parametrize("backwards", [False, True])
def test_what_is_early(model, errors, backwards):
    """Forwards only the opening itself comes before it is known, backwards everything does."""
    ids, opening = model.codec.encode(CARRIED), model.codec.encode("4821*7+")
    order = range(len(ids))[:: -1 if backwards else 1]
    found = errors.writes(model, answered(model, CARRIED, order), PROBLEM)
    assert not any(write.wrong for write in found)
    assert errors.early(found) == (1 if backwards else len(opening) / len(ids))


def test_a_stream_without_a_way_tells_nothing(model, errors):
    ids = model.codec.encode("no way")
    assert errors.writes(model, answered(model, "no way", range(len(ids))), PROBLEM) == []


def test_openings_stand_behind_the_headers(errors, model):
    """Each is how a true stream of its way begins, so that the stream goes on from it."""
    layout = errors.opened(model.layout(), PROBLEM)
    headers = [segment.header for segment in layout.segments]
    plain = [segment.header for segment in model.layout().segments]
    openings = ["4821*7+", "937*1+", "4821*7=", ""]
    assert headers == [header + opening for header, opening in zip(plain, openings, strict=True)]
    canvas = layout.build(model.codec, ["What is 4821 * 937?"], context=model.context)
    assert not (canvas.tokens[canvas.region == -2] == canvas.mask_id).any()
    ids = model.codec.encode(CARRIED)
    header = model.codec.encode(headers[0])
    assert header[1:] == ids[: len(header) - 1]  # one token is the header's own
