"""Parts that cannot work together are refused when the decoder is built, in one sentence."""

from dataclasses import replace

import pytest
from cases import canvas
from tiny import Digits, Tiny

from plait import methods
from plait.decode import decode
from plait.draft import Texts
from plait.errors import PlaitError
from plait.guide import suppress_end

MIXED = {"drafter": Texts(Digits(), {}), "weight": 0.5}


@pytest.mark.parametrize("judge", ["spec", "lookahead", "ete", "joint_sampler"])
@pytest.mark.parametrize(
    ("part", "source", "settings"),
    [
        ("guide", "cfg", {}),
        ("guide", "wino", {}),
        ("guide", "soft", {}),
        ("guide", "warm_start", MIXED),
        ("selector", "dawn", {}),
        ("reviser", "saber", {}),
        ("reviser", "edit", {}),
        ("length", "daedal", {}),
        ("length", "rho_eos", {}),
    ],
)
def test_what_replays_a_forward_pass_stands_alone(judge, part, source, settings):
    other = getattr(methods.load(source, **settings), part)
    with pytest.raises(PlaitError) as error:
        replace(methods.load(judge), **{part: other})
    said = str(error.value)
    assert type(methods.load(judge).judge).__name__ in said
    assert type(other).__name__ in said
    assert "\n" not in said


@pytest.mark.parametrize("judge", ["spec", "lookahead", "ete"])
def test_what_looks_once_goes_with_it(judge):
    """A penalty on ends, or credit, changes the logits of whatever is looked at."""
    decoder = methods.load(judge)
    decode(Tiny(), replace(decoder, guide=suppress_end()), canvas())
    decode(Tiny(), replace(decoder, guide=methods.load("credit").guide), canvas())
