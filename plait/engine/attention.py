"""Attention over a bank, by the way that is fastest for its shape on this device."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from .ops import fast
from .tune import fastest

BACKENDS = (SDPBackend.FLASH_ATTENTION, SDPBackend.CUDNN_ATTENTION, SDPBackend.EFFICIENT_ATTENTION)
Keys = tuple[Float[Tensor, "B G L D"], Float[Tensor, "B G L D"]]
Way = Callable[..., Float[Tensor, "B N H D"]]


@dataclass
class Attention:
    """Chooses once for each shape, by time, over the keys of several layers.

    Those of one layer alone would lie in the cache of the device.
    """

    _ways: dict[tuple[int, int, bool], Way] = field(default_factory=dict)

    def __call__(
        self,
        query: Float[Tensor, "B N H D"],
        layer: int,
        layers: int,
        read: Callable[[int], Keys],
        mask: Bool[Tensor, "B 1 #N L"] | None,
    ) -> Float[Tensor, "B N H D"]:
        """Return what each query hears in a layer; `read` gives the keys and values of one."""
        if not query.is_cuda:
            return library(query, *read(layer), mask)
        key = (*query.shape[:2], mask is None)
        if key not in self._ways:
            some = [read(i) for i in range(0, layers, max(1, layers // 6))]

            def run(way: Way) -> None:
                for keys in some:
                    way(query, *keys, mask)

            ways = _known(query, some[0][0], mask)
            self._ways[key] = fastest(run, ways) or library
        return self._ways[key](query, *read(layer), mask)

    def chosen(self) -> dict[str, str]:
        """The ways that were fastest, by queries, for reports."""
        return {f"attention {key[1]}": _told(way) for key, way in self._ways.items()}


def library(
    query: Float[Tensor, "B N H D"],
    key: Float[Tensor, "B G L D"],
    value: Float[Tensor, "B G L D"],
    mask: Bool[Tensor, "B 1 #N L"] | None,
    backend: SDPBackend | None = None,
) -> Float[Tensor, "B N H D"]:
    """Attention by torch; None = with the kernel that it takes by itself."""
    (_, queries, heads, _), groups = query.shape, key.shape[1]
    times = heads // groups
    # Heads that share keys as so many more queries: enable_gqa leaves the fused kernels with a
    # mask, and copies of the keys would cost more.
    folded = times > 1 and (mask is not None or not query.is_cuda)
    if folded:
        query = query.unflatten(2, (groups, times)).permute(0, 2, 3, 1, 4).flatten(2, 3)
    else:
        query = query.transpose(1, 2)
    if mask is not None and mask.shape[2] > 1 and folded:
        mask = mask.repeat(1, 1, times, 1)
    elif mask is not None:
        mask = mask.expand(-1, -1, query.shape[2], -1)
    run = partial(F.scaled_dot_product_attention, query, key, value, mask)
    if backend is None:
        heard = run(enable_gqa=query.shape[1] > groups)
    else:
        with sdpa_kernel(backend):
            heard = run(enable_gqa=query.shape[1] > groups)
    if folded:
        return heard.unflatten(2, (times, queries)).permute(0, 3, 1, 2, 4).flatten(2, 3)
    return heard.transpose(1, 2)


def shares(
    query: Float[Tensor, "B N H D"],
    key: Float[Tensor, "B G L D"],
    value: Float[Tensor, "B G L D"],
    mask: Bool[Tensor, "B 1 #N L"] | None,
    cut: Any,
) -> Float[Tensor, "B N H D"]:
    """Attention by a kernel of our own."""
    from .triton_attention import attend

    return attend(query, key, value, mask, cut)


def _known(query: Tensor, key: Tensor, mask: Tensor | None) -> list[Way]:
    """The ways there are: the library's, and shares of the keys."""
    ways: list[Way] = [partial(library, backend=backend) for backend in BACKENDS]
    if not fast(query) or query.dtype != torch.bfloat16:
        return ways
    from .triton_attention import FEW, cuts

    rows, queries, heads, dim = query.shape
    groups, length = key.shape[1:3]
    if mask is None and queries > FEW:
        return ways
    some = cuts(rows, groups, queries * heads // groups, length, dim)
    return [*ways, *(partial(shares, cut=cut) for cut in some)]


def _told(way: Way) -> str:
    known = getattr(way, "keywords", {})
    return str(known.get("backend") or known.get("cut") or "library")
