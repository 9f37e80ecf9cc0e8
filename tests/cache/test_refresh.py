"""What all caches rely on: what was never computed, what moved, rows that would never end."""

from dataclasses import dataclass

import torch
from cases import canvas, one_slot

from plait.parts import nothing
from plait.refresh import Cache, Kept, Refresh, placed, renewed, stayed

# The first row got wider, the second lost its position 1 and got wider by two.
INDEX = torch.tensor([[0, 1, 2, -1], [0, 2, -1, -1]])


@dataclass(frozen=True)
class Blank:
    """A buffer of nothing."""

    def grown(self, rows: int, length: int) -> "Blank":
        return self


@dataclass(frozen=True)
class Nothing(Cache):
    """Never recomputes by itself."""

    def __call__(self, canvas, open, round, memo):
        return Refresh(nothing(canvas)), memo


def test_rows_that_only_got_wider_have_stayed():
    assert stayed(INDEX).tolist() == [[True], [False]]


def test_what_is_kept_of_a_row_whose_positions_moved_is_of_no_use():
    kept = Kept(Blank(), torch.ones(2, 3, dtype=torch.bool)).moved(INDEX)
    assert kept.valid.tolist() == [[True, True, True, False], [False] * 4]
    values = torch.tensor([[1, 2, 3], [4, 5, 6]])
    assert placed(values, INDEX).tolist() == [[1, 2, 3, 0], [0] * 4]


def test_a_row_that_could_commit_nowhere_is_recomputed_whole():
    start = canvas(one_slot(4), ["12", "345"])
    computed = start.real.clone()
    computed[1] &= ~start.masked[1]  # nothing of the second row's answer was computed so far
    refresh, _ = renewed(Nothing(), start, start.masked, start.length * 0, computed, None)
    assert torch.equal(refresh.stale[0], start.real[0])
    assert torch.equal(refresh.stale[1], start.masked[1])
