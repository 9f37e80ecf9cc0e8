"""LLaDA: blocks left to right, the most confident first inside a block (arXiv:2502.09992)."""

from ..budget import Budget
from ..decode import Decoder
from ..schedule import Blocks


def llada(budget: Budget = Budget(), block: int = 32) -> Decoder:
    """Commit the most probable candidates of the current block of `block` positions.

    "Low-confidence remasking" of the paper means not committing: nothing is taken back.
    """
    return Decoder(Blocks(block, budget))
