"""Other methods inside the streams of nap."""

import numpy as np
import pytest
import torch
from cases import METHODS, build, canvas
from tiny import VOCAB, Digits, Tiny

from plait import methods
from plait.budget import Budget
from plait.decode import decode, init, step
from plait.errors import PlaitError
from plait.layout import nap
from plait.revise import Keep
from plait.trace import COMMIT

INSIDE = [n for n in METHODS if n != "nap" and build(n).judge is None]


@pytest.mark.parametrize("inside", INSIDE)
def test_any_method_without_a_judge_works_inside_and_all_streams_move(inside):
    decoder = methods.load("nap", inside=inside, budget=Budget(tokens_per_round=3))
    start = canvas()
    done, traces = decode(Tiny(), decoder, start)
    assert not done.masked.any()
    for trace in traces:
        commits = trace.kind == COMMIT
        first = trace.position[commits & (trace.round == trace.round[commits].min())]
        erases = not isinstance(
            decoder.reviser, Keep
        )  # what a round takes back at once is no commit
        assert erases or set(np.unique(trace.region[first])) >= {0, 1, 2}


def test_the_order_inside_a_stream_is_that_of_the_method():
    decoder = methods.load("nap", inside="ar", budget=Budget(tokens_per_round=3))
    _, traces = decode(Tiny(), decoder, canvas())
    for trace in traces:
        when, place = trace.round[trace.kind == COMMIT], trace.position[trace.kind == COMMIT]
        place = place[np.lexsort((place, when))]
        for region in range(4):
            assert (np.diff(place[trace.region[place] == region]) > 0).all()


@pytest.mark.parametrize(
    ("inside", "message"), [("nap", "inside nap"), ("spec", "owns its rounds")]
)
def test_what_cannot_be_inside_is_refused(inside, message):
    with pytest.raises(PlaitError, match=message):
        methods.load("nap", inside=inside)


@pytest.mark.parametrize(
    "budget", [{"tokens_per_round": 3}, {"tokens_per_round": 4}, {"rounds": 9}]
)
def test_rcr_inside_gains_what_each_stream_is_given(budget):
    """It fills every stream and takes back all but the quota of each, so no round is lost."""
    no_end, budget = Tiny(), Budget(**budget)
    no_end.head.bias.data[0] = -1e6
    boards = {}
    for inside in ("rcr", "confidence"):
        counts = boards[inside] = []
        watch = lambda done, rows, to=counts: to.append(  # noqa: E731
            done.canvas.per_region(done.canvas.masked).tolist()
        )
        decode(no_end, methods.load("nap", inside=inside, budget=budget), canvas(), watch=watch)
    assert boards["rcr"] == boards["confidence"]


class Five:
    """Token 5 is all but certain, everywhere."""

    vocab = VOCAB

    def __call__(self, canvas, where):
        return torch.full((int(where.sum()), VOCAB), -9.0).index_fill(1, torch.tensor([5]), 0.0)


@pytest.mark.parametrize("inside", ["edit", "wino"])
def test_what_revises_a_block_revises_every_stream(inside):
    """The streams are longer than its blocks, and the wrong tokens stand in the last one."""
    layout = nap(streams=3, length=64, summary=8, header="{j}", summary_header="5")
    start = layout.build(Digits(), ["12"])
    wrong = (start.region == 2) & (start.pos % 2 == 0)
    start = start.write(wrong, torch.full_like(start.tokens, 7))
    decoder = methods.load("nap", inside=inside, budget=Budget(tokens_per_round=9))
    done, _ = step(Five(), decoder, start, init(decoder, start))
    assert (wrong & (done.rewrite | done.retract)).any()


def test_the_budget_is_also_that_of_the_process_inside():
    budget = Budget(rounds=10)
    decoder = methods.load("nap", inside="remdm", budget=budget)
    assert decoder.reviser.process.budget == decoder.schedule.budget == budget
    alone = methods.load("nap", inside="remdm")
    rounds = [[t.rounds for t in decode(Tiny(), d, canvas())[1]] for d in (decoder, alone)]
    assert max(rounds[0]) < min(rounds[1])
