"""Sudoku with four rows: the 500 test puzzles of d1 (arXiv:2504.12216)."""

from ...data import tasks
from ..generated import Generated


def sudoku4_d1() -> Generated:
    """Fill a grid; every valid grid that keeps the clues counts."""
    return Generated(tasks.load("sudoku4"), "sudoku4_d1", "sudoku/4x4_test_sudoku.csv")
