"""Random order: a uniform subset of the open positions each round (arXiv:2602.23225, a5)."""

from ..budget import Budget
from ..decode import Decoder
from ..schedule import Whole
from ..score import random as random_order
from ..select import TopK


def random(budget: Budget = Budget()) -> Decoder:
    """Commit positions drawn uniformly from the whole canvas, without blocks.

    Exact: at one token per round and temperature 1, in any law.
    """
    return Decoder(Whole(budget), TopK(by=random_order))
