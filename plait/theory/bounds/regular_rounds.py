"""Regular languages: ceil(log2 n) rounds against n steps (arXiv:2510.13117, Theorem 3.2)."""

import itertools
from typing import Any

from ..builders import within
from ..regular import LANGUAGES, tree


def regular_rounds(n: int = 12) -> list[dict[str, Any]]:
    """Rounds and scratch of the composition tree, checked on every word of each length."""
    within("n", n, 1, 14)
    rows = []
    for name, dfa in LANGUAGES.items():
        for length in range(1, n + 1):
            words = itertools.product(range(dfa.letters), repeat=length)
            found = [(tree(dfa, word), dfa.accepts(word)) for word in words]
            rows.append(
                {
                    "language": name,
                    "n": length,
                    "words": len(found),
                    "wrong": sum(t.accepts != truth for t, truth in found),
                    "rounds": max(t.rounds for t, _ in found),
                    "scratch": max(t.scratch for t, _ in found),
                    "steps_of_chain_of_thought": length,
                }
            )
    return rows
