"""Other methods inside the streams of nap."""

import numpy as np
import pytest
from cases import METHODS, build, canvas
from tiny import Tiny

from plait import methods
from plait.budget import Budget
from plait.decode import decode
from plait.errors import PlaitError
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
