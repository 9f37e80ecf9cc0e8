"""The right answer of a record, and who judges by it where no benchmark does."""

import math
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from . import tasks
from .benchmark import Benchmark, Item

KEYS = ("gold", "final_answer", "answer")  # where a record says what is right


def key_of(values: Mapping[str, Any]) -> str | None:
    """The first of the KEYS under which a record has a text or a number; None if there is none."""
    return next((key for key in KEYS if _tells(values.get(key))), None)


def _tells(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value.strip())
    return isinstance(value, int | float) and type(value) is not bool and math.isfinite(value)


def told(values: Mapping[str, Any]) -> str:
    """The right answer of a record, of a text what follows "####"; empty if it tells none."""
    key = key_of(values)
    return "" if key is None else str(values[key]).rpartition("####")[2].strip()


def judge(item: Item) -> tuple[Benchmark, Item]:
    """Who judges by the gold answer of an item, and the item to judge by.

    The numbers of gsm8k where it is one, or else math-verify as in math500; PlaitError if that is
    not installed.
    """
    try:
        number = Decimal(item.gold.replace(",", "").replace("$", "").strip())
    except InvalidOperation:
        number = Decimal("nan")
    if number.is_finite():
        return tasks.load("gsm8k"), replace(item, facts=number)
    by_meaning = tasks.load("math500")
    by_meaning.check()
    return by_meaning, item


def same(one: str, other: str) -> bool:
    """Do two right answers mean the same?"""
    benchmark, item = judge(Item("gold", "", "", one))
    return one == other or benchmark.judge(item, f"\\boxed{{{other}}}").correct
