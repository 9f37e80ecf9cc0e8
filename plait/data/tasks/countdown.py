"""Countdown: reach a target with all the given numbers and + - * /."""

import ast
import functools
import json
import operator
import pathlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from random import Random

from plait.data.problem import Path, Problem, Task, records, setting, wording

WORDINGS = (
    "Use {numbers} to make {target}.",
    "Make {target} from {numbers}.",
    "Make {target} out of {numbers}.",
    "Combine {numbers} to get {target}.",
    "Reach {target} with {numbers}.",
    "How can you make {target} from {numbers}?",
    "Get {target} using {numbers}, each once.",
    "Using each of {numbers} once, make {target}.",
)
PROMPT = re.compile(wording(WORDINGS, numbers=r"\d+(?:, \d+)* and \d+", target=r"\d+"))
LARGEST_RESULT = 9999  # of a step, so that a path of three steps stays short
MIX = "+++---**//"  # signs as often as in the test file of d1 (arXiv:2504.12216)
SIGNS = {"+": "plus", "-": "minus", "*": "times", "/": "over"}
OPERATORS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}

Step = tuple[int, str, int, int]  # left, sign, right, result
Steps = tuple[Step, ...]


@dataclass(frozen=True)
class Countdown(Task):
    """Countdown; the level is how many numbers there are, and all must be used.

    `facts` is (numbers in the order of the prompt, target).
    """

    name = "countdown"
    levels: range
    largest: int  # bound of the numbers and of the target

    def sample(self, rng: Random, level: int) -> Problem:
        """Draw numbers and combine them at random until a target in range comes out."""
        while True:
            numbers = tuple(rng.randint(1, self.largest) for _ in range(level))
            steps = attempt(numbers, rng)
            if steps and steps[-1][-1] <= self.largest:
                return self.state(numbers, steps[-1][-1], rng.choice(WORDINGS))

    def state(self, numbers: tuple[int, ...], target: int, words: str) -> Problem:
        """Word a problem; ValueError if it has no solution."""
        found = solutions(tuple(sorted(numbers)), target)
        if not found:
            raise ValueError(f"{target} cannot be made in whole positive steps below 10000")
        some, last = ", ".join(map(str, numbers[:-1])), numbers[-1]
        prompt = words.format(numbers=f"{some} and {last}", target=target)
        key = f"{','.join(map(str, sorted(numbers)))}={target}"
        answer = expression(min(found, key=effort))
        return Problem(self.name, prompt, answer, key, len(numbers), (numbers, target))

    def paths(self, problem: Problem, rng: Random, count: int) -> list[Path]:
        """Draw tries: one that succeeds, others that do so six times in ten."""
        numbers, target = problem.facts
        found = solutions(tuple(sorted(numbers)), target)
        good = rng.sample(found, min(count, len(found)))
        tries = [good.pop()]
        for _ in range(20 * count):  # few problems have fewer than `count` tries
            if len(tries) == count:
                break
            steps = good.pop() if good and rng.random() < 0.6 else attempt(numbers, rng)
            if steps and steps not in tries:
                tries.append(steps)
        paths = [trace(tries[i % len(tries)], target) for i in range(count)]
        rng.shuffle(paths)
        return paths

    def verify(self, problem: Problem, answer: str) -> bool:
        """Accept every expression that uses each number once and has the exact value."""
        numbers, target = problem.facts
        if not re.fullmatch(r"[\d+*/() -]{1,100}", answer.strip(), re.ASCII):
            return False
        try:
            leaves: list[int] = []
            value = evaluate(ast.parse(answer.strip(), mode="eval").body, leaves)
        except (SyntaxError, ValueError, ZeroDivisionError):
            return False
        return value == target and Counter(leaves) == Counter(numbers)

    def recognises(self, prompt: str) -> bool:
        """Match the wordings, for any numbers."""
        return PROMPT.fullmatch(prompt.strip()) is not None

    def read(self, path: str | pathlib.Path) -> Iterator[Problem]:
        """Read JSON lines such as {"input": "3,4,5", "output": "12"}."""
        return records(path, self.parse)

    def parse(self, line: str) -> Problem:
        """Read one line of the file; ValueError if it is malformed or unsolvable."""
        row = json.loads(line)
        if not isinstance(row, dict) or not {"input", "output"} <= row.keys():
            raise ValueError("no object with 'input' and 'output'")
        numbers = tuple(int(n) for n in str(row["input"]).split(","))
        target = int(str(row["output"]))
        if not 2 <= len(numbers) <= 4 or min(*numbers, target) < 1:
            raise ValueError("not two to four positive numbers and a positive target")
        return self.state(numbers, target, WORDINGS[0])


