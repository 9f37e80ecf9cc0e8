"""What an answer claims."""

from decimal import Decimal

import pytest

from plait.eval.extract import boxed, code, number


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("\\boxed{18}", "18"),
        ("\\boxed{3} no, \\boxed{\\$1,250.50}", "1250.5"),
        ("6 and 7.\n#### 42", "42"),
        ("The answer is 18 dollars, of 20.", "18"),
        ("the final answer: -7", "-7"),
        ("She has 3 + 4 = 7 pens.", "7"),
        ("That makes $1,000,000.", "1000000"),
        ("\\boxed{1{,}250{,}000}", "1250000"),
        ("\\boxed{1\\,250} or \\boxed{3,\\!750.5}", "3750.5"),
        ("\\boxed{(2\\,3)}", "2"),
        ("0.50", "0.5"),
        ("\\boxed{none} but 5", "5"),
        ("no number", None),
        ("", None),
    ],
)
def test_number(text, wanted):
    assert number(text) == (None if wanted is None else Decimal(wanted))


def test_boxed_matches_braces():
    assert boxed("\\boxed{\\frac{1}{2}} end") == "\\frac{1}{2}"
    assert boxed("\\boxed{a} \\fbox{b}") == "b"
    assert boxed("\\boxed{open") is None
    assert boxed("nothing") is None


def test_code():
    assert code("text\n```python\nx = 1\n```\nmore\n```py\ny = 2\n```") == "y = 2\n"
    assert code("x = 3") == "x = 3"
    assert code("```\nz = 4") == "z = 4"  # cut off by the length
