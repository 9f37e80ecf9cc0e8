import torch
from test_transformer import SMALL, model

from plait.canvas import Canvas
from plait.models.denoiser import NetDenoiser


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
