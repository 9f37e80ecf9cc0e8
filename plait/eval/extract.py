"""From the text of an answer to what it claims."""

import re
from decimal import Decimal, InvalidOperation

NUMBER = re.compile(r"-?\$?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?")
COMMA = re.compile(r"(?<=\d)(?:\{,\}|,?\\[,!])(?=\d{3})")  # of thousands, as LaTeX has it
MARKS = (re.compile(r"####\s*(.+)"), re.compile(r"answer\s*(?:is|:|=)\s*(.+)", re.IGNORECASE))
FENCE = re.compile(r"```[ \t]*(?:python|py)?[ \t]*\r?\n(.*?)(?:```|\Z)", re.DOTALL | re.IGNORECASE)


def boxed(text: str) -> str | None:
    r"""What stands in the last \boxed{...}, braces matched; None if there is none."""
    start = max(text.rfind("\\boxed{"), text.rfind("\\fbox{"))
    if start < 0:
        return None
    start, depth = text.index("{", start), 0
    for place in range(start, len(text)):
        depth += (text[place] == "{") - (text[place] == "}")
        if depth == 0:
            return text[start + 1 : place]
    return None


def number(text: str) -> Decimal | None:
    """The number that an answer ends on: boxed, after a mark such as ####, or else the last one."""
    for said in (boxed(text), *(_after(mark, text) for mark in MARKS)):
        if said is not None and (found := _numbers(said)):
            return found[0]
    found = _numbers(text)
    return found[-1] if found else None


def code(text: str) -> str:
    """The last fenced block of code, or the whole text where there is none."""
    blocks = FENCE.findall(text)
    return blocks[-1] if blocks else text


def _after(mark: re.Pattern[str], text: str) -> str | None:
    found = mark.findall(text)
    return found[-1] if found else None


def _numbers(text: str) -> list[Decimal]:
    found = []
    for word in NUMBER.findall(COMMA.sub(",", text)):
        try:
            found.append(Decimal(word.replace("$", "").replace(",", "")))
        except InvalidOperation:
            continue
    return found
