"""Left to right: the order of an autoregressive model (as in arXiv:2602.23225, Table 1)."""

from ..budget import Budget
from ..decode import Decoder
from ..schedule import Whole
from ..score import leftmost
from ..select import TopK


def ar(budget: Budget = Budget()) -> Decoder:
    """Commit the leftmost open positions of the whole canvas.

    Exact: at one token per round and temperature 1, in any law.
    """
    return Decoder(Whole(budget), TopK(by=leftmost))
