"""A text with holes: "The answer is [[8]] because [[20]]" has one of 8 tokens and one of 20."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .errors import PlaitError
from .layout import Layout, Segment

_MARK = re.compile(r"\\\[\[|\[\[(.*?)\]\]|\[\[", re.DOTALL)


@dataclass(frozen=True)
class Whole:
    """The text around the holes, exactly as it was given, and the holes by name."""

    literals: tuple[str, ...]  # one more than there are holes
    holes: tuple[str, ...]

    def __call__(self, texts: Mapping[str, str]) -> str:
        """Return the whole text with the holes filled in."""
        filled = [
            part for k, name in enumerate(self.holes) for part in (self.literals[k], texts[name])
        ]
        return "".join([*filled, self.literals[-1]])


def infill(text: str) -> Layout:
    r"""Return a layout that keeps `text` and writes its holes; "[[n]]" is a hole of n tokens.

    A hole may end early, at an end-of-sequence token. "\[[" stands for the brackets themselves.
    The answer that is read back is the whole text, and its given parts are those of `text`, byte
    for byte. Raises PlaitError where a hole is not a number of tokens, or there is none.
    """
    literals, sizes, start = [""], [], 0
    for mark in _MARK.finditer(text):
        literals[-1] += text[start : mark.start()]
        start = mark.end()
        if mark[0].startswith("\\"):
            literals[-1] += "[["
        elif not re.fullmatch(r"0*[1-9][0-9]{0,5}", mark[1] or ""):
            raise PlaitError(
                f"'{mark[0]}' at character {mark.start() + 1} is not a hole; write [[8]] for one "
                r"of 8 tokens, or \[[ for the brackets themselves"
            )
        else:
            sizes.append(int(mark[1]))
            literals.append("")
    literals[-1] += text[start:]
    if not sizes:
        raise PlaitError("the text has no hole; write [[8]] for one of 8 tokens")
    names = tuple(f"hole {k}" for k in range(1, len(sizes) + 1))
    return filled(names, sizes, literals)


def filled(names: tuple[str, ...], sizes: list[int], literals: list[str]) -> Layout:
    """A layout of holes between literals that is read back as the whole text."""
    slots = zip(names, sizes, literals, strict=False)
    segments = tuple(Segment(name, size, literal) for name, size, literal in slots)
    return Layout(segments, footer=literals[-1], render=Whole(tuple(literals), names))
