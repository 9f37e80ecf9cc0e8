"""Sudokus of four rows, four columns and four 2x2 boxes, with exactly one solution."""

import functools
import itertools
import pathlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from plait.data.problem import Path, Problem, Task, choose, records, setting, wording

WORDINGS = (
    "Solve this 4x4 sudoku: {grid}",
    "Solve the 4x4 sudoku {grid}.",
    "Fill in this 4x4 sudoku: {grid}",
    "Complete the 4x4 sudoku {grid}.",
    "Replace the zeros in this 4x4 sudoku: {grid}",
    "What is the solution of the 4x4 sudoku {grid}?",
    "4x4 sudoku, 0 is blank: {grid}",
    "Find the missing digits of this 4x4 sudoku: {grid}",
)
PROMPT = re.compile(wording(WORDINGS, grid="[0-4]{4}(?: [0-4]{4}){3}"))
CELLS = range(16)  # row by row, from the top left
ROWS = [[4 * i + j for j in range(4)] for i in range(4)]
COLUMNS = [[4 * j + i for j in range(4)] for i in range(4)]
BOXES = [[i, i + 1, i + 4, i + 5] for i in (0, 2, 8, 10)]
UNITS = ROWS + COLUMNS + BOXES
NAMES = [f"{letter}{row}" for row in "1234" for letter in "abcd"]  # row 1 is the top one
PEERS = [sorted({p for unit in UNITS if c in unit for p in unit} - {c}) for c in CELLS]


@dataclass(frozen=True)
class Sudoku4(Task):
    """Sudokus 4x4; the level is the number of blanks.

    `facts` is (puzzle, solution), 16 digits each, row by row, 0 for a blank.
    """

    name = "sudoku4"
    levels: range

    def sample(self, rng: Random, level: int) -> Problem:
        """Draw a full grid and blanks in it until the clues fix all the rest."""
        grid = rng.choice(grids())
        while True:
            blanks = set(rng.sample(CELLS, level))
            puzzle = "".join("0" if c in blanks else grid[c] for c in CELLS)
            if len(completions(puzzle)) == 1:
                return self.state(puzzle, grid, rng.choice(WORDINGS))

    def state(self, puzzle: str, solution: str, words: str) -> Problem:
        """Word a puzzle."""
        prompt = words.format(grid=groups(puzzle, ROWS))
        answer = groups(solution, ROWS)
        facts = (puzzle, solution)
        return Problem(self.name, prompt, answer, puzzle, puzzle.count("0"), facts)

    def paths(self, problem: Problem, rng: Random, count: int) -> list[Path]:
        """Draw listings of the solution and orders in which each cell is forced."""
        puzzle, solution = problem.facts
        found = [
            Path(f"{name} {groups(solution, units)}", True, f"by_{name}")
            for name, units in (("rows", ROWS), ("columns", COLUMNS), ("boxes", BOXES))
        ]
        found.append(Path(places(solution), True, "by_digits"))
        for _ in range(max(1, count - len(found))):
            if text := deductions(puzzle, rng):
                found.append(Path(text, True, "by_cells"))
        return choose(found, rng, count)

    def verify(self, problem: Problem, answer: str) -> bool:
        """Accept every valid grid that keeps the clues, whatever the spacing."""
        return "".join(answer.split()) in completions(problem.facts[0])

    def recognises(self, prompt: str) -> bool:
        """Match the wordings, with four groups of four digits."""
        return PROMPT.fullmatch(prompt.strip()) is not None

    def read(self, path: str | pathlib.Path) -> Iterator[Problem]:
        """Read a CSV file with the columns Puzzle and Solution, 0 for a blank."""
        return records(path, self.parse, header="Puzzle,Solution")

    def parse(self, line: str) -> Problem:
        """Read one row of the CSV file; ValueError if it is malformed or wrong."""
        row = re.fullmatch(r"([0-4]{16}),([1-4]{16})", line.strip())
        if row is None:
            raise ValueError("not 16 digits 0-4, a comma and 16 digits 1-4")
        puzzle, solution = row.groups()
        if solution not in completions(puzzle):
            raise ValueError("the solution does not solve the puzzle")
        return self.state(puzzle, solution, WORDINGS[0])


@functools.cache
def grids() -> tuple[str, ...]:
    """List all 288 full grids, in order."""
    rows = ["".join(row) for row in itertools.permutations("1234")]
    bands = [p + q for p, q in itertools.product(rows, repeat=2) if len({*p[:2], *q[:2]}) == 4]
    full = map("".join, itertools.product(bands, repeat=2))
    return tuple(g for g in full if all(len({g[c] for c in unit}) == 4 for unit in COLUMNS))


@functools.cache
def holders() -> list[dict[str, int]]:
    """Say for each cell and digit which grids hold it: bit i stands for grid i."""
    table = [dict.fromkeys("1234", 0) for _ in CELLS]
    for i, grid in enumerate(grids()):
        for cell in CELLS:
            table[cell][grid[cell]] |= 1 << i
    return table


def completions(puzzle: str) -> list[str]:
    """List the full grids that keep the clues of a puzzle."""
    left = (1 << len(grids())) - 1
    for held, digit in zip(holders(), puzzle, strict=True):
        if digit != "0":
            left &= held[digit]
    found = []
    while left:
        last = left & -left
        found.append(grids()[last.bit_length() - 1])
        left ^= last
    return found


def groups(grid: str, units: list[list[int]]) -> str:
    """Write a grid unit by unit."""
    return " ".join("".join(grid[cell] for cell in unit) for unit in units)


def places(grid: str) -> str:
    """Write for each digit the cells that hold it."""
    return " ".join(
        f"{digit}: {' '.join(NAMES[c] for c in CELLS if grid[c] == digit)}" for digit in "1234"
    )


def deductions(puzzle: str, rng: Random) -> str | None:
    """Fill the blanks in an order where each is forced; None if singles do not suffice."""
    grid = list(puzzle)
    steps = []
    while "0" in grid:
        forced = singles(grid)
        if not forced:
            return None
        cell, digit = rng.choice(forced)
        grid[cell] = digit
        steps.append(f"{NAMES[cell]}={digit}")
    return " ".join(steps)


def singles(grid: list[str]) -> list[tuple[int, str]]:
    """List cells with one possible digit, or else digits with one cell in a unit."""
    free = {c: {*"1234"} - {grid[p] for p in PEERS[c]} for c in CELLS if grid[c] == "0"}
    naked = [(cell, digits.pop()) for cell, digits in free.items() if len(digits) == 1]
    if naked:
        return naked
    hidden = []
    for unit in UNITS:
        for digit in "1234":
            fits = [cell for cell in unit if digit in free.get(cell, ())]
            if len(fits) == 1:
                hidden.append((fits[0], digit))
    return hidden


def sudoku4(blanks: int = 11) -> Sudoku4:
    """Make the task with 4 to `blanks` blanks."""
    return Sudoku4(range(4, setting("blanks", blanks, 4, 11) + 1))
