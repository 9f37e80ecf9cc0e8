"""Data files in the formats of the benchmarks, with problems made here."""

import gzip
import json
from pathlib import Path


def lines(path: Path, records: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(record) + "\n" for record in records)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


def write(folder: Path) -> Path:
    """A folder with every file that a benchmark reads."""
    words = [(3, 4), (10, 2), (7, 7)]
    lines(
        folder / "gsm8k/test.jsonl",
        [
            {
                "question": f"Kim has {a} pens and buys {b}. How many?",
                "answer": f"{a}+{b}=<<{a}+{b}={a + b}>>{a + b}\n#### {a + b}",
            }
            for a, b in words
        ],
    )
    lines(
        folder / "math/math500_test.jsonl",
        [
            {"problem": f"What is ${a} \\div {b}$?", "answer": f"\\frac{{{a}}}{{{b}}}"}
            for a, b in words
        ],
    )
    lines(
        folder / "humaneval/HumanEval.jsonl.gz",
        [
            {
                "task_id": f"HumanEval/{i}",
                "prompt": f'def add_{a}(x: int) -> int:\n    """Add {a} to x."""\n',
                "canonical_solution": f"    return x + {a}\n",
                "test": f"def check(candidate):\n    assert candidate({b}) == {a + b}\n",
                "entry_point": f"add_{a}",
            }
            for i, (a, b) in enumerate(words)
        ],
    )
    lines(
        folder / "mbpp/mbpp.jsonl",
        [
            {
                "task_id": number,
                "text": "Write a function that doubles.",
                "code": "def twice(x):\n    return 2 * x",
                "test_list": ["assert twice(2) == 4", "assert twice(0) == 0"],
                "test_setup_code": "",
            }
            for number in (10, 11, 510, 511)
        ],
    )
    puzzles(folder)
    return folder


def puzzles(folder: Path) -> None:
    """The files of the number puzzles."""
    lines(
        folder / "countdown/countdown_cd3_test.jsonl",
        [{"input": "3,4,5", "output": "12"}, {"input": "10,2,7", "output": "1"}],
    )
    (folder / "sudoku").mkdir()
    (folder / "sudoku/4x4_test_sudoku.csv").write_text(
        "Puzzle,Solution\n1200340021004300,1234341221434321\n"
    )
