"""Word problems in which things are gained, lost, doubled, tripled and halved."""

import pathlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from random import Random

from plait.data.problem import (
    Path,
    Problem,
    Task,
    choose,
    length,
    no_file,
    same_number,
    setting,
    wording,
)

GIRLS = ("Mia", "Anna", "Lena", "Zoe", "Ruth", "Ella", "Nina", "Sara", "Kate", "Ivy")
BOYS = ("Tom", "Ben", "Omar", "Leo", "Max", "Sam", "Paul", "Jack", "Finn", "Noah")
SMALL = ("apples", "pens", "coins", "stamps", "shells", "marbles", "beads", "nuts", "buttons")
THINGS = (*SMALL, "books", "cards", "stickers", "pears", "stones", "tickets")
OPENINGS = (
    "{who} has {n} {things}.",
    "{who} starts with {n} {things}.",
    "At first {who} has {n} {things}.",
    "{who} owns {n} {things}.",
)
QUESTIONS = (
    "How many {things} does {who} have now?",
    "How many {things} does {who} have in the end?",
    "How many {things} does {she} have now?",
    "Now how many {things} does {who} have?",
)
SENTENCES = {
    "+": (
        "{She} buys {n} more.",
        "{other} gives {her} {n} {things}.",
        "{She} finds {n} {things}.",
        "Then {she} gets {n} more.",
        "{She} wins {n} more {things}.",
        "{other} brings {her} {n} more.",
        "{She} picks up {n} {things}.",
    ),
    "-": (
        "{She} loses {n} of them.",
        "{She} gives {n} to {other}.",
        "{She} sells {n} {things}.",
        "{other} takes {n} of them.",
        "Then {she} gives away {n}.",
        "{other} borrows {n} {things} from {her}.",
        "{She} leaves {n} {things} behind.",
    ),
    "*2": (
        "Then {her_own} {things} double.",
        "{other} doubles {her_own} {things}.",
        "Soon {she} has twice as many.",
        "{She} gets as many again.",
        "{She} doubles what {she} has.",
        "A trade gives {her} twice as many.",
    ),
    "*3": (
        "Then {her_own} {things} triple.",
        "{other} triples {her_own} {things}.",
        "Soon {she} has three times as many.",
        "A trade gives {her} three times as many.",
        "{She} triples what {she} has.",
        "{She} swaps each one for three.",
    ),
    "/2": (
        "{She} loses half of them.",
        "{She} gives half to {other}.",
        "{other} takes half of them.",
        "{She} sells half of the {things}.",
        "Then {she} gives away half.",
        "{She} keeps only half of them.",
    ),
}
WORDS = {
    "who": "[A-Z][a-z]+",
    "other": "[A-Z][a-z]+",
    "things": "[a-z]+",
    "n": "[1-9][0-9]*",
    "she": "s?he",
    "She": "S?[hH]e",
    "her": "(?:her|him)",
    "her_own": "(?:her|his)",
}
PROMPT = re.compile(
    f"{wording(OPENINGS, **WORDS)}"
    f"(?: {wording((s for some in SENTENCES.values() for s in some), **WORDS)})+"
    f" {wording(QUESTIONS, **WORDS)}"
)
LONGEST = 46  # tokens of a path, by `length`
FEWEST = 3  # kinds of path that every problem of at least three steps has

Step = tuple[str, int]  # a sign of + - * / and a number
Steps = tuple[Step, ...]


@dataclass(frozen=True)
class Chain(Task):
    """Chains of changes; the level is how many.

    `facts` is (start, steps), a step being a sign of + - * / and a number.
    """

    name = "chain"
    levels: range

    def sample(self, rng: Random, level: int) -> Problem:
        """Draw changes until every result is in range and enough kinds of path are short."""
        while True:
            start, steps = rng.randint(2, 60), draw(rng, level)
            highest = 199 if rng.random() < 0.9 else 999
            values = totals(start, steps)
            if values and max(values) <= highest and len(ways(start, steps)) >= min(level, FEWEST):
                key = f"{start}{''.join(f'{sign}{n}' for sign, n in steps)}"
                prompt = tell(rng, start, steps)
                return Problem(self.name, prompt, str(values[-1]), key, level, (start, steps))

    def paths(self, problem: Problem, rng: Random, count: int) -> list[Path]:
        """Draw different orders of working the changes out."""
        return choose(ways(*problem.facts), rng, count)

    def verify(self, problem: Problem, answer: str) -> bool:
        """Compare as whole numbers."""
        return same_number(answer, problem.answer)

    def recognises(self, prompt: str) -> bool:
        """Match the sentences one by one, for any names and things."""
        return PROMPT.fullmatch(prompt.strip()) is not None

    def read(self, path: str | pathlib.Path) -> Iterator[Problem]:
        """Refuse: all problems are generated."""
        raise no_file(self.name, path)


