"""Arbitrary order: the most confident positions first, anywhere (MaskGIT, arXiv:2202.04200)."""

from ..budget import Budget
from ..decode import Decoder
from ..schedule import Whole


def confidence(budget: Budget = Budget()) -> Decoder:
    """Commit the most probable candidates of the whole canvas ("AO" in arXiv:2602.23225)."""
    return Decoder(Whole(budget))
