import torch

from plait.look import log_probability


def test_log_probability_agrees_with_log_softmax_in_float64():
    logits = 4 * torch.randn(200, 50, generator=torch.Generator().manual_seed(0))
    token = torch.arange(200) % 50
    exact = logits.double().log_softmax(-1).gather(-1, token[:, None])[:, 0]
    assert torch.allclose(log_probability(logits, token).double(), exact, rtol=1e-5, atol=0)


def test_sure_positions_do_not_tie():
    """log_softmax rounds both to 0; the order of their doubts must survive."""
    logits = torch.tensor([[20.0, 0.0, 0.0], [24.0, 0.0, 0.0], [60.0, 0.0, 0.0]])
    assert (logits.log_softmax(-1)[1:, 0] == 0).all()
    sure = log_probability(logits, torch.zeros(3).long())
    assert sure[0] < sure[1] < sure[2] < 0


def test_a_token_that_stands_alone_is_certain():
    logits = torch.tensor([[1.0, -torch.inf, -torch.inf]])
    assert log_probability(logits, torch.zeros(1).long()) == 0


def test_a_row_does_not_depend_on_how_many_rows_there_are():
    """To the last bit: a tie broken by rounding would be broken differently in another batch."""
    logits = 4 * torch.randn(75, 50, generator=torch.Generator().manual_seed(0))
    token = torch.arange(75) % 50
    together = log_probability(logits, token)
    for n in (1, 7, 8, 31):
        apart = [log_probability(logits[i : i + n], token[i : i + n]) for i in range(0, 75, n)]
        assert torch.equal(torch.cat(apart), together)
