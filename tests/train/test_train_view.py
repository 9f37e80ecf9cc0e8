import pytest
import torch
from tiny import Digits

from plait.errors import PlaitError
from plait.layout import Row, nap
from plait.models.config import Config
from plait.models.transformer import Transformer
from plait.train import weights
from plait.train.batches import batch, picked
from plait.train.corrupt import Corruption
from plait.train.objective import Objective
from plait.train.trainer import Denoise
from plait.train.view import View, annealed, doubled

HEADERS = ("e", "f")  # the codec knows no words
SHAPE = {"vocab": 17, "width": 16, "layers": 2, "heads": 2, "kv_heads": 1, "hidden": 32}
SHAPE |= {"head_dim": 8, "tied": False}


@pytest.fixture
def net():
    torch.manual_seed(0)
    made = Transformer(Config(**SHAPE))
    for weight in made.parameters():  # sharp, so that who sees whom matters
        torch.nn.init.normal_(weight, std=0.3) if weight.ndim == 2 else None
    return made


def tokens(rows: int, length: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(1, 16, (rows, length), generator=torch.Generator().manual_seed(seed))


def logits(net, view: View, noisy, clean, visible=None):
    denoise = Denoise(net, Objective(), view)
    return net.read(denoise._states(noisy, clean, visible))


def test_one_block_of_the_whole_row_is_full_attention(net):
    noisy, clean = tokens(2, 12), tokens(2, 12, 1)
    both = logits(net, View("clean", block=12), noisy, clean)
    torch.testing.assert_close(both, logits(net, View(), noisy, clean), atol=1e-5, rtol=1e-5)


def test_blocks_of_one_are_the_causal_model_of_the_clean_row(net):
    """What is predicted at i sees a mask at i and clean positions before: the chain rule."""
    clean = tokens(1, 8)
    noisy = torch.full_like(clean, 16)
    found = logits(net, View("clean", block=1), noisy, clean)
    for i in range(8):
        alone = torch.cat((clean[:, :i], noisy[:, :1]), 1)
        causal = torch.ones(i + 1, i + 1).tril().bool()[None]
        expected = net(alone, torch.arange(i + 1)[None], causal)[:, -1]
        torch.testing.assert_close(found[:, i], expected, atol=1e-5, rtol=1e-5)


def test_text_as_context_is_autoregressive_training():
    """Position i + 1 is told from the text up to i: the chain rule, by one causal pass."""
    torch.manual_seed(0)
    net = Transformer(Config(**SHAPE, attention="causal", shift=True))
    text = tokens(2, 9)
    free = torch.ones_like(text, dtype=torch.bool)
    free[:, 0] = False
    noisy = text.masked_fill(free, 16)
    found = Denoise(net, Objective(), View("text"))(noisy, text, free, free, torch.ones(2, 1))[
        "loss"
    ]
    logp = 0.0
    for i in range(1, 9):  # the last position stands for the token that is asked for
        given = torch.cat((text[:, :i], text[:, :1]), 1)
        told = net(given, torch.arange(i + 1).expand(2, -1))[:, i].log_softmax(-1)
        logp += told.gather(1, text[:, i : i + 1].long()).sum()
    torch.testing.assert_close(found, -logp / 16)


def test_text_as_context_needs_a_model_that_cannot_look_ahead(net):
    with pytest.raises(PlaitError, match="causal"):
        Denoise(net, Objective(), View("text"))


def test_a_noisy_block_sees_itself_and_clean_blocks_before_it(net):
    noisy, clean = tokens(1, 12), tokens(1, 12, 1)
    view = View("clean", block=4)
    before = logits(net, view, noisy, clean)

    def moved(change_noisy: list[int], change_clean: list[int]) -> list[bool]:
        n, c = noisy.clone(), clean.clone()
        n[0, change_noisy] = 16 - n[0, change_noisy]
        c[0, change_clean] = 16 - c[0, change_clean]
        return (
            (logits(net, view, n, c) - before)
            .abs()
            .amax((0, 2))
            .gt(1e-6)
            .view(3, 4)
            .any(1)
            .tolist()
        )

    assert moved([5], []) == [False, True, False]
    assert moved([], [1]) == [False, True, True]
    assert moved([], [5]) == [False, False, True]
    assert moved([], [11]) == [False, False, False]


@pytest.mark.parametrize("shift", [False, True])
def test_a_block_is_trained_on_what_it_is_asked_for(shift):
    """While a block is decoded, those before it are written, and the token before it is known."""
    torch.manual_seed(0)
    net = Transformer(Config(**SHAPE, attention="block", block=4, shift=shift))
    noisy, clean = tokens(2, 12), tokens(2, 12, 1)
    trained = logits(net, View("clean", block=4), noisy, clean)
    for first in (0, 4, 8):
        canvas = torch.cat((clean[:, :first], noisy[:, first:]), 1)
        asked = net(canvas, torch.arange(12).expand(2, -1))
        block = slice(first, first + 4)
        torch.testing.assert_close(trained[:, block], asked[:, block], atol=1e-5, rtol=1e-5)


def test_hidden_positions_and_groups_stay_so_in_the_clean_copy(net):
    noisy, clean = tokens(1, 8), tokens(1, 8, 1)
    visible = torch.ones(1, 1, 8).bool()
    visible[0, 0, 2] = False
    view = View("clean", block=4)
    other_noisy, other_clean = noisy.clone(), clean.clone()
    other_noisy[0, 2], other_clean[0, 2] = 16, 15
    one, two = (
        logits(net, view, *pair, visible) for pair in ((noisy, clean), (other_noisy, other_clean))
    )
    rest = [0, 1, 3, 4, 5, 6, 7]
    torch.testing.assert_close(one[:, rest], two[:, rest])


def test_annealing_goes_from_causal_to_full(net):
    view = View(anneal=4)
    assert [view.opened(s) for s in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]
    seen = torch.ones(1, 1, 50).bool()
    assert annealed(seen, 0.0)[0].equal(torch.ones(50, 50).tril().bool())
    half = annealed(seen, 0.5)[0]
    assert half.tril().equal(torch.ones(50, 50).tril().bool())
    assert abs(float(half.triu(1).sum()) / (50 * 49 / 2) - 0.5) < 0.05
    noisy = tokens(1, 8)
    later = noisy.clone()
    later[0, 7] = 16
    denoise = Denoise(net, Objective(), view)
    for opened, depends in ((0.0, False), (1.0, True)):  # is_causal has not stayed on, or off
        denoise.opened = opened
        states = [denoise._states(some, some, None)[0, :7] for some in (noisy, later)]
        assert (not torch.allclose(*states)) == depends


@pytest.mark.parametrize("level", [0.0, 0.1, 0.5, 1.0])
def test_the_head_at_masked_positions_only_gives_the_same_loss_and_gradient(level, net):
    rows = [nap(2, 4, 3, *HEADERS).row(Digits(), "12", ["34", "567", "8"]) for _ in range(3)]
    rng = torch.Generator().manual_seed(0)
    some = batch(rows, Digits(), rng, Corruption(low=level, high=level))
    objective = Objective(weights.load("cart"), "row")
    found = []
    for given in (some, picked(some)):
        net.zero_grad()
        value = Denoise(net, objective)(**given)["loss"]
        value.backward()
        found.append((value, net.blocks[0].mlp.up.weight.grad.clone()))
    torch.testing.assert_close(*found)


def test_recomputing_gives_the_same_gradient(net):
    rows = [nap(1, 4, 3, *HEADERS).row(Digits(), "12", ["34", "8"])]
    some = batch(rows, Digits(), torch.Generator().manual_seed(1))
    found = []
    for again in (False, True):
        net.zero_grad()
        Denoise(net, Objective(), recompute=again)(**some)["loss"].backward()
        found.append(net.blocks[0].mlp.up.weight.grad.clone())
    assert found[0].abs().sum() > 0
    torch.testing.assert_close(*found)


def test_padding_is_neither_seen_nor_trained(net):
    eos = Digits.eos_id
    long = Row(
        [5, 3, 4, eos, eos, 7, eos, eos], [-1, 0, 0, 0, 0, 1, 1, 1], [-1, 0, 0, 0, 0, 1, 1, 1]
    )
    short = Row([5, 3, eos], [-1, 0, 0], [-1, 0, 0])
    some = batch([long, short], Digits(), torch.Generator().manual_seed(0))
    assert not some["free"][1, 3:].any()
    assert not some["real"][1, 3:].any()
    assert some["visible"].shape == (2, 1, 8)
    alone = batch([short], Digits(), torch.Generator().manual_seed(0))
    assert "visible" not in alone  # nothing to hide
    pos = torch.arange(8).expand(2, -1)
    padded = net(some["target"], pos, some["visible"])[1, :3]
    torch.testing.assert_close(padded, net(alone["target"], pos[:1, :3])[0])


@pytest.mark.parametrize(
    "settings",
    [
        {"context": "clean"},
        {"context": "clean", "block": 4, "anneal": 2},
        {"context": "text", "block": 4},
        {"anneal": -1},
    ],
)
def test_settings_are_checked(settings):
    with pytest.raises(PlaitError):
        View(**settings)


def test_doubled_by_hand():
    seen = doubled(tokens(1, 4), tokens(1, 4), torch.ones(1, 1, 4).bool(), 2)[2][0].int().tolist()
    assert seen == [
        [1, 1, 0, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0, 0, 0],
        [0, 0, 1, 1, 1, 1, 0, 0],
        [0, 0, 1, 1, 1, 1, 0, 0],
        [0, 0, 0, 0, 1, 1, 0, 0],
        [0, 0, 0, 0, 1, 1, 0, 0],
        [0, 0, 0, 0, 1, 1, 1, 1],
        [0, 0, 0, 0, 1, 1, 1, 1],
    ]
