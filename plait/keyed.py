"""Random numbers that depend on (seed, row, position, round) and on nothing else.

A counter-based generator: the same numbers on every device, in every batch, in any order.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

_STEP = -7046029254386353131  # 0x9E3779B97F4A7C15 as a signed word: the golden-ratio increment
_FIRST = -4658895280553007687  # 0xBF58476D1CE4E5B9, the multipliers of the splitmix64 finaliser
_SECOND = -7723592293110705685  # 0x94D049BB133111EB


def _shift(x: Tensor, bits: int) -> Tensor:
    return (x >> bits) & ((1 << (64 - bits)) - 1)  # torch shifts the sign in; a hash must not


def mix(x: Int[Tensor, "*shape"]) -> Int[Tensor, "*shape"]:
    """Scramble 64-bit words: the finaliser of splitmix64 (a bijection)."""
    x = x + _STEP
    x = (x ^ _shift(x, 30)) * _FIRST
    x = (x ^ _shift(x, 27)) * _SECOND
    return x ^ _shift(x, 31)


def words(*counters: Int[Tensor, "..."] | int) -> Int[Tensor, "..."]:
    """One well-mixed word for each combination of the (broadcast) counters.

    Numbers are mixed on the host, so that a device need not wait for them.
    """
    state: Tensor | int | None = None
    for counter in counters:
        value = _mixed(counter)
        state = value if state is None else _mixed(state ^ value)
    assert state is not None
    return state if isinstance(state, Tensor) else torch.tensor(state)


def _mixed(x: Tensor | int) -> Tensor | int:
    return mix(x) if isinstance(x, Tensor) else int(mix(torch.tensor(x)))


def uniform(*counters: Int[Tensor, "..."] | int) -> Float[Tensor, "..."]:
    """Uniform float64 numbers in the open interval (0, 1), 53 bits each."""
    return (_shift(words(*counters), 11).double() + 0.5) * 2.0**-53


def gumbel(*counters: Int[Tensor, "..."] | int) -> Float[Tensor, "..."]:
    """Standard Gumbel noise in float64: float32 would cut the tail and cool the samples."""
    return -(-uniform(*counters).log()).log()
