"""SeqDep: how much each segment of a text depends on those before it (arXiv:2602.23225, Eq. 4).

log p(s_n | x, s_<n) - log p(s_n | x) under an autoregressive scorer, for segments n = 2..N, whole
segments and not per token; near 0 where a segment says nothing new about the next. The paper
names neither scorer nor segments, so both belong to every number. Under the true law its mean is
the total correlation of the segments over N - 1; under another scorer it is a lower or a higher
number, so a value near 0 proves nothing by itself.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np

from .mean import bootstrap
from .scorer import Piece, Scorer, Tree

Ids = Sequence[int]
IN_NATS = frozenset(  # the values of a summary that have a unit
    ("seqdep", "interval95", "per_token", "per_token_interval95", "profile", "profile_per_token")
)


@dataclass(frozen=True)
class Text:
    """A prompt and the segments of what follows, as token ids."""

    prompt: Ids
    segments: Sequence[Ids]
    header: Ids = ()  # stands before each segment; never scored


@dataclass(frozen=True)
class Case:
    """A text to be scored with its controls: what to ask a scorer, and how to read the answer."""

    text: Text
    other: Text | None = None  # whose segments stand before those of the text, for one control
    seed: int | None = None  # of the order of the other control

    @property
    def order(self) -> list[int]:
        """The segments in a random order."""
        order = list(range(len(self.text.segments)))
        Random(self.seed).shuffle(order)
        return order

    def trees(self) -> list[Tree]:
        """What to score."""
        trees = [_chain(self.text, self.text.segments), _alone(self.text)]
        if self.seed is not None:
            trees.append(_chain(self.text, [self.text.segments[i] for i in self.order]))
        if self.other is not None:
            trees.append(_swapped(self.text, self.other))
        return trees

    def read(self, scored: Sequence[Sequence[np.ndarray]]) -> dict[str, Any]:
        """The values of `gains` from the scores of `trees`."""
        joint, alone, *controls = [
            [float(values.sum()) for values in tree if len(values)] for tree in scored
        ]
        tokens = [len(segment) for segment in self.text.segments]
        found: dict[str, Any] = {"tokens": tokens, "joint": joint, "alone": alone}
        if self.seed is not None:
            found |= {"order": self.order, "shuffled": controls.pop(0)}
        if self.other is not None:
            found["swapped"] = [alone[0], *controls.pop(0)]
        return found


def gains(
    scorer: Scorer, text: Text, other: Text | None = None, seed: int | None = None
) -> dict[str, Any]:
    """What the scorer makes of one text, in nats, segment by segment.

    `joint[n]` = log p(s_n | x, s_<n) and `alone[n]` = log p(s_n | x), for all N segments. With a
    `seed`, `shuffled` holds the joint values after a random permutation, whose place n holds
    segment `order[n]`: the control for claims about the order. With `other`, `swapped[n]` is
    log p(s_n | x, o_<n) with the segments of another text before it: the control for what any
    text of the kind would tell.
    """
    case = Case(text, other, seed)
    return case.read(scorer(case.trees()))


def _chain(text: Text, segments: Sequence[Ids]) -> Tree:
    tree = [Piece(tuple(text.prompt), None)]
    for segment in segments:
        tree.append(Piece(tuple(text.header), len(tree) - 1, scored=False))
        tree.append(Piece(tuple(segment), len(tree) - 1))
    return _without_empty(tree)


def _alone(text: Text) -> Tree:
    tree = [Piece((*text.prompt, *text.header), None)]
    return [*tree, *(Piece(tuple(segment), 0) for segment in text.segments)]


def _swapped(text: Text, other: Text) -> Tree:
    """Each segment but the first after as many segments of the other text."""
    tree = [Piece((*text.prompt, *text.header), None)]
    before = 0
    for number, segment in enumerate(text.segments[1:]):
        if number < len(other.segments):
            told = (*other.segments[number], *text.header)
            tree.append(Piece(told, before, scored=False))
            before = len(tree) - 1
        tree.append(Piece(tuple(segment), before))
    return tree


def _without_empty(tree: list[Piece]) -> Tree:
    """The tree without empty headers."""
    kept: list[Piece] = []
    place: dict[int | None, int | None] = {None: None}
    for number, piece in enumerate(tree):
        if piece.after is not None and not piece.ids and not piece.scored:
            place[number] = place[piece.after]
            continue
        place[number] = len(kept)
        kept.append(Piece(piece.ids, place[piece.after], piece.scored))
    return kept


def seqdep(found: dict[str, Any], of: str = "joint") -> list[float]:
    """The gains of segments 2..N of one text; `of` may be a control: "shuffled" or "swapped"."""
    order = found["order"] if of == "shuffled" else range(len(found["alone"]))
    alone = [found["alone"][i] for i in order]
    return [a - b for a, b in zip(found[of][1:], alone[1:], strict=True)]


def summary(rows: Sequence[dict[str, Any]], of: str = "joint") -> dict[str, Any]:
    """SeqDep over a corpus with 95 % bootstrap intervals over its texts, in nats.

    `seqdep` is the mean over texts of the mean over segments 2..N, as in the paper. `per_token`
    divides all gains by all tokens of segments 2..N. `profile` is the mean gain at each place n,
    `profile_per_token` the same per token, each where at least 5 texts have that many segments.
    """
    rows = [row for row in rows if len(row["alone"]) > 1 and of in row]
    if not rows:
        return {"texts": 0}
    each = [seqdep(row, of) for row in rows]
    sizes = [_sizes(row, of) for row in rows]
    means = np.array([math.fsum(gain) / len(gain) for gain in each])
    sums = np.array([math.fsum(gain) for gain in each])
    tokens = np.array([float(sum(size)) for size in sizes])
    places = range(max(map(len, each)))
    column = [
        [(g[n], s[n]) for g, s in zip(each, sizes, strict=True) if n < len(g)] for n in places
    ]
    column = [some for some in column if len(some) >= 5 or len(rows) < 5]
    return {
        "texts": len(rows),
        "segments": float(np.mean([len(row["alone"]) for row in rows])),
        "tokens_per_segment": float(tokens.sum() / sum(map(len, each))),
        "tokens_per_text": float(np.mean([sum(row["tokens"]) for row in rows])),
        "seqdep": float(means.mean()),
        "interval95": bootstrap(means, np.ones(len(means))),
        "per_token": float(sums.sum() / tokens.sum()),
        "per_token_interval95": bootstrap(sums, tokens),
        "profile": [float(np.mean([gain for gain, _ in some])) for some in column],
        "profile_per_token": [
            math.fsum(gain for gain, _ in some) / sum(size for _, size in some) for some in column
        ],
        "profile_texts": [len(some) for some in column],
    }


def _sizes(found: dict[str, Any], of: str) -> list[int]:
    order = found["order"] if of == "shuffled" else range(len(found["alone"]))
    return [found["tokens"][i] for i in order][1:]
