"""What the weight of a masked token is; `weights/` holds them."""

import abc
from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor

from . import weights


@dataclass(frozen=True)
class Tokens:
    """What a weight may look at."""

    loss: Float[Tensor, "B L"]  # nats; 0 where a position is not masked
    masked: Bool[Tensor, "B L"]
    real: Bool[Tensor, "B L"]  # not padding
    rate: Float[Tensor, "B #L"]  # the noise level


class Weight(abc.ABC):
    """A factor of each masked token's loss. Frozen, and the same on every device."""

    folder = weights.FOLDER

    @abc.abstractmethod
    def __call__(self, tokens: Tokens) -> Float[Tensor, "B #L"]:
        """Return the factors; those of positions that are not masked do not count."""
