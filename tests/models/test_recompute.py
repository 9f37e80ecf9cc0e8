"""Every family: recompute some positions only; rows that do not disturb each other."""

from dataclasses import replace

import pytest
import torch

pytest.importorskip("transformers", reason="small checkpoints are made with transformers")

from foreign import CONFIGS, shapes, write
from hf import AR, ENCODERS, inputs, net, saved
from test_transformer import SMALL, model
from test_transformer import inputs as pair

from plait.models.transformer import Transformer

ALL = [*AR, *ENCODERS, *CONFIGS]


def made(name: str, folder) -> Transformer:
    if name in CONFIGS:
        return net(write(folder, name, shapes(name)))
    saved({**AR, **ENCODERS}[name], folder)
    return net(folder)


@torch.no_grad()
@pytest.mark.parametrize("name", ALL)
def test_any_subset_with_a_fresh_kv_equals_the_full_forward(name, tmp_path):
    ours = made(name, tmp_path)
    tokens, pos, real = inputs()
    tokens = tokens % 60
    seen = real[:, None]
    whole = ours(tokens, pos, seen)
    kv = ours.buffer(3, 12)
    assert (ours(tokens, pos, seen, kv=kv) - whole)[real].abs().max() <= 1e-4
    made_ = torch.Generator().manual_seed(2)
    for share in (0.2, 0.6, 0.9):
        stale = (torch.rand(3, 12, generator=made_) < share) & real
        stale[2, 0] = True
        where = stale & (torch.rand(3, 12, generator=made_) < 0.7)
        assert (ours(tokens, pos, seen, stale=stale, kv=kv) - whole[stale]).abs().max() <= 1e-4
        found = ours(tokens, pos, seen, where, stale, kv)
        assert found.shape == whole[where].shape
        assert torch.allclose(found, whole[where], atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("name", ALL)
def test_a_changed_token_is_seen_through_the_kv(name, tmp_path):
    ours = made(name, tmp_path)
    tokens, pos, _ = inputs()
    tokens = tokens % 60
    kv = ours.buffer(3, 12)
    ours(tokens, pos, kv=kv)
    after = tokens.clone()
    after[:, 3] = (after[:, 3] + 1) % 60
    everywhere = torch.ones_like(tokens, dtype=torch.bool)
    whole = ours(after, pos)
    assert torch.allclose(ours(after, pos, stale=everywhere, kv=kv), whole[everywhere], atol=1e-4)
    assert torch.allclose(
        kv.keys[..., :-1, :], _fresh(ours, after, pos).keys[..., :-1, :], atol=1e-4
    )


def _fresh(ours, tokens, pos):
    kv = ours.buffer(*tokens.shape)
    ours(tokens, pos, kv=kv)
    return kv


@torch.no_grad()
@pytest.mark.parametrize("name", ALL)
def test_the_padding_of_a_row_never_changes_another(name, tmp_path):
    ours = made(name, tmp_path)
    tokens, pos, real = inputs()
    tokens = tokens % 60
    before = ours(tokens, pos, real[:, None])
    tokens[2, 5:] = 7
    tokens[1, 9:] = 8
    after = ours(tokens, pos, real[:, None])
    assert (after - before)[real].abs().max() <= 1e-5
    alone = ours(tokens[2:, :5], pos[2:, :5])
    assert (alone - after[2:, :5]).abs().max() <= 1e-4


@torch.no_grad()
def test_only_recomputed_positions_have_logits():
    ours, (tokens, pos) = model(), pair()
    kv = ours.buffer(3, 10)
    stale = torch.zeros(3, 10, dtype=torch.bool)
    stale[:, 2] = True
    with pytest.raises(ValueError, match="not recomputed"):
        ours(tokens, pos, None, ~stale, stale, kv)


@torch.no_grad()
@pytest.mark.parametrize("shift", [True, False])
def test_rows_without_anything_stale_keep_their_keys(shift):
    ours, (tokens, pos) = model(replace(SMALL, shift=shift)), pair()
    kv = _fresh(ours, tokens, pos)
    kept = kv.keys.clone()
    stale = torch.zeros(3, 10, dtype=torch.bool)
    stale[0, 4:7] = True
    ours((tokens + 1) % 23, pos, None, stale, stale, kv)
    assert torch.equal(kv.keys[1:, ..., :-1, :], kept[1:, ..., :-1, :])
    changed = (kv.keys - kept)[0, 0, :, :-1].abs().sum((0, 2)) > 0
    assert changed.tolist() == [(3 if shift else 4) <= i < 7 for i in range(10)]
