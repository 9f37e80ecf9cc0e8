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
SUMMED = 3  # digits of a factor up to which running sums fit into a path


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
        found = []
        for name, one, other in (("b", a, b), ("a", b, a)):
            low = [int(digit) for digit in reversed(str(other))]
            found.append(Path(by_digits(one, low, a * b), True, f"by_digits_of_{name}"))
            found.append(Path(by_digits(one, low[::-1], a * b), True, f"by_digits_of_{name}_down"))
            if 1 < len(low) <= SUMMED:
                found.append(Path(running(one, low), True, f"running_over_{name}"))
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


def by_digits(one: int, digits: list[int], product: int) -> str:
    """Write `one` times each digit, then the product: 4821*7=33747 *3=14463 *9=43389 4517277."""
    parts = " *".join(f"{digit}={one * digit}" for digit in digits)
    return f"{one}*{parts}" if len(digits) == 1 else f"{one}*{parts} {product}"


def running(one: int, low: list[int]) -> str:
    """Add up the shifted products from the lowest digit: 33747+144630=178377+4338900=4517277."""
    parts = [one * digit * 10**place for place, digit in enumerate(low)]
    sums = [sum(parts[: i + 1]) for i in range(1, len(parts))]
    return str(parts[0]) + "".join(f"+{p}={s}" for p, s in zip(parts[1:], sums, strict=True))


def multiply(digits: int = 4) -> Multiply:
    """Make the task with factors of up to `digits` digits."""
    return Multiply(range(1, setting("digits", digits, 1, 4) + 1))