def draw(rng: Random, level: int) -> Steps:
    """Draw `level` changes, up to half of them products and quotients, but at least one."""
    scales = rng.sample(range(level), rng.randint(1, max(1, level // 2)))

    def step(i: int) -> Step:
        if i in scales:
            return rng.choice((("*", 2), ("*", 2), ("*", 3), ("/", 2), ("/", 2)))
        return rng.choice("+-"), rng.randint(2, rng.choice((9, 40)))

    return tuple(step(i) for i in range(level))


def apply(value: int, step: Step) -> int:
    """Work out one step."""
    sign, n = step
    if sign in "+-":
        return value + n if sign == "+" else value - n
    return value * n if sign == "*" else value // n


def totals(start: int, steps: Steps) -> list[int]:
    """List the value after each step; empty if one is not whole and positive."""
    values = [start]
    for step in steps:
        if step[0] == "/" and values[-1] % step[1]:
            return []
        values.append(apply(values[-1], step))
        if values[-1] <= 0:
            return []
    return values


def tell(rng: Random, start: int, steps: Steps) -> str:
    """Tell the story of a chain in words."""
    girl = rng.random() < 0.5
    who = rng.choice(GIRLS if girl else BOYS)
    she, her, own = ("she", "her", "her") if girl else ("he", "him", "his")
    fixed = {"who": who, "things": rng.choice(THINGS)}
    fixed |= {"she": she, "She": she.capitalize(), "her": her, "her_own": own}
    others = [name for name in GIRLS + BOYS if name != who]
    text = [rng.choice(OPENINGS).format(n=start, **fixed)]
    for sign, n in steps:
        words = rng.choice(SENTENCES[sign if sign in "+-" else f"{sign}{n}"])
        text.append(words.format(n=n, other=rng.choice(others), **fixed))
    text.append(rng.choice(QUESTIONS).format(**fixed))
    return " ".join(text)


def ways(start: int, steps: Steps) -> list[Path]:
    """List the paths that are short enough, one of each kind; none if one by one is not."""
    found: dict[str, str] = {}
    for kind, write in KINDS.items():
        text = write(start, steps)
        if text and length(text) <= LONGEST:
            found.setdefault(text, kind)
        elif kind == "one_by_one":
            break
    return [Path(text, True, kind) for text, kind in found.items()]


def runs(steps: Steps) -> list[Steps]:
    """Group gains and losses that follow each other; products and quotients stay alone."""
    grouped = groupby(enumerate(steps), lambda item: -1 if item[1][0] in "+-" else item[0])
    return [tuple(step for _, step in group) for _, group in grouped]


def trace(start: int, groups: Iterable[Steps]) -> str:
    """Write the value before and after each group of steps: 12+5+3 20/2 10."""
    text = str(start)
    for group in groups:
        for step in group:
            start = apply(start, step)
            text += f"{step[0]}{step[1]}"
        text += f" {start}"
    return text


def one_by_one(start: int, steps: Steps) -> str:
    """Write the total after each step."""
    return trace(start, ((step,) for step in steps))


def reordered(start: int, steps: Steps, signs: str) -> str:
    """Write one by one, in each run all changes of the first sign before those of the others.

    Empty if a total on the way would not be positive.
    """
    ordered = [step for run in runs(steps) for sign in signs for step in run if step[0] == sign]
    return one_by_one(start, tuple(ordered)) if totals(start, tuple(ordered)) else ""


def gains_first(start: int, steps: Steps) -> str:
    """Reorder each run of gains and losses: all gains, then all losses."""
    return reordered(start, steps, "+-*/")


def losses_first(start: int, steps: Steps) -> str:
    """Reorder each run of gains and losses: all losses, then all gains."""
    return reordered(start, steps, "-+*/")


def only_totals(start: int, steps: Steps) -> str:
    """Write nothing but the total after each step."""
    return " ".join(map(str, totals(start, steps)))


def net(run: Steps) -> int:
    """Sum up gains and losses."""
    return sum(n if sign == "+" else -n for sign, n in run)


def net_first(start: int, steps: Steps) -> str:
    """Write the net change of each run first, then the totals from run to run."""
    sums: list[str] = []
    groups: list[Steps] = []
    for run in runs(steps):
        if len(run) == 1:
            groups.append(run)
            continue
        change = net(run)
        sums.append(f"{''.join(f'{sign}{n}' for sign, n in run).removeprefix('+')}={change}")
        if change:
            groups.append((("+" if change > 0 else "-", abs(change)),))
    return " ".join([*sums, trace(start, groups)])


KINDS: dict[str, Callable[[int, Steps], str]] = {
    "one_by_one": one_by_one,
    "gains_first": gains_first,
    "losses_first": losses_first,
    "net_first": net_first,
    "only_totals": only_totals,
}


def chain(deepest: int = 8) -> Chain:
    """Make the task with 2 to `deepest` changes."""
    return Chain(range(2, setting("deepest", deepest, 2, 8) + 1))
