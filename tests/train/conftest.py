"""What tests of training, and of the scripts in bench/, share."""

import importlib
import json
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def bench(monkeypatch):
    """A module of bench/ by its name."""
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module


@pytest.fixture
def file(tmp_path) -> Path:
    """36 records of two paths each, all right."""
    path = tmp_path / "paths.jsonl"
    pairs = [(a, b) for a in range(2, 8) for b in range(2, 8)]
    rows = [
        {"prompt": f"What is {a} * {b}?", "paths": [f"{a}*{b}", f"{b}*{a}={a * b}"],
         "answer": str(a * b)}
        for a, b in pairs
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
