"""Logits against transformers, float32, small random models in the families' own format."""

import pytest
import torch

pytest.importorskip("transformers", reason="parity is with transformers, which is not installed")

from hf import AR, ENCODERS, inputs, net, saved

CLOSE = 1e-4


def shifted(logits: torch.Tensor) -> torch.Tensor:
    return torch.cat((logits[:, :1], logits[:, :-1]), 1)


@torch.no_grad()
@pytest.mark.parametrize("name", AR)
def test_autoregressive_models_agree(name, tmp_path):
    theirs = saved(AR[name], tmp_path)
    ours = net(tmp_path)
    assert (ours.config.attention, ours.config.shift) == ("causal", True)
    tokens, pos, real = inputs()
    for place in (pos, pos + 7, pos * 2):
        wanted = theirs(tokens, attention_mask=real.long(), position_ids=place).logits
        found = ours(tokens, place, real[:, None])
        assert (found - shifted(wanted))[real].abs().max() <= CLOSE


@torch.no_grad()
@pytest.mark.parametrize("name", ["llama", "qwen2", "qwen3"])
def test_without_the_causal_mask_they_still_agree(name, tmp_path):
    theirs = saved(AR[name], tmp_path)
    (tmp_path / "config.json").write_text(
        (tmp_path / "config.json").read_text().rstrip().removesuffix("}")
        + ', "plait": {"attention": "full", "shift": false}}'
    )
    tokens, pos, real = inputs()
    everyone = real[:, None, None, :].expand(-1, 1, 12, -1)
    bias = torch.zeros(3, 1, 12, 12).masked_fill(~everyone, torch.finfo(torch.float32).min)
    wanted = theirs(tokens, attention_mask=bias, position_ids=pos).logits
    found = net(tmp_path)(tokens, pos, real[:, None])
    assert (found - wanted)[real].abs().max() <= CLOSE


@torch.no_grad()
@pytest.mark.parametrize("name", ENCODERS)
def test_masked_encoders_agree(name, tmp_path):
    theirs = saved(ENCODERS[name], tmp_path)
    ours = net(tmp_path)
    assert (ours.config.attention, ours.config.shift) == ("full", False)
    tokens, pos, real = inputs()
    tokens[:, 2] = tokens[0, 1] = 5  # ESM's mask, whose share differs between rows
    places = (pos, pos + 7) if name != "bert" else (pos, pos.flip(1))
    for place in places:
        wanted = theirs(tokens, attention_mask=real.long(), position_ids=place).logits
        found = ours(tokens, place, real[:, None])
        assert (found - wanted)[real].abs().max() <= CLOSE
