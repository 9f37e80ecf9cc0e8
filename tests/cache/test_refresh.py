"""What all caches rely on: what was never computed, what moved, rows that would never end."""

from dataclasses import dataclass

import torch
from cases import canvas, one_slot

from plait.inner import Notes
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


def test_notes_are_of_positions_and_do_not_outlive_a_move():
    """One position comes and another goes: the row is as long as before, and not the same."""
    start, notes = canvas(one_slot(6), ["12", "345"]), Notes()
    for row in (0, 1):
        notes.of(start, row)["heard"] = row
    insert, delete = torch.zeros_like(start.tokens), nothing(start)
    insert[0, 3], delete[0, 6] = 1, True
    after, index = start.resize(insert, delete)
    assert torch.equal(after.length, start.length)
    assert index[0].tolist() == [0, 1, 2, 3, -1, 4, 5, 7, -1]
    assert notes.of(after, 0) == {}
    assert notes.of(after, 1) == {"heard": 1}
