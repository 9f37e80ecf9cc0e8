"""Token editing: draft boldly, correct what is written later (LLaDA2.1, arXiv:2602.08676).

Token-to-mask in place of token-to-token is arXiv:2604.18738.
"""

from typing import Literal

from ..decode import Decoder
from ..errors import PlaitError
from ..length import Full
from ..parts import Reviser
from ..revise import InBlock, Remask, Revise
from ..schedule import Blocks
from ..select import Threshold


def edit(
    block: int = 32,
    threshold: float = 0.7,
    above: float = 0.5,
    to: Literal["token", "mask"] = "token",
    detector: Literal["low", "other", "moved"] = "low",
    bar: float | None = None,
    post: int = 16,
) -> Decoder:
    """Commit candidates above `threshold`; correct the written tokens of the block.

    `to="token"` writes over a token when another has at least probability `above`; `to="mask"`
    takes back those that `detector` finds suspect. A full block is looked at until nothing
    changes, at most `post` rounds. Defaults are the Quality mode; Speed is threshold=0.5,
    above=0.

    Needs: weights that were trained to correct.
    """
    # Sources disagree on Speed mode: "no editing" (diffusers) or above = 0, which edits freely
    # (SGLang, the release's table). The second is what the paper's name for it describes.
    if to not in ("token", "mask"):
        raise PlaitError(f"to is '{to}'; it must be 'token' or 'mask'")
    inner: Reviser = Revise(above) if to == "token" else Remask(detector, bar)
    # A written end may be edited away, so nothing is closed because of it.
    return Decoder(
        Blocks(block), Threshold(threshold), reviser=InBlock(inner, block, post), length=Full()
    )
