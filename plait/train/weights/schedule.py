"""The weight of the bound under a noise schedule (MDLM, arXiv:2406.07524)."""

from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from ..schedule import Schedule
from ..weight import Tokens, Weight


@dataclass(frozen=True)
class Scheduled(Weight):
    """-alpha'(t) / (1 - alpha(t))."""

    noise: Schedule

    def __call__(self, tokens: Tokens) -> Float[Tensor, "B #L"]:
        """The level is the masked share, from which the schedule tells its slope."""
        return self.noise.weight(tokens.rate)


def schedule(
    kind: Literal["linear", "cosine", "power"] = "linear", power: float = 2.0
) -> Scheduled:
    """The schedule must be that of the corruption, which a recipe checks."""
    return Scheduled(Schedule(kind, power))
