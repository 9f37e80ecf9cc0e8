"""Regular languages in ceil(log2 n) rounds: transition functions composed in a tree.

arXiv:2510.13117, Theorem 3.2: an MDM of logarithmic depth recognises every regular language,
where one step per letter is what chain of thought takes. A round reveals one level of the tree;
each new position reads two of the level below, so that n letters take n - 1 scratch positions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import PlaitError, unknown
from .laws import Word


@dataclass(frozen=True)
class Dfa:
    """A complete deterministic automaton that starts in state 0."""

    moves: tuple[tuple[int, ...], ...]  # moves[letter][state] = next state
    accepting: frozenset[int]

    def __post_init__(self) -> None:
        states = len(self.moves[0]) if self.moves else 0
        for letter, move in enumerate(self.moves):
            if len(move) != states or not set(move) <= set(range(states)):
                raise PlaitError(
                    f"letter {letter} must move each of the {states} states to one of them"
                )
        if not states or not self.accepting <= set(range(states)):
            raise PlaitError(
                "an automaton needs a letter, a state, and accepting states among them"
            )

    @property
    def letters(self) -> int:
        """Size of the alphabet."""
        return len(self.moves)

    def accepts(self, word: Sequence[int]) -> bool:
        """Whether the word is in the language, one letter after the other."""
        state = 0
        for letter in word:
            state = self.moves[letter][state]
        return state in self.accepting


@dataclass(frozen=True)
class Tree:
    """What the rounds of `tree` revealed: levels of transition functions, the last one single."""

    levels: tuple[tuple[Word, ...], ...]
    accepts: bool

    @property
    def rounds(self) -> int:
        """Rounds taken; the given letters are level 0."""
        return len(self.levels) - 1

    @property
    def scratch(self) -> int:
        """Positions written: one for each composition."""
        return sum(len(level) // 2 for level in self.levels[:-1])


def tree(dfa: Dfa, word: Sequence[int]) -> Tree:
    """Decide a non-empty word by composing the functions of neighbours, level by level."""
    if not word:
        raise PlaitError("the empty word has no tree; its answer is whether state 0 accepts")
    level = tuple(dfa.moves[letter] for letter in word)
    levels = [level]
    while len(level) > 1:
        pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
        level = tuple(tuple(p[-1][s] for s in p[0]) if p[1:] else p[0] for p in pairs)
        levels.append(level)
    return Tree(tuple(levels), level[0][0] in dfa.accepting)


LANGUAGES = {
    "parity": Dfa(((0, 1), (1, 0)), frozenset({0})),
    "no-11": Dfa(((0, 0, 2), (1, 2, 2)), frozenset({0, 1})),
    "third-from-last": Dfa(
        (tuple(2 * s % 8 for s in range(8)), tuple((2 * s + 1) % 8 for s in range(8))),
        frozenset({4, 5, 6, 7}),
    ),
    "s5": Dfa(((1, 2, 3, 4, 0), (1, 0, 2, 3, 4)), frozenset({0})),  # complete for NC1
}


def named(language: str) -> Dfa:
    """The automaton of a name in `LANGUAGES`."""
    if language not in LANGUAGES:
        raise unknown("language", language, LANGUAGES)
    return LANGUAGES[language]
