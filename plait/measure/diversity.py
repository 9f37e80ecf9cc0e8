"""How different several texts are from each other."""

import itertools
import math
import re
from collections.abc import Sequence
from typing import Any

WORD = re.compile(r"\w+|[^\w\s]")
GRAM = 3  # words
NEAR = 0.8  # similarity from which two texts count as near duplicates


def grams(text: str, n: int = GRAM) -> set[tuple[str, ...]]:
    """The runs of n words of a text, in lower case; a shorter text is one run."""
    words = WORD.findall(text.lower())
    return {tuple(words[i : i + n]) for i in range(max(1, len(words) - n + 1))}


def similarity(one: str, other: str) -> float:
    """Jaccard similarity of their runs of 3 words: 1 for the same words, 0 for no run shared."""
    a, b = grams(one), grams(other)
    return len(a & b) / len(a | b)


def diversity(texts: Sequence[str]) -> dict[str, Any]:
    """Of several samples or paths: how much they repeat each other.

    `similarity`: mean over pairs; `duplicates` and `near_duplicates` (similarity >= 0.8): texts
    that repeat an earlier one; `distinct_n`: different runs of n words over all runs of n words
    (distinct-n, arXiv:1510.03055). The similarity of fewer than two texts is NaN, and so is
    distinct-n where there are no runs.
    """
    pairs = [similarity(a, b) for a, b in itertools.combinations(texts, 2)]
    found: dict[str, Any] = {"similarity": _ratio(math.fsum(pairs), len(pairs))}
    plain = [" ".join(WORD.findall(text.lower())) for text in texts]
    found["duplicates"] = len(plain) - len(set(plain))
    found["near_duplicates"] = sum(
        any(similarity(texts[i], before) >= NEAR for before in texts[:i]) for i in range(len(texts))
    )
    for n in (1, 2):
        runs = [list(_runs(text, n)) for text in texts]
        total = sum(map(len, runs))
        found[f"distinct_{n}"] = _ratio(len(set(itertools.chain(*runs))), total)
    return found


def _runs(text: str, n: int) -> list[tuple[str, ...]]:
    words = WORD.findall(text.lower())
    return list(zip(*(words[i:] for i in range(n)), strict=False))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
