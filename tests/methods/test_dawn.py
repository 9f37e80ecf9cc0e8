"""Facts of committing by a graph of dependences."""

import pytest
import torch
from cases import canvas
from hand import free, view
from tiny import Tiny

from plait import methods
from plait.decode import decode
from plait.errors import PlaitError
from plait.methods.dawn import Independent


def attention(links, size):
    """[1, size + 1, size + 1] with weight 0.2 on these pairs of free positions (i reads j)."""
    weights = torch.full((1, size + 1, size + 1), 1e-4)
    for i, j in links:
        weights[0, i + 1, j + 1] = 0.2
    return weights


def part(**settings):
    return Independent(
        **{"sure": 0.9, "induced": 0.7, "low": 0.7, "edge": 0.07, "sink": 1.0, **settings}
    )


def test_an_independent_set_by_falling_confidence():
    """A path 0 - 1 - 2 - 3: .8 is taken first and shuts out its neighbours, then .75."""
    links = [(0, 1), (2, 1), (3, 2)]
    seen = view([0.71, 0.8, 0.72, 0.75], attention=attention(links, 4), placed=[-torch.inf] * 4)
    assert free(part()(seen, None)[0]) == [1, 3]
    assert free(part(low=0.73)(seen, None)[0]) == [1, 3]
    assert free(part(edge=0.3)(seen, None)[0]) == [0, 1, 2, 3]
    assert free(part(sink=0.01)(seen, None)[0]) == [0, 1, 2, 3]  # all links lead to sinks


def test_links_to_what_is_sure_shut_out_and_links_to_what_is_known_let_in():
    seen = view([0.95, 0.8, 0.75], attention=attention([(1, 0)], 3), placed=[-torch.inf] * 3)
    assert free(part()(seen, None)[0]) == [0, 2]
    links = [(0, 2), (1, -1), (1, 0)]  # 2 is written, -1 is the prompt
    for chance, known in ((0.95, [0, 1]), (0.5, [1])):
        placed = [-torch.inf, -torch.inf, torch.tensor(chance).log().item()]
        seen = view([0.75, 0.72, 0.1], open=[1, 1, 0], attention=attention(links, 3), placed=placed)
        assert free(part(low=2.0)(seen, None)[0]) == known


def test_it_ends_where_conflicts_empty_the_pool():
    """All linked to all: one is taken, and position 0 (the prompt) is never written."""
    links = [(i, j) for i in range(5) for j in range(5) if i != j]
    seen = view([0.75, 0.8, 0.79, 0.71, 0.78], attention=attention(links, 5), placed=[-9.0] * 5)
    assert free(part()(seen, None)[0]) == [1]


def test_a_model_without_attention_is_refused_in_one_sentence():
    class Silent:
        vocab = 17

        def __call__(self, canvas, where):
            return Tiny()(canvas, where)

    with pytest.raises(PlaitError, match="attention weights"):
        decode(Silent(), methods.load("dawn"), canvas())


def test_forwards_are_counted():
    _, traces = decode(Tiny(), methods.load("dawn"), canvas())
    assert all(t.forwards == t.rounds for t in traces)
