"""Fast-dLLM: as many commits as the confidences allow (arXiv:2505.22618)."""

from ..decode import Decoder
from ..schedule import Blocks
from ..select import Factor, Threshold


def fast_dllm(block: int = 32, threshold: float = 0.9, factor: float | None = None) -> Decoder:
    """Commit every candidate of the block above `threshold`, or by `factor` if that is given.

    At least the best one is committed each round, so a threshold above 1 or a factor of 0 is
    one token per round.
    """
    return Decoder(Blocks(block), Threshold(threshold) if factor is None else Factor(factor))
