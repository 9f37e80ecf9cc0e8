import pytest
import torch

from plait.errors import PlaitError
from plait.models.transformer import Config, Transformer, Turn

SMALL = Config(vocab=23, width=24, layers=2, heads=4, kv_heads=2, hidden=32, head_dim=8)


def model(config: Config = SMALL) -> Transformer:
    torch.manual_seed(0)
    made = Transformer(config)
    for weight in made.parameters():
        if weight.ndim == 2:
            torch.nn.init.normal_(weight, std=0.3)  # sharp enough that attention matters
    return made.eval()


def inputs(rows: int = 3, length: int = 10):
    tokens = torch.randint(0, 23, (rows, length), generator=torch.Generator().manual_seed(1))
    return tokens, torch.arange(length).expand(rows, -1)


@torch.no_grad()
def test_padding_never_changes_a_row():
    net, (tokens, pos) = model(), inputs()
    alone = net(tokens[:, :7], pos[:, :7], None)
    real = (torch.arange(10) < 7).expand(3, 1, -1)
    padded = net(tokens, pos, real)
    torch.testing.assert_close(padded[:, :7], alone)
    assert (net(tokens, pos, None)[:, :7] - alone).abs().max() > 1e-3


@torch.no_grad()
def test_rows_are_independent():
    net, (tokens, pos) = model(), inputs()
    order = torch.tensor([2, 0, 1])
    torch.testing.assert_close(net(tokens[order], pos), net(tokens, pos)[order])


@torch.no_grad()
def test_every_position_sees_every_other():
    net, (tokens, pos) = model(), inputs(1)
    before = net(tokens, pos)
    for place in (0, 9):
        changed = tokens.clone()
        changed[0, place] = (changed[0, place] + 1) % 23
        assert ((net(changed, pos) - before).abs().amax(-1) > 1e-5).all()


@torch.no_grad()
def test_blocked_streams_do_not_hear_each_other():
    net, (tokens, pos) = model(), inputs(1, 9)
    group = torch.tensor([-1, -1, -1, 0, 0, 0, 1, 1, 1])
    visible = ((group[None] == -1) | (group[:, None] == group[None]))[None]
    before = net(tokens, pos, visible)
    changed = tokens.clone()
    changed[0, 4] = (changed[0, 4] + 1) % 23
    heard = (net(changed, pos, visible) - before).abs().amax(-1)[0] > 1e-6
    assert heard.tolist() == [False] * 3 + [True] * 3 + [False] * 3


@torch.no_grad()
def test_a_row_that_sees_nothing_stays_finite():
    net, (tokens, pos) = model(), inputs()
    visible = torch.ones(3, 1, 10, dtype=torch.bool)
    visible[1] = False
    out = net(tokens, pos, visible)
    assert out.isfinite().all()
    torch.testing.assert_close(out[[0, 2]], net(tokens, pos)[[0, 2]])


@torch.no_grad()
def test_only_distances_between_positions_matter():
    net, (tokens, pos) = model(), inputs()
    torch.testing.assert_close(net(tokens, pos + 100), net(tokens, pos), atol=1e-3, rtol=1e-3)
    assert (net(tokens, pos * 2) - net(tokens, pos)).abs().max() > 1e-2


def test_turning_keeps_lengths_and_position_zero():
    x = torch.randn(2, 3, 5, 8, generator=torch.Generator().manual_seed(0))
    turned = Turn.at(torch.arange(5).expand(2, -1), 8, 10_000.0)(x)
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1))
    torch.testing.assert_close(turned[:, :, 0], x[:, :, 0])


@torch.no_grad()
def test_shared_keys_equal_repeated_keys():
    shared = model()
    wide = Transformer(Config(**{**SMALL.__dict__, "kv_heads": 4})).eval()
    state = shared.state_dict()
    for name in list(state):
        if name.endswith(("key.weight", "value.weight")):
            state[name] = state[name].unflatten(0, (2, 8)).repeat_interleave(2, 0).flatten(0, 1)
    wide.load_state_dict(state)
    torch.testing.assert_close(wide(*inputs()), shared(*inputs()))


def test_gradients_reach_every_weight():
    net = model(Config(**{**SMALL.__dict__, "tied": False}))
    net(*inputs()).square().mean().backward()
    assert all(weight.grad.abs().max() > 0 for weight in net.parameters())


def test_impossible_shapes_are_refused():
    with pytest.raises(PlaitError, match="kv_heads"):
        Config(vocab=23, width=24, layers=1, heads=3, kv_heads=2, hidden=8)
    with pytest.raises(PlaitError, match="odd"):
        Config(vocab=23, width=24, layers=1, heads=3, kv_heads=3, hidden=8, head_dim=7)
