"""Training records of GSM8K: several truly different paths per problem, from its annotations.

GSM8K (arXiv:2110.14168) has one worked solution per problem, with each equation annotated as
<<48/2=24>>. A record gets up to four paths:

- text: the solution as it was written;
- equations: the annotated equations alone;
- backward: from the question to what is known, with letters, then the values;
- swapped: the equations in another order that their dependence allows, operands commuted.

Numbers of the question can be changed where every number of the solution is accounted for, so
that the changed problem is as sound as the source.
"""

import ast
import operator
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

KINDS = ("text", "equations", "backward", "swapped")
TRIES = 40  # draws of new numbers before a variant is given up
NOTE = re.compile(r"<<(.*?)>>")
NUMERAL = re.compile(r"\d+(?:,\d{3})+(?:\.\d+)?|\d*\.\d+|\d+")
FREE = re.compile(r"(?<![\w/.:,%-])\d+(?![\w/:%-]|[.,]\d)")  # whole numbers that may change
OPERATIONS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
WORDS = {
    "one": (1,),
    "two": (2,),
    "three": (3,),
    "four": (4,),
    "five": (5,),
    "six": (6,),
    "seven": (7,),
    "eight": (8,),
    "nine": (9,),
    "ten": (10,),
    "eleven": (11,),
    "twelve": (12,),
    "half": (2, Fraction(1, 2)),
    "halv": (2,),
    "twice": (2,),
    "doubl": (2,),
    "both": (2,),
    "tripl": (3,),
    "third": (3,),
    "quarter": (4, 25, Fraction(1, 4)),
    "dozen": (12,),
    "week": (7,),
    "day": (7, 24),
    "month": (12,),
    "year": (12, 52, 365),
    "hour": (60,),
    "minute": (60,),
    "cent": (100,),
    "%": (100,),
}  # what a word of a question may stand for in its equations


@dataclass(frozen=True)
class Equation:
    """One annotated step."""

    left: str  # of digits, operators and brackets
    result: Fraction


@dataclass(frozen=True)
class Worked:
    """A problem with its solution. `text` has no annotations, `final` is the answer as a text."""

    question: str
    text: str
    equations: tuple[Equation, ...]
    final: str


def number(text: str) -> Fraction:
    """The value of a numeral, with or without separators."""
    return Fraction(text.replace(",", ""))


def shown(value: Fraction) -> str:
    """A terminating decimal as people write it."""
    if value.denominator == 1:
        return str(value.numerator)
    return f"{float(value):.4f}".rstrip("0")


def value_of(left: str) -> Fraction:
    """Compute an expression exactly. Raises ValueError for what is none, or divides by zero."""

    def walk(node: ast.expr) -> Fraction:
        if isinstance(node, ast.BinOp) and type(node.op) in OPERATIONS:
            return OPERATIONS[type(node.op)](walk(node.left), walk(node.right))
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            return Fraction(str(node.value))
        raise ValueError(left)

    try:
        return walk(ast.parse(left, mode="eval").body)
    except (SyntaxError, ZeroDivisionError, RecursionError):
        raise ValueError(left) from None


def worked(question: str, answer: str) -> Worked | None:
    """Read one line of GSM8K; None if an equation is not exact, or the last is not the answer."""
    body, _, final = answer.rpartition("####")
    final, found = final.strip().replace(",", ""), []
    for note in NOTE.findall(body):
        left, equals, right = note.replace(" ", "").replace(",", "").partition("=")
        try:
            step = Equation(left, Fraction(right))
            if not equals or value_of(left) != step.result:
                return None
        except ValueError:
            return None
        found.append(step)
    if not found or found[-1].result != Fraction(final):
        return None
    return Worked(question.strip(), NOTE.sub("", body).strip(), tuple(found), final)


def uses(equations: Sequence[Equation]) -> list[dict[str, int]]:
    """For each equation which of its numerals are results before it: numeral to place.

    Of equal results the latest counts. Whatever is meant, the arithmetic is the same.
    """
    found = []
    for place, equation in enumerate(equations):
        earlier = {e.result: i for i, e in enumerate(equations[:place])}
        read = {n: earlier.get(number(n)) for n in NUMERAL.findall(equation.left)}
        found.append({n: i for n, i in read.items() if i is not None})
    return found


def line(left: str, result: Fraction) -> str:
    """An equation as it is written in a path."""
    return f"{left}={shown(result)}"


def backward(problem: Worked) -> str:
    """From what is asked to what is known, then the values; empty if a step leads nowhere."""
    needs, count = uses(problem.equations), len(problem.equations)
    if count < 2 or count > 26 or {i for n in needs for i in n.values()} != set(range(count - 1)):
        return ""
    letters = "abcdefghijklmnopqrstuvwxyz"[:count][::-1]
    plan, values = [], []
    for place, (equation, known) in enumerate(zip(problem.equations, needs, strict=True)):
        named = NUMERAL.sub(
            lambda m, k=known: letters[k[m[0]]] if m[0] in k else m[0], equation.left
        )
        plan.append(f"{letters[place]}={named}")
        values.append(f"{letters[place]}={shown(equation.result)}")
    return "\n".join([*reversed(plan), *values])


