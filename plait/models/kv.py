"""Keys and values of a canvas, kept between forwards that recompute some positions only."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Kv:
    """Keys and values of K layers; leading axis B. Forwards write into it in place.

    The place after the last position takes what rows write that recompute fewer positions than
    others do; nobody sees it.
    """

    keys: Float[Tensor, "B K H S D"]
    values: Float[Tensor, "B K H S D"]

    @staticmethod
    def empty(
        layers: int,
        rows: int,
        heads: int,
        length: int,
        head_dim: int,
        like: Float[Tensor, "..."],
    ) -> "Kv":
        """A buffer for `rows` canvases of `length` positions; device and dtype are those of `like`.

        Nothing in it is valid before a forward of all positions.
        """
        shape = (rows, layers, heads, length + 1, head_dim)
        return Kv(like.new_zeros(shape), like.new_zeros(shape))

    @property
    def length(self) -> int:
        """Positions of a row."""
        return self.keys.shape[3] - 1

    def put(
        self,
        layer: int,
        at: Int[Tensor, "B N"],
        key: Float[Tensor, "B H N D"],
        value: Float[Tensor, "B H N D"],
    ) -> tuple[Float[Tensor, "B H L D"], Float[Tensor, "B H L D"]]:
        """Replace a layer's keys and values at the positions `at`; return those of all."""
        index = at[:, None, :, None].expand(key.shape)
        self.keys[:, layer].scatter_(2, index, key)
        self.values[:, layer].scatter_(2, index, value)
        return self.keys[:, layer, :, :-1], self.values[:, layer, :, :-1]

    def grown(self, rows: int, length: int) -> "Kv":
        """The same with rows behind the others, and with another width; what is new is zero."""
        narrow = min(length, self.length) + 1
        pad = (0, 0, 0, length + 1 - narrow, 0, 0, 0, 0, 0, rows - len(self.keys))
        return Kv(F.pad(self.keys[..., :narrow, :], pad), F.pad(self.values[..., :narrow, :], pad))

    def part(self, rows: slice, length: int) -> "Kv":
        """Some rows up to a position, as a view of this buffer."""
        keep = slice(length + 1)
        return Kv(self.keys[rows, :, :, keep], self.values[rows, :, :, keep])


def packed(stale: Bool[Tensor, "B L"]) -> Int[Tensor, "B N"]:
    """The positions of each row that are stale, ascending, then L up to the largest row."""
    length, most = stale.shape[1], int(stale.sum(1).max())
    order = (~stale).int().argsort(dim=1, stable=True)[:, :most]
    return torch.where(stale.gather(1, order), order, length)


def unpacked(at: Int[Tensor, "B N"], length: int) -> Int[Tensor, "B L"]:
    """For each position its place in `at`, or -1 where it is not there."""
    place = torch.arange(at.shape[1], device=at.device).expand_as(at)
    return at.new_full((len(at), length + 1), -1).scatter(1, at, place)[:, :-1]
