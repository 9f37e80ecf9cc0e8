"""Facts of soft iteration."""

import pytest
import torch
from cases import canvas, one_slot
from tiny import MASK, Tiny

import plait
from plait import methods
from plait.decode import decode
from plait.errors import PlaitError
from plait.methods.soft import Expected
from plait.offers import Blend


def test_without_weight_it_is_the_threshold():
    """At weight 0 and a bar that has fallen, masks are masks."""
    start = canvas(one_slot(16))
    off = {"start": 0.0, "growth": 0.0, "block": 8, "threshold": 0.8}
    hard, reference = decode(Tiny(), methods.load("fast_dllm", block=8, threshold=0.8), start)
    done, traces = decode(Tiny(), methods.load("soft", fall=1.0, **off), start)
    assert torch.equal(done.tokens, hard.tokens)
    # The first round asks for probability 1, so it may take one round more.
    assert all(t.rounds - r.rounds in (0, 1) for t, r in zip(traces, reference, strict=True))


def test_the_mixture_by_hand():
    """After round r a mask is w_r of what was expected there, w = 0.15, 0.17, ... up to 0.3."""
    start, model = canvas(one_slot(6), ["12"]), Tiny(sharp=2.0)
    guide = Expected(start=0.15, growth=0.02, most=0.18, tokens=3)
    memo, where = guide.init(start), start.masked
    logits, memo = guide(model, start, where, memo)
    assert torch.equal(logits, model(start, where))
    for weight in (0.15, 0.17, 0.18, 0.18):
        p = logits.clone()
        p[:, MASK] = -torch.inf
        best = p.softmax(-1).topk(3)
        share = best.values / best.values.sum(-1, keepdim=True)
        assert torch.equal(memo.mixture.tokens[where], best.indices)
        assert torch.allclose(memo.mixture.weight[where], weight * share)
        assert (memo.mixture.weight[~where] == 0).all()
        logits, after = guide(model, start, where, memo)
        assert torch.equal(logits, model.blend(start, where, memo.mixture))
        memo = after


def test_all_tokens_give_the_mean_embedding():
    """With as many tokens as there are, the input is that of the published code."""
    start, model = canvas(one_slot(5), ["12"]), Tiny(sharp=2.0)
    guide = Expected(0.3, 0.0, 0.3, tokens=17)
    logits, memo = guide(model, start, start.masked, guide.init(start))
    p = logits.index_fill(-1, torch.tensor([MASK]), -torch.inf).softmax(-1)
    mean = p @ model.token.weight
    own = memo.mixture.weight[start.masked][..., None]
    mixed = (own * model.token(memo.mixture.tokens[start.masked])).sum(1)
    assert torch.allclose(mixed, 0.3 * mean, atol=1e-5)


def test_what_is_written_is_read_as_it_is():
    start, model = canvas(one_slot(6), ["12"]), Tiny()
    guide = Expected(0.3, 0.0, 0.3, tokens=4)
    _, memo = guide(model, start, start.masked, guide.init(start))
    written = start.write(start.masked, torch.full_like(start.tokens, 3))
    where = ~written.given
    assert torch.equal(guide(model, written, where, memo)[0], model(written, where))


def test_the_bar_falls_with_the_rounds():
    start = canvas(one_slot(20))
    rounds = []
    for fall in (0.0, 0.02, 0.2):
        decoder = methods.load("soft", fall=fall, threshold=0.3, block=20)
        rounds.append(sum(t.rounds for t in decode(Tiny(sharp=6.0), decoder, start)[1]))
    assert rounds[0] > rounds[1] > rounds[2]


def test_it_runs_on_a_transformer_and_forwards_are_rounds():
    model = plait.load()
    start = model.layout(streams=0, length=10).build(model.codec, ["3 * 5 = ?"])
    done, [trace] = decode(model.denoiser, methods.load("soft"), start)
    assert not done.masked.any()
    assert trace.forwards == trace.rounds


def test_mixtures_move_with_their_positions():
    made = Blend(torch.arange(6).reshape(1, 3, 2), torch.ones(1, 3, 2))
    moved = made.moved(torch.tensor([[2, -1, 0]]))
    assert moved.tokens.tolist() == [[[4, 5], [0, 0], [0, 1]]]
    assert moved.weight.tolist() == [[[1, 1], [0, 0], [1, 1]]]


@pytest.mark.parametrize(
    "bad", [{"start": 1.1}, {"most": -0.1}, {"growth": -1.0}, {"tokens": 0}, {"threshold": 0.0}]
)
def test_values_out_of_range_are_refused(bad):
    with pytest.raises(PlaitError):
        methods.load("soft", **bad)
