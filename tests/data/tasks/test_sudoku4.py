"""Sudokus: unique solutions, true listings, forced deductions."""

from random import Random

import pytest

from plait.data.problem import Problem
from plait.data.tasks.sudoku4 import deductions, grids, singles, sudoku4
from plait.errors import PlaitError

TASK = sudoku4()
GRID = "1234341221434321"


def is_valid(grid):
    rows = [grid[i : i + 4] for i in range(0, 16, 4)]
    columns = ["".join(column) for column in zip(*rows, strict=True)]
    boxes = [grid[i : i + 2] + grid[i + 4 : i + 6] for i in (0, 2, 8, 10)]
    return all(sorted(unit) == list("1234") for unit in rows + columns + boxes)


def test_there_are_288_grids():
    assert len(set(grids())) == 288
    assert all(map(is_valid, grids()))


@pytest.mark.parametrize("level", TASK.levels)
def test_puzzles_have_one_solution(level):
    rng = Random(level)
    for _ in range(20):
        problem = TASK.sample(rng, level)
        puzzle, solution = problem.facts
        assert puzzle.count("0") == level
        fits = [g for g in grids() if all(c in ("0", d) for c, d in zip(puzzle, g, strict=True))]
        assert fits == [solution]
        assert problem.answer.replace(" ", "") == solution
        assert "".join(filter(set("01234").__contains__, problem.prompt)).endswith(puzzle)


@pytest.mark.parametrize("level", TASK.levels)
def test_paths_are_true(level):
    rng = Random(level)
    for _ in range(15):
        problem = TASK.sample(rng, level)
        puzzle, solution = problem.facts
        rows = [solution[i : i + 4] for i in range(0, 16, 4)]
        listed = {
            "by_rows": f"rows {' '.join(rows)}",
            "by_columns": "columns " + " ".join(map("".join, zip(*rows, strict=True))),
            "by_boxes": "boxes "
            + " ".join(solution[i : i + 2] + solution[i + 4 : i + 6] for i in (0, 2, 8, 10)),
        }
        for path in TASK.paths(problem, rng, 7):
            assert path.correct
            if path.kind == "by_cells":
                check_deductions(puzzle, solution, path.text)
            elif path.kind == "by_digits":
                check_places(solution, path.text)
            else:
                assert path.text == listed[path.kind]


def check_places(solution, text):
    digit, seen = "", set()
    for chunk in text.split():
        if chunk.endswith(":"):
            digit = chunk[:-1]
            continue
        cell = 4 * (int(chunk[1]) - 1) + "abcd".index(chunk[0])
        assert solution[cell] == digit
        seen.add(cell)
    assert len(seen) == 16


def check_deductions(puzzle, solution, text):
    grid = list(puzzle)
    for chunk in text.split():
        cell = 4 * (int(chunk[1]) - 1) + "abcd".index(chunk[0])
        assert grid[cell] == "0"
        grid[cell] = chunk[3:]
    assert "".join(grid) == solution


def test_deductions_need_forced_cells():
    assert deductions("0234341221434321", Random(0)) == "a1=1"
    assert deductions("0034341221434321", Random(1)) in ("a1=1 b1=2", "b1=2 a1=1")
    assert deductions("0" * 16, Random(0)) is None


def test_a_hidden_single():
    # Every blank has several candidates, but only c3 can hold the 1 of row 3.
    assert set(singles(list("1000000100000100"))) == {(10, "1")}


def test_verify():
    problem = Problem("sudoku4", "", "", "", 8, ("1034041220430320", GRID))
    assert TASK.verify(problem, "1234 3412 2143 4321")
    assert TASK.verify(problem, " 1234\n3412\n2143\n4321")
    assert not TASK.verify(problem, "1234 3412 2143 432")
    assert not TASK.verify(problem, "2134 3412 1243 4321")
    assert not TASK.verify(problem, "1234 3412 2143 4320")


def test_verify_accepts_every_completion():
    problem = Problem("sudoku4", "", "", "", 16, ("0" * 16, GRID))
    assert all(TASK.verify(problem, grid) for grid in grids())
    assert not TASK.verify(problem, "1234123412341234")


def test_read(tmp_path):
    file = tmp_path / "some.csv"
    file.write_text(f"Puzzle,Solution\n0034041220430320,{GRID}\n")
    (problem,) = TASK.read(file)
    assert problem.prompt == "Solve this 4x4 sudoku: 0034 0412 2043 0320"
    assert problem.answer == "1234 3412 2143 4321"
    assert (problem.key, problem.level) == ("0034041220430320", 6)


@pytest.mark.parametrize(
    "row",
    [
        "123",
        f"{GRID}",
        f"5034041220430320,{GRID}",
        f"2034041220430320,{GRID}",
        f"{GRID},{GRID[:-1]}",
    ],
)
def test_malformed_rows(tmp_path, row):
    file = tmp_path / "some.csv"
    file.write_text(f"Puzzle,Solution\n0034041220430320,{GRID}\n{row}\n")
    with pytest.raises(PlaitError, match=r"some\.csv, line 3"):
        list(TASK.read(file))


def test_a_missing_header(tmp_path):
    file = tmp_path / "some.csv"
    file.write_text(f"0034041220430320,{GRID}\n")
    with pytest.raises(PlaitError, match="line 1: the first line must be 'Puzzle,Solution'"):
        list(TASK.read(file))
