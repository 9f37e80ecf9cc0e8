"""Sizes of passes: how many rows go together, and to what a number of positions is padded."""

import torch
from jaxtyping import Bool, Int
from torch import Tensor

TOGETHER = 4096  # positions in one pass through the layers


def together(rows: int, positions: int) -> int:
    """How many rows of so many positions go through the layers at once.

    More than that would need memory for activations, and save nothing: matrix products are
    bound by arithmetic long before.
    """
    return max(1, min(rows, TOGETHER // positions))


def bucket(count: int) -> int:
    """The size to which a number of recomputed positions is padded; each size is a graph.

    Powers of 2 to 256, where a pass takes as long as its weights take to read; then multiples.
    """
    if count <= 256:
        return doubled(count)
    step = 32 if count <= 512 else 128
    return -(-count // step) * step


def widest(counts: list[int], length: int) -> int:
    """How many rows, those with most positions to recompute, get a pass of their own.

    A row that begins, or enters another block, is recomputed whole. In one pass all others would
    be padded to the same size; in two, theirs is as narrow as they are.
    """
    most = sorted(counts, reverse=True)

    def computed(some: int) -> int:
        return len(counts) * bucket(max(1, most[some])) + some * length

    return min((some for some in (0, 1, 4, 16) if some < len(counts)), key=computed)


def doubled(count: int) -> int:
    """The power of 2 to which a number of looked-at positions is padded, at least 16.

    They cost a head only, and their number changes from round to round.
    """
    return max(16, 1 << (count - 1).bit_length())


def gathered(where: Bool[Tensor, "B L"], room: int) -> Int[Tensor, "B N"]:
    """The first `room` positions of each row's `where`, then L; the host need not know how many."""
    length = where.shape[1]
    place = torch.arange(length, device=where.device).expand_as(where)
    rank = torch.where(where, where.cumsum(1) - 1, room).clamp(max=room)
    blank = place.new_full((len(where), room + 1), length)
    return blank.scatter_(1, rank, place)[:, :room]
