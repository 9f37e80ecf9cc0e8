"""Countdown with three numbers: the 256 test problems of d1 (arXiv:2504.12216)."""

from ...data import tasks
from ..generated import Generated


def countdown_cd3() -> Generated:
    """Reach a number from three others; every right expression counts."""
    file = "countdown/countdown_cd3_test.jsonl"
    return Generated(tasks.load("countdown"), "countdown_cd3", file)
