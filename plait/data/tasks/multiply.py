"""Products of two whole numbers with up to four digits each."""

import pathlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from plait.data.problem import Path, Problem, Task, no_file, same_number, setting, wording

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
KINDS = {  # by whether it carries and whether it begins with the highest digit
    (True, False): "carried_over",
    (False, False): "by_digits_of",
    (False, True): "down_the_digits_of",
}
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
        """List ways to split the product into easier ones, in random order.

        The first two carry as they go, two more add all lines at the end, and the last two also
        begin with the highest digit; then they come again.
        """
        a, b = problem.facts
        found = [
            Path(worked(one, other, a * b, running, down), True, f"{kind}_{name}")
            for (running, down), kind in KINDS.items()
            for name, one, other in (("b", a, b), ("a", b, a))
        ]
        found = [found[i % len(found)] for i in range(count)]
        rng.shuffle(found)
        return found

    def verify(self, problem: Problem, answer: str) -> bool:
        """Compare as whole numbers."""
        return same_number(answer, problem.answer)

    def recognises(self, prompt: str) -> bool:
        """Match the wordings, for factors of one to four digits."""
        return PROMPT.fullmatch(prompt.strip()) is not None

    def read(self, path: str | pathlib.Path) -> Iterator[Problem]:
        """Refuse: all problems are generated."""
        raise no_file(self.name, path)


def worked(one: int, other: int, product: int, running: bool, down: bool) -> str:
    """Multiply `one` by each digit of `other`, column by column, as on paper; name the product.

    4821*7= 07 14 57 33 3= 03 06 24 14 9= 09 18 73 43 4517277: the columns of 4821*7 are 1*7 = 07,
    2*7 = 14, 8*7 + 1 = 57 and 4*7 + 5 = 33, so that 4821*7 = 33747. The lowest digit comes first,
    or last if `down`. When `running`, each line, with + for =, adds the one before it without its
    last digit: 3+ 07 13 28 17 is 4821*3 + 3374 = 17837. The product is then the last line behind
    the last digits of the others.
    """
    parts, before = [], 0
    for digit in map(int, str(other) if down else reversed(str(other))):
        columns = column_by_column(one, digit, before)
        line = " ".join(f"{column:02}" for column in columns)
        parts.append(f"{digit}{'+' if running else '='} {line}")
        before = (one * digit + before) // 10 if running else 0
    return f"{one}*{' '.join(parts)} {product}"


def column_by_column(one: int, digit: int, added: int) -> list[int]:
    """The columns of `one` * `digit` + `added`, the lowest first.

    Each takes the tens of the one before it. Their last digits, behind the tens of the highest,
    are the result. `added` has no more digits than `one`.
    """
    columns, tens = [], 0
    for place, factor in enumerate(reversed(str(one))):
        columns.append(int(factor) * digit + added // 10**place % 10 + tens)
        tens = columns[-1] // 10
    return columns


def multiply(digits: int = 4) -> Multiply:
    """Make the task with factors of up to `digits` digits."""
    return Multiply(range(1, setting("digits", digits, 1, 4) + 1))
