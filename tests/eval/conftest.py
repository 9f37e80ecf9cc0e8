"""What tests of `plait eval` share."""

from pathlib import Path

import pytest
from kept import TASKS


@pytest.fixture
def evaluate(plait, model):
    def run(out: Path, *options: object, tasks: str = TASKS, limit: int = 4, name: str = model):
        rest = ("--limit", limit, "--tokens-per-round", 2, "--out", out, *options)
        return plait("eval", name, "--tasks", tasks, *rest)

    return run
