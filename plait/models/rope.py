"""Rotary positions (arXiv:2104.09864), also scaled for contexts longer than trained on."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Scaling:
    """How frequencies change so that `factor` times more positions fit.

    linear divides all of them (arXiv:2306.15595); ntk enlarges the base by LongLLaDA's formula
    (arXiv:2506.14429); yarn divides the slow ones (arXiv:2309.00071); llama3 is Llama 3.1's rule.
    """

    kind: Literal["linear", "ntk", "yarn", "llama3"]
    factor: float
    trained: int = 4096  # positions
    fast: float = 32.0  # turns over `trained` from which on a frequency stays (llama3: 4)
    slow: float = 1.0  # turns up to which a frequency is divided by the whole factor
    gain: float = 0.0  # multiplies cosine and sine; 0 = 0.1 ln(factor) + 1 for yarn, else 1
    whole: bool = True  # yarn rounds the ends of its ramp to whole pairs


def ntk_base(base: float, dim: int, trained: int, target: int) -> float:
    """The base with which a model of `trained` positions reaches `target` (arXiv:2506.14429).

    Only the first 2 * ceil(dim/2 * log_base(trained / 2 pi)) features have made a whole turn in
    training; the last of them must make one turn over the target.
    """
    seen = 2 * math.ceil(dim / 2 * math.log(trained / (2 * math.pi), base))
    return (target / (2 * math.pi)) ** (dim / seen)


def frequencies(
    dim: int, base: float, scaling: Scaling | None, device: torch.device
) -> Float[Tensor, " P"]:
    """Angle per position of each pair of features, in radians."""
    pair = torch.arange(0, dim, 2, device=device, dtype=torch.float32)
    if scaling is not None and scaling.kind == "ntk":
        base = ntk_base(base, dim, scaling.trained, round(scaling.factor * scaling.trained))
    plain: Tensor = base ** (-pair / dim)
    if scaling is None or scaling.kind == "ntk":
        return plain
    if scaling.kind == "linear":
        return plain / scaling.factor
    kept = _kept_llama3(plain, scaling) if scaling.kind == "llama3" else _kept(plain, base, scaling)
    return plain * kept + plain / scaling.factor * (1 - kept)


def _kept(plain: Float[Tensor, " P"], base: float, scaling: Scaling) -> Float[Tensor, " P"]:
    """YaRN's ramp over the pairs: 1 = this frequency stays, 0 = it is divided."""
    pairs = len(plain)

    def pair(turns: float) -> float:
        return pairs * math.log(scaling.trained / (turns * 2 * math.pi)) / math.log(base)

    low, high = pair(scaling.fast), pair(scaling.slow)
    if scaling.whole:
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, 2 * pairs - 1)
    ramp = (torch.arange(pairs, device=plain.device) - low) / max(high - low, 1e-3)
    return 1 - ramp.clamp(0, 1)


def _kept_llama3(plain: Float[Tensor, " P"], scaling: Scaling) -> Float[Tensor, " P"]:
    turns = scaling.trained * plain / (2 * math.pi)
    return ((turns - scaling.slow) / (scaling.fast - scaling.slow)).clamp(0, 1)


@dataclass(frozen=True)
class Turn:
    """Cosine and sine of the rotary angles of each position (arXiv:2104.09864)."""

    cos: Float[Tensor, "#B 1 L T"]
    sin: Float[Tensor, "#B 1 L T"]  # of the negative angles in the first half

    @staticmethod
    def at(
        pos: Int[Tensor, "B L"], dim: int, base: float, scaling: Scaling | None = None
    ) -> "Turn":
        """Angles of `pos`, in float32: large positions lose whole turns in bfloat16."""
        angle = pos[:, None, :, None].float() * frequencies(dim, base, scaling, pos.device)
        angle = torch.cat((-angle, angle), -1)
        if scaling is None or scaling.kind != "yarn":
            return Turn(angle.cos(), angle.sin())
        gain = scaling.gain or 0.1 * math.log(max(scaling.factor, 1.0)) + 1
        return Turn(angle.cos() * gain, angle.sin() * gain)

    def __call__(self, x: Float[Tensor, "B H L D"]) -> Float[Tensor, "B H L D"]:
        """Turn feature i together with feature i + T/2; features after the first T stay."""
        dim = self.cos.shape[-1]
        part = x if dim == x.shape[-1] else x[..., :dim]
        # By a flip, which compiled is an index; cat would be two branches, in the gradient too.
        other = part.unflatten(-1, (2, -1)).flip(-2).flatten(-2)
        turned = (part.float() * self.cos + other.float() * self.sin).to(x.dtype)
        return turned if part is x else torch.cat((turned, x[..., dim:]), -1)
