"""Several products of one input as one."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


def side_by_side(x: Float[Tensor, "*A I"], *layers: nn.Linear) -> tuple[Tensor, ...]:
    """What each layer makes of `x`, which is read once, and so is its gradient written.

    The weights are put together anew each time, which pays where `x` has far more rows than they
    have, as in training.
    """
    weight = torch.cat([layer.weight for layer in layers])
    bias = None
    if layers[0].bias is not None:
        bias = torch.cat([layer.bias for layer in layers])
    return F.linear(x, weight, bias).split([layer.out_features for layer in layers], -1)
