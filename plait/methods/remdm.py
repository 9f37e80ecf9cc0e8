"""ReMDM: remasking that keeps the marginals of the diffusion process (arXiv:2503.00307)."""

from typing import Literal

from ..ancestral import ETA, Process, Return, Unmask
from ..budget import Budget
from ..decode import Decoder
from ..length import Full
from ..sample import Categorical
from ..schedule import Whole


def remdm(
    budget: Budget = Budget(),
    kind: Literal["cap", "rescale", "conf", "loop"] = "cap",
    eta: float | None = None,
    top_p: float = 0.9,
    start: float = 0.55,
    stop: float = 0.05,
    on: float = 0.9,
) -> Decoder:
    """Write masks and take tokens back at random, as the reverse process says.

    Made for at least as many rounds as positions: it buys quality, not speed. It samples also
    where no temperature is given. eta = 0 is plain ancestral sampling (MDLM, arXiv:2406.07524).
    `eta` and the loop's `start`, `stop` and `on` default to the paper's for 1024 rounds.

    Exact: as the rounds grow (with top_p=1).
    """
    process = Process(kind, ETA.get(kind, 0) if eta is None else eta, budget, start, stop, on)
    return Decoder(Whole(budget), Unmask(process), Categorical(1.0, top_p), Return(process), Full())
