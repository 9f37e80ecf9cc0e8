"""NAP: parallel-forced decoding of several reasoning streams (arXiv:2602.23225)."""

from typing import Literal

from ..budget import Budget
from ..decode import Decoder
from ..schedule import Streams


def nap(
    budget: Budget = Budget(),
    summary: Literal["after", "open_at", "concurrent"] = "after",
    open_at: float = 0.8,
) -> Decoder:
    """Share each round's commits over all streams; inside a stream the most confident go first.

    The paper released no inference code. The split of a budget over streams and the time of the
    summary are ours: see `schedule.Streams`.
    """
    return Decoder(Streams(budget, summary, open_at))
