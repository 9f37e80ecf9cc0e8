from dataclasses import replace

import pytest
import torch
from test_transformer import SMALL, model

from plait.canvas import Canvas
from plait.models.denoiser import NetDenoiser
from plait.offers import Blend


def canvas() -> Canvas:
    tokens = torch.randint(0, 21, (2, 40), generator=torch.Generator().manual_seed(1))
    tokens[0, 5:25] = tokens[1, 20:] = 22
    return Canvas(
        tokens=tokens,
        region=torch.zeros_like(tokens),
        pos=torch.arange(40).expand(2, -1),
        length=torch.tensor([27, 40]),
        key=torch.arange(2),
        mask_id=22,
        eos_id=21,
    )


def test_the_last_row_of_a_batch_does_not_feel_its_padding():
    """Rows leave a batch when they are done; the last one may be narrower than the canvas."""
    assert SMALL.vocab == 23
    denoiser, both = NetDenoiser(model()), canvas()
    last = both.rows(torch.tensor([0]))
    alone = both.row(0)
    assert last.tokens.shape[1] > alone.tokens.shape[1]
    with torch.inference_mode():
        wide, narrow = denoiser(last, last.masked & last.real), denoiser(alone, alone.masked)
        assert torch.equal(wide, narrow)
        assert torch.equal(wide, denoiser(both, both.masked & both.real)[: len(narrow)])


def blended(one: Canvas, tokens: torch.Tensor, weight: float) -> Blend:
    return Blend(tokens[..., None], torch.full((*tokens.shape, 1), weight))


@pytest.mark.parametrize("changes", [{}, {"shift": True}, {"windows": (3, 0)}])
def test_attention_is_averaged_and_padding_takes_no_part(changes):
    one = canvas()
    denoiser = NetDenoiser(model(replace(SMALL, **changes)))
    with torch.inference_mode():
        logits, weights = denoiser.attend(one, one.masked & one.real)
        assert torch.equal(logits, denoiser(one, one.masked & one.real))
    assert denoiser.shift == changes.get("shift", False)
    assert weights.shape == (2, 40, 40)
    assert torch.allclose(weights.sum(2), one.real.float(), atol=1e-5)
    assert (weights[0, :, 27:] == 0).all()
    if "windows" in changes:
        far = (torch.arange(40)[:, None] - torch.arange(40)).abs() > 3
        assert weights[1][far].max() < weights[1][~far].max()


def test_the_attention_that_is_shown_is_the_one_that_is_used():
    """Values weighed by it give what SDPA gives: one layer, one head, values of one feature."""
    net = model(replace(SMALL, layers=1, heads=1, kv_heads=1))
    seen: list[torch.Tensor] = []
    net.blocks[0].attention.out.register_forward_pre_hook(lambda _, x: seen.append(x[0]))
    values: list[torch.Tensor] = []
    net.blocks[0].attention.value.register_forward_hook(lambda _m, _i, out: values.append(out))
    one = canvas().row(1)
    with torch.inference_mode():
        _, weights = NetDenoiser(net).attend(one, one.masked)
    assert torch.allclose(weights @ values[0], seen[0], atol=1e-5)


def test_mixtures_at_their_ends_are_tokens():
    one, other = canvas(), torch.full((2, 40), 7)
    denoiser, where = NetDenoiser(model()), one.masked & one.real
    with torch.inference_mode():
        plain = denoiser(one, where)
        assert torch.equal(denoiser.blend(one, where, blended(one, other, 0.0)), plain)
        whole = denoiser.blend(one, where, blended(one, other, 1.0))
        sevens = replace(one, tokens=other)
        assert torch.allclose(whole, denoiser(sevens, where), atol=1e-5)
        half = denoiser.blend(one, where, blended(one, other, 0.5))
        assert (half - plain).abs().max() > 1e-3


@pytest.mark.parametrize("shift", [True, False])
def test_states_read_are_the_logits(shift):
    one = canvas()
    denoiser = NetDenoiser(model(replace(SMALL, shift=shift)))
    where = one.masked & one.real
    with torch.inference_mode():
        found = denoiser.read(denoiser.states(one)[where])
        assert torch.allclose(found, denoiser(one, where), atol=1e-5)
