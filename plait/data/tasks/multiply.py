"""Products of two whole numbers with up to four digits each."""

import pathlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from plait.data.problem import Path, Problem, Task, choose, no_file, same_number, setting, wording

WORDINGS = (
    "What is {a} * {b}?",
    "What is {a} times {b}?",
    "Compute {a} times {b}.",
    "Compute {a} * {b}.",
    "{a} x {b} = ?",
    "{a} * {b} = ?",
    "Multiply {a} by {b}.",
    "Find the product of {a} and {b}.",
    "How much is {a} times {b}?",
    "Calculate {a} x {b}.",
    "What do you get if you multiply {a} by {b}?",
    "Work out {a} * {b}.",
)
PROMPT = re.compile(wording(WORDINGS, a="[1-9][0-9]{0,3}", b="[1-9][0-9]{0,3}"))


@dataclass(frozen=True)
class Multiply(Task):
    """Products; the level is the number of digits of the longer factor.

    `facts` is (a, b) in the order of the prompt.
    """

    name = "multiply"
    levels: range

    def sample(self, rng: Random, level: int) -> Problem:
        """Draw a product; half of them have two factors of `level` digits."""
        shorter = level if rng.random() < 0.5 else rng.randint(1, level)
        factors = [rng.randrange(10 ** (n - 1), 10**n) for n in (level, shorter)]
        rng.shuffle(factors)
        a, b = factors
        prompt = rng.choice(WORDINGS).format(a=a, b=b)
        key = f"{min(a, b)}*{max(a, b)}"
        return Problem(self.name, prompt, str(a * b), key, level, (a, b))

    def paths(self, problem: Problem, rng: Random, count: int) -> list[Path]:
        """Draw ways to split the product into easier ones."""
        a, b = problem.facts
        found = [Path(by_digits(a, b), True, "by_digits_of_b")]
        found.append(Path(by_digits(b, a), True, "by_digits_of_a"))
        for name, one, other in (("b", a, b), ("a", b, a)):
            if halves := halve(other):
                found.append(Path(spread(one, halves), True, f"by_halves_of_{name}"))
            if up := round_up(other):
                found.append(Path(spread(one, up), True, f"by_rounding_{name}"))
        if (rows := halve(a)) and (columns := halve(b)):
            cells = [row * column for row in rows for column in columns]
            found.append(Path(total(cells), True, "by_grid"))
        return choose(found, rng, count)

    def verify(self, problem: Problem, answer: str) -> bool:
        """Compare as whole numbers."""
        return same_number(answer, problem.answer)

    def recognises(self, prompt: str) -> bool:
        """Match the wordings, for factors of one to four digits."""
        return PROMPT.fullmatch(prompt.strip()) is not None

    def read(self, path: str | pathlib.Path) -> Iterator[Problem]:
        """Refuse: all problems are generated."""
        raise no_file(self.name, path)


def by_digits(one: int, other: int) -> str:
    """Add the products of `one` with each digit of `other`, highest first."""
    digits = str(other)
    places = [int(d) * 10 ** (len(digits) - i) for i, d in enumerate(digits, 1) if d != "0"]
    if len(places) == 1:
        return f"{one}*{other}={one * other}"
    return total([one * place for place in places])


def total(parts: list[int]) -> str:
    """Write a sum with its value."""
    return f"{'+'.join(map(str, parts))}={sum(parts)}"


def spread(one: int, parts: tuple[int, int]) -> str:
    """Distribute `one` over the sum of two parts."""
    first, second = (one * part for part in parts)
    return f"{one}*({parts[0]}{parts[1]:+d})={first}{second:+d}={first + second}"


def halve(number: int) -> tuple[int, int] | None:
    """Cut the digits in two halves: 9378 = 9300 + 78; a digit in two parts: 7 = 4 + 3."""
    if number < 10:
        return ((number + 1) // 2, number // 2) if number > 1 else None
    unit = 10 ** (len(str(number)) // 2)
    return (number - number % unit, number % unit) if number % unit else None


def round_up(number: int) -> tuple[int, int] | None:
    """Round up to one digit and subtract the rest: 937 = 1000 - 63; None if round."""
    unit = 10 ** max(1, len(str(number)) - 1)
    return (number - number % unit + unit, number % unit - unit) if number % unit else None


def multiply(digits: int = 4) -> Multiply:
    """Make the task with factors of up to `digits` digits."""
    return Multiply(range(1, setting("digits", digits, 1, 4) + 1))
