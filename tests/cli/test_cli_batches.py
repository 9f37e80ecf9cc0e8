"""The answers of the model in the box do not depend on the batch, to the last bit of the trace."""

import runpy
from dataclasses import replace
from pathlib import Path

import pytest

BENCH = runpy.run_path(str(Path(__file__).parents[2] / "bench" / "batch_invariance.py"))


def count(setting, n: int, batches: tuple[int, int], **changes) -> int:
    request = replace(setting, tokens_per_round=16, device="cpu", **changes)
    return BENCH["differences"](request, BENCH["mixed_prompts"](n), batches)


def test_rows_do_not_depend_on_their_batch(capfd):
    small = {"temperature": 0.8, "length": 12, "summary": 8}
    assert count(BENCH["SETTINGS"][0], 10, (1, 4), **small) == 0


@pytest.mark.slow
@pytest.mark.parametrize("setting", BENCH["SETTINGS"], ids=lambda s: s.method)
def test_200_rows_do_not_depend_on_their_batch(setting, capfd):
    assert count(setting, 200, (1, 32)) == 0


def test_the_count_sees_a_difference(model, monkeypatch):
    """A row that is decoded by another seed in the second batch size must count."""
    decoded = BENCH["decoded"]

    def spoilt(request, prompts, folder):
        return decoded(replace(request, seed=int(request.batch_size > 1)), prompts, folder)

    monkeypatch.setitem(BENCH["differences"].__globals__, "decoded", spoilt)
    request = replace(BENCH["SETTINGS"][0], model=model, tokens_per_round=4, temperature=1.0)
    prompts = ["3 * 5 = ?", "What is 42 * 23?"]
    assert BENCH["differences"](request, prompts, (1, 2)) == 2
