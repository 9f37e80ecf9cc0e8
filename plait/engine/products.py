"""The matrix products of a layer, each by the way that is fastest for its shape on this device."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from .ops import Scaled, fast, gated, linear
from .tune import fastest
from .weights import Layer, Weights

Way = Callable[[Scaled, Layer], Any]


@dataclass
class Products:
    """Chooses once for each product and number of rows, by time, over several layers' weights.

    Weights of one layer alone would lie in the cache of the device, and small ones would look
    faster than they are.
    """

    weights: Weights
    _ways: dict[tuple[str, int], Way] = field(default_factory=dict)

    def __call__(self, name: str, x: Scaled, layer: Layer) -> Float[Tensor, "M O"]:
        """Return the product of rows with the matrix `name` of a layer."""
        made: Tensor = self._way(name, x)(x, layer)
        return made

    def gate(self, x: Scaled, layer: Layer) -> Scaled:
        """Return silu of the left half of the product with `gate_up` times its right half."""
        made: Scaled = self._way("gate", x)(x, layer)
        return made

    def chosen(self) -> dict[str, str]:
        """The ways that were fastest, by product and rows, for reports."""
        return {f"{name} {rows}": str(_told(way)) for (name, rows), way in self._ways.items()}

    def _way(self, name: str, x: Scaled) -> Way:
        rows, key = x[0], (name, len(x[0]))
        if key not in self._ways:
            ways = self._known(name, rows)
            some = self.weights.layers[:: max(1, len(self.weights.layers) // 6)]

            def run(way: Way) -> None:
                for layer in some:
                    way(x, layer)

            best = fastest(run, ways) if len(ways) > 1 else ways[0]
            self._ways[key] = best or ways[0]
        return self._ways[key]

    def _known(self, name: str, rows: Tensor) -> list[Way]:
        """The ways there are: the library's, and tiles of our own for few rows."""
        dtype = self.weights.embed.dtype
        usual: Way = partial(_product, name=name, dtype=dtype)
        if name == "gate":
            usual = partial(_gate, dtype=dtype)
        if not fast(rows) or rows.dtype != torch.bfloat16:
            return [usual]
        from .triton_linear import tiles

        return [usual, *(partial(_thin, name=name, tile=tile) for tile in tiles(len(rows)))]


def _told(way: Way) -> Any:
    return getattr(way, "keywords", {}).get("tile", "library")


def _product(x: Scaled, layer: Layer, name: str, dtype: torch.dtype) -> Tensor:
    return linear(x, getattr(layer, name), dtype)


def _gate(x: Scaled, layer: Layer, dtype: torch.dtype) -> Scaled:
    return gated(linear(x, layer.gate_up, dtype), layer.gate_up.scale is not None)


def _thin(x: Scaled, layer: Layer, name: str, tile: Any) -> Any:
    from .triton_linear import thin

    if name == "gate":
        return thin(x[0], layer.gate_up, tile, gated=True), None
    return thin(x[0], getattr(layer, name), tile)
