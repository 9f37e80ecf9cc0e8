"""First-hitting sampler: the masked reverse process, one event at a time (arXiv:2409.02908)."""

from ..budget import Budget
from ..decode import Decoder
from ..sample import Categorical
from ..schedule import Whole
from ..score import random
from ..select import TopK


def first_hitting(budget: Budget = Budget(), temperature: float = 1.0) -> Decoder:
    """Reveal a uniformly chosen mask, with a token drawn from the model's distribution.

    Exact for the model's law at one token per round, whatever the noise schedule: that only says
    when (from n masks, 1 - alpha next is u^(1/n) of what it was), and a model that is not told
    the time cannot know. More tokens per round reuse one forward for several events, with the
    error of parallel draws. For time steps instead of counts see `dream` with order=origin.

    Exact: at one token per round and temperature 1, in any law.
    """
    return Decoder(Whole(budget), TopK(by=random), Categorical(temperature))