def evaluate(node: ast.expr, leaves: list[int]) -> Fraction:
    """Work out an expression exactly and note its numbers; ValueError if it is not plain."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        leaves.append(node.value)
        return Fraction(node.value)
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        left, right = evaluate(node.left, leaves), evaluate(node.right, leaves)
        return OPERATORS[type(node.op)](left, right)
    raise ValueError("only whole numbers and + - * / are allowed")


def results(one: int, other: int) -> Iterator[Step]:
    """Yield the steps with two numbers whose results are whole and positive."""
    a, b = (one, other) if one >= other else (other, one)
    yield a, "+", b, a + b
    if a > b:
        yield a, "-", b, a - b
    if a * b <= LARGEST_RESULT:
        yield a, "*", b, a * b
    if b > 1 and a % b == 0:  # division by 1 is the same as multiplication by 1
        yield a, "/", b, a // b


def search(values: tuple[int, ...], target: int) -> Iterator[Steps]:
    """Yield all ways from the values to the target."""
    seen = set()
    for i in range(len(values)):
        for j in range(i):
            pair = (values[i], values[j])
            if pair in seen:
                continue
            seen.add(pair)
            rest = values[:j] + values[j + 1 : i] + values[i + 1 :]
            for step in results(*pair):
                if rest:
                    for tail in search((*rest, step[3]), target):
                        yield (step, *tail)
                elif step[3] == target:
                    yield (step,)


@functools.lru_cache(maxsize=4096)
def solutions(numbers: tuple[int, ...], target: int) -> tuple[Steps, ...]:
    """List all ways from the sorted numbers to the target, none twice."""
    return tuple(dict.fromkeys(search(numbers, target)))


def effort(steps: Steps) -> tuple[int, int, int, Steps]:
    """Rank a solution: few products and quotients first, then small results."""
    values = [step[3] for step in steps]
    return sum(step[1] in "*/" for step in steps), max(values), sum(values), steps


def attempt(numbers: tuple[int, ...], rng: Random) -> Steps:
    """Combine the numbers in a random order with random signs; empty if that fails."""
    values = list(numbers)
    steps = []
    while len(values) > 1:
        rng.shuffle(values)
        sign = rng.choice(MIX)
        pair = values.pop(), values.pop()
        step = next((step for step in results(*pair) if step[1] == sign), None)
        if step is None:
            return ()
        steps.append(step)
        values.append(step[3])
    return tuple(steps)


def trace(steps: Steps, target: int) -> Path:
    """Write a try down, with its verdict."""
    correct = steps[-1][3] == target
    text = " ".join(f"{a}{sign}{b}={value}" for a, sign, b, value in steps)
    kind = "_".join(SIGNS[step[1]] for step in steps)
    return Path(f"{text} {'yes' if correct else 'no'}", correct, kind)


def expression(steps: Steps) -> str:
    """Write steps as one expression with no more parentheses than needed."""
    made: dict[int, list[tuple[str, str]]] = {}  # value: its expressions and their last signs
    for a, sign, b, value in steps:
        (left, below), (right, above) = (
            made[n].pop() if made.get(n) else (str(n), "") for n in (a, b)
        )
        if sign in "*/" and below in ("+", "-"):
            left = f"({left})"
        if (sign != "+" and above in ("+", "-")) or (sign == "/" and above in ("*", "/")):
            right = f"({right})"
        made.setdefault(value, []).append((f"{left} {sign} {right}", sign))
    return made[value][-1][0]


def countdown(numbers: int = 4, largest: int = 100) -> Countdown:
    """Make the task with 3 to `numbers` numbers from 1 to `largest`."""
    most = setting("numbers", numbers, 3, 4)
    return Countdown(range(3, most + 1), setting("largest", largest, 10, 999))
