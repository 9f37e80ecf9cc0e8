"""What ends a text besides the end of sequence."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from cases import canvas, one_slot
from tiny import EOS, Digits, Tiny
from traces import trace as traced

from plait import methods
from plait.decode import decode
from plait.ends import with_ends
from plait.layout import plain
from plait.length import end_density
from plait.parts import Plan, View

STOP = 7


class Stopped(Digits):
    """A codec whose model also stops at 7."""

    stop_ids = frozenset({EOS, STOP})


def favouring(token: int) -> Tiny:
    model = Tiny()
    model.head.bias.data[token] += 0.1
    model.head.bias.data[EOS] = -1e6
    return model


def built(length: int = 24):
    return plain(length).build(Stopped(), ["123", "4567f"], context=128)


def test_a_region_ends_at_whatever_stops_the_model():
    """The same text as if nothing stopped it, up to the first stop; only rounds are saved."""
    start, layout = built(), plain(24)
    assert start.stops == (STOP,)
    done, traces = decode(favouring(STOP), methods.load("ar"), start)
    free, _ = decode(favouring(STOP), methods.load("ar"), replace(start, stops=()))
    saved = 0
    for row, trace in enumerate(traces):
        text = layout.read(Stopped(), done, row)["answer"]
        assert text == layout.read(Digits(), free, row)["answer"].split("7")[0]
        assert "7" not in text
        assert trace.answer_tokens() == len(text)
        saved += trace.rounds < 24
    assert saved


@pytest.mark.parametrize("name", ["confidence", "fast_dllm", "prophet", "rho_eos", "ascending"])
def test_forbidden_ends_are_all_forbidden(name):
    decoder = with_ends(methods.load(name), penalty=float("inf"))
    done, _ = decode(favouring(STOP), decoder, built())
    assert not done.ends(done.tokens)[~done.given].any()


def test_a_stop_counts_as_an_end_where_lengths_are_found():
    start = built(4).row(0)
    draw = torch.where(start.given, start.tokens, torch.tensor([[0, 0, 0, STOP, EOS, 3, STOP]]))
    plan = Plan(start.masked, torch.zeros_like(start.region), torch.ones(1, 1).long())
    view = View(start, plan, start.masked, 0, torch.zeros(1).long(), draw, draw.float())
    assert end_density(view).tolist() == [[0.75]]


def test_an_end_of_sequence_alone_is_as_before():
    start = canvas(one_slot())
    assert start.stops == ()
    assert torch.equal(start.ends(start.tokens), start.tokens == EOS)


def test_masks_that_were_never_written_are_no_tokens():
    assert traced([[0], [2]], 4).answer_tokens() == 2  # two of four positions
    ended = replace(traced([[0, 2], [3]], 4), token=np.array([1, 0, 1]))  # the end at position 2
    assert ended.answer_tokens() == 1
