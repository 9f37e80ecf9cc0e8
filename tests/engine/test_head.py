"""The fused head against log-softmax in float64, and its Triton kernel against both."""

import sys

import pytest
import torch

from plait.engine import head, ops
from plait.engine.weights import Linear
from plait.look import log_probability

BARRED = 7


def made(rows: int, vocab: int, scale: float = 1.0) -> tuple[torch.Tensor, Linear]:
    torch.manual_seed(rows)
    hidden = torch.randn(rows, 48)
    return hidden, Linear(scale * torch.randn(vocab, 48), torch.randn(vocab))


def exact(hidden: torch.Tensor, by: Linear) -> torch.Tensor:
    logits = hidden.double() @ by.weight.double().T + by.bias.double()
    return logits.index_fill(1, torch.tensor([BARRED]), -torch.inf)


def check(choice: head.Choice, logits: torch.Tensor) -> None:
    logp = logits.log_softmax(1)
    two = logp.topk(2).values
    entropy = -(logp.exp() * logp.clamp(min=-1e30)).sum(1)
    assert torch.equal(choice.token, logits.argmax(1))
    for ours, true in ((choice.chosen, two[:, 0]), (choice.second, two[:, 1])):
        torch.testing.assert_close(ours.double(), true, rtol=2e-5, atol=1e-5)
    torch.testing.assert_close(choice.entropy.double(), entropy, rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize("tile", [64, 100, 10_000])
@pytest.mark.parametrize(("rows", "vocab"), [(1, 130), (5, 517)])
def test_tiles_of_any_size_give_the_statistics_of_the_whole(rows, vocab, tile, monkeypatch):
    monkeypatch.setattr(head, "TILE", tile)
    hidden, by = made(rows, vocab)
    check(head.choose(hidden, by, BARRED), exact(hidden, by))


def test_sure_positions_keep_their_order():
    """As in `look`: doubts of 1e-20 are told apart, though both probabilities round to 1."""
    hidden, by = made(40, 300, scale=9.0)
    choice, logits = head.choose(hidden, by, BARRED), exact(hidden, by).float()
    assert (choice.chosen > -1e-8).sum() > 3
    reference = log_probability(logits, choice.token)
    torch.testing.assert_close(choice.chosen, reference, rtol=1e-3, atol=1e-30)
    assert choice.chosen.max() < 0


def test_of_equal_tokens_the_smallest_id_is_chosen(monkeypatch):
    monkeypatch.setattr(head, "TILE", 4)
    by = Linear(torch.ones(12, 3), None)
    choice = head.choose(torch.ones(2, 3), by, barred=0)
    assert choice.token.tolist() == [1, 1]
    torch.testing.assert_close(choice.chosen.exp(), torch.full((2,), 1 / 11))


@pytest.mark.skipif(not ops.has_triton(), reason="no Triton here")
@pytest.mark.parametrize(("rows", "vocab"), [(1, 130), (40, 517), (70, 300)])
def test_the_kernel_gives_the_same(rows, vocab):
    if not torch.cuda.is_available():
        pytest.importorskip("triton").knobs.runtime.interpret or pytest.skip("needs a GPU")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    hidden, by = made(rows, vocab)
    placed = Linear(by.weight.to(device), by.bias.to(device))
    found = head.choose(hidden.to(device), placed, BARRED, kernel=True)
    check(head.Choice(*(x.cpu() for x in vars(found).values())), exact(hidden, by))


def test_where_triton_cannot_compile_torch_does_the_same_with_a_notice(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setitem(sys.modules, "plait.engine.triton_ops", None)
    ops.has_triton.cache_clear()
    try:
        with pytest.warns(UserWarning, match="no Triton kernels, which is slower"):
            assert not ops.has_triton()
    finally:
        ops.has_triton.cache_clear()
