"""Solutions of GSM8K's problems that go wrong in one step, for streams that disagree.

A step takes another operation or another number of the problem, or the solution ends a step early.
What follows is computed from what went wrong, as by somebody who did not notice.
"""

import random
import re
from dataclasses import replace

from gsm8k_paths import NUMERAL, Equation, Worked, alike, number, shown, uses, value_of

TRIES = 20  # draws of a mistake before a problem is given up
OPERATORS = "+-*/"
OPERATOR = re.compile(r"(?<=[\d)])[-+*/]")


def mistaken(problem: Worked, rng: random.Random) -> Worked | None:
    """The problem with a wrong solution, without a text; None if no draw gives a sensible one.

    Each number is whole and positive where that of the right solution is.
    """
    right = problem.equations
    for _ in range(TRIES):
        place = rng.randrange(len(right) + 1)
        steps = right[:-1]
        if place < len(right):
            steps = followed(right, place, slipped(problem, place, rng))
        if steps and steps[-1].result != right[-1].result:
            return replace(problem, text="", equations=steps, final=shown(steps[-1].result))
    return None


def slipped(problem: Worked, place: int, rng: random.Random) -> str:
    """The expression of a step with another operation, or with another number of the problem."""
    left = problem.equations[place].left
    spots = list((OPERATOR if rng.random() < 0.5 else NUMERAL).finditer(left))
    if not spots:
        return left
    spot = rng.choice(spots)
    known = [*OPERATORS]
    if spot[0] not in OPERATORS:
        known = [text.replace(",", "") for text in NUMERAL.findall(problem.question)]
        known += [shown(step.result) for step in problem.equations[:place]]
    other = rng.choice([text for text in known if text != spot[0]] or [spot[0]])
    return left[: spot.start()] + other + left[spot.end() :]


def followed(right: tuple[Equation, ...], place: int, left: str) -> tuple[Equation, ...]:
    """The steps where the one at `place` is `left`; none where one of them makes no sense."""
    steps: list[Equation] = []
    for i, (step, known) in enumerate(zip(right, uses(right), strict=True)):
        new = {n: steps[k].result for n, k in known.items() if steps[k].result != number(n)}
        told = NUMERAL.sub(lambda m, new=new: shown(new[m[0]]) if m[0] in new else m[0], step.left)
        told = left if i == place else told
        try:
            result = value_of(told)
        except ValueError:
            return ()
        if not alike(step.result, result):
            return ()
        steps.append(Equation(told, result))
    return tuple(steps)