def commuted(left: str) -> str:
    """The expression with the terms of its sums and the factors of its products reversed."""

    def chain(node: ast.expr, kind: type) -> list[ast.expr]:
        if isinstance(node, ast.BinOp) and type(node.op) is kind:
            return chain(node.left, kind) + chain(node.right, kind)
        return [node]

    def walk(node: ast.expr) -> ast.expr:
        if not isinstance(node, ast.BinOp):
            return node
        if isinstance(node.op, ast.Add | ast.Mult):
            first, *rest = [walk(part) for part in reversed(chain(node, type(node.op)))]
            for part in rest:
                first = ast.BinOp(first, node.op, part)
            return first
        return ast.BinOp(walk(node.left), node.op, walk(node.right))

    return ast.unparse(walk(ast.parse(left, mode="eval").body)).replace(" ", "")


def swapped(problem: Worked) -> str:
    """The equations in the order that puts later ones as early as it can, operands commuted."""
    needs = [set(n.values()) for n in uses(problem.equations)]
    order: list[int] = []
    last = len(needs) - 1
    while len(order) < len(needs):
        ready = [i for i, n in enumerate(needs) if i not in order and n <= set(order)]
        order.append(max((i for i in ready if i != last), default=last))
    steps = [problem.equations[i] for i in order]
    return "\n".join(line(commuted(e.left), e.result) for e in steps)


def paths(problem: Worked) -> dict[str, str]:
    """The paths by their kind; those that are empty or like another one are left out."""
    plain = "\n".join(line(e.left, e.result) for e in problem.equations)
    every = (problem.text, plain, backward(problem), swapped(problem))
    found: dict[str, str] = {}
    for kind, text in zip(KINDS, every, strict=True):
        if text and text not in found.values():
            found[kind] = text
    return found


def changeable(problem: Worked) -> list[str]:
    """Numerals of the question that may change; none unless every number is accounted for.

    A number of the equations must be an earlier result, a numeral of the question, or what a word
    of the question stands for; no result may equal another or any of those.
    """
    numerals = Counter(number(n) for n in NUMERAL.findall(problem.question))
    words = meant(problem.question)
    results = [e.result for e in problem.equations]
    leaves = {
        number(n)
        for e, known in zip(problem.equations, uses(problem.equations), strict=True)
        for n in NUMERAL.findall(e.left)
        if n not in known
    }
    known = set(numerals) | words
    if len(set(results)) < len(results) or set(results) & known or not leaves <= known:
        return []
    free = [n for n in FREE.findall(problem.question) if n[0] != "0" and int(n) > 2]
    return [n for n in free if numerals[number(n)] == 1 and number(n) in leaves - words]


def meant(question: str) -> set[Fraction]:
    """What the words of a question may stand for, and 1."""
    said = question.lower()
    return {Fraction(v) for word, values in WORDS.items() if word in said for v in values} | {
        Fraction(1)
    }


def similar(value: int, rng: random.Random) -> int:
    """Another number of about the same size and roundness, at least 3."""
    grain = next(g for g in (100, 10, 5, 1) if value % g == 0 and (value > g or g == 1))
    low, high = max(1, value // 2 // grain), 2 * value // grain
    return max(3, grain * rng.randint(low, high))


def varied(problem: Worked, rng: random.Random) -> Worked | None:
    """The problem with other numbers, computed anew; None if no draw keeps it sensible.

    Whole results stay whole, all stay positive and at least 1 where they were, and no two numbers
    of the problem become equal. Without a text where the old one holds a number of its own.
    """
    free = changeable(problem)
    for _ in range(TRIES if free else 0):
        new = {number(n): Fraction(similar(int(n), rng)) for n in free}
        steps = []
        for e in problem.equations:
            left = NUMERAL.sub(lambda m, known=new: _put(m[0], known), e.left)
            try:
                new[e.result] = value_of(left)
            except ValueError:
                break
            steps.append(Equation(left, new[e.result]))
        fixed = {number(n) for n in NUMERAL.findall(problem.question)} - set(new)
        kept = len(set(new.values()) | fixed) == len(new) + len(fixed)
        if len(steps) == len(problem.equations) and kept and all(map(alike, new, new.values())):
            question = FREE.sub(lambda m, known=new: _put(m[0], known), problem.question)
            final = shown(steps[-1].result)
            return Worked(question, _retold(problem, new), tuple(steps), final)
    return None


def _put(numeral: str, new: dict[Fraction, Fraction]) -> str:
    found = new.get(number(numeral))
    return numeral if found is None else shown(found)


def alike(before: Fraction, after: Fraction) -> bool:
    """Is the second as sensible where the first stands: positive, at least 1, whole or cents?"""
    grain = 1 if before.denominator == 1 else 100
    return after > 0 and (after >= 1 or before < 1) and (after * grain).denominator == 1


def _retold(problem: Worked, new: dict[Fraction, Fraction]) -> str:
    """The solution's text with the new numbers; empty if it tells of one that is not known."""
    told = problem.text.lower()
    fixed = {number(n) for n in NUMERAL.findall(problem.question)} | meant(problem.question)
    strange = any(number(n) not in fixed and number(n) not in new for n in NUMERAL.findall(told))
    spelt = any(new.get(Fraction(v), v) != v for w, vs in WORDS.items() if w in told for v in vs)
    if strange or spelt:
        return ""
    return NUMERAL.sub(lambda m: _put(m[0], new), problem.text)
