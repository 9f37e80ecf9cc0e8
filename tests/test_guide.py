"""Policies for ends of text that any method can take."""

from dataclasses import replace

import pytest
import torch
from cases import canvas, one_slot
from tiny import EOS, Tiny

from plait import methods
from plait.decode import decode
from plait.errors import PlaitError
from plait.guide import PenaliseEnd, Plain, suppress_end
from plait.length import Full


def eager() -> Tiny:
    model = Tiny()
    model.head.bias.data[EOS] += 4
    return model


@pytest.mark.parametrize("name", ["llada", "klass", "entropy_bound", "nap", "ascending", "dream"])
def test_a_suppressed_end_is_never_written(name):
    decoder = replace(methods.load(name), guide=suppress_end())
    done, _ = decode(eager(), decoder, canvas())
    assert not (done.tokens == EOS)[~done.given].any()


def test_a_penalty_of_nothing_changes_nothing_and_more_makes_texts_longer():
    open_end, ends = replace(methods.load("confidence"), length=Full()), []
    for nats in (0.0, 30.0, 100.0):
        decoder = replace(open_end, guide=PenaliseEnd(nats))
        done, _ = decode(eager(), decoder, canvas(one_slot()))
        ends.append(int((done.tokens == EOS)[~done.given].sum()))
        if nats == 0:
            plain, _ = decode(eager(), open_end, canvas(one_slot()))
            assert torch.equal(done.tokens, plain.tokens)
    assert ends[0] > ends[1] > ends[2]


def test_penalties_add_up():
    start = canvas()
    one, _ = PenaliseEnd(1.0, PenaliseEnd(2.0))(Tiny(), start, start.masked, None)
    plain, _ = Plain()(Tiny(), start, start.masked, None)
    assert torch.allclose(plain[:, EOS] - one[:, EOS], torch.tensor(3.0), atol=1e-4)


def test_a_negative_penalty_is_refused():
    with pytest.raises(PlaitError, match="0 or more"):
        PenaliseEnd(-1.0)
