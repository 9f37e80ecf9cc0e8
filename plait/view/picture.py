"""A row of the canvas as it stands in some round, without any drawing."""

from dataclasses import dataclass

import numpy as np

from ..decode import Round
from ..layout import Codec
from ..trace import COMMIT, RETRACT, Trace

MASKED = -1  # the round of a position that holds no token yet
MASK, END, BROKEN = "·", "■", "\N{REPLACEMENT CHARACTER}"
LONGEST_CHARACTER = 4  # tokens: one per byte of UTF-8

Piece = tuple[str, int]  # text, and the round in which it was written or MASKED


@dataclass
class Picture:
    """What a row holds and in which round each position was written."""

    region: np.ndarray  # [L]
    tokens: np.ndarray  # [L]
    born: np.ndarray  # [L] round, or MASKED
    ends: frozenset[int]  # token ids
    rounds: int = 0  # so far
    committed: int = 0  # decisions of the model; positions closed after an end are none

    @staticmethod
    def blank(region: np.ndarray, tokens: np.ndarray, ends: frozenset[int]) -> "Picture":
        """The picture before the first round."""
        return Picture(region, tokens, np.full(len(tokens), MASKED), ends)

    def add(self, done: Round, row: int) -> None:
        """Take in what a round did to row `row` of its canvas."""
        before, after = done.view.canvas, done.canvas
        commit = done.commit[row].cpu().numpy()
        written = (done.commit | done.rewrite | done.fill)[row].cpu().numpy()
        self.born[written] = self.rounds
        self.born[done.retract[row].cpu().numpy()] = MASKED
        if after.ids.shape != before.ids.shape or not after.ids.equal(before.ids):
            self._move(before.ids[row].tolist(), after.ids[row].tolist())
            self.region = after.region[row].cpu().numpy()
        self.tokens = after.tokens[row].cpu().numpy()
        self.rounds += 1
        self.committed += int(commit.sum())

    def follow(self, trace: Trace) -> None:
        """Take in the next round of a trace."""
        now = trace.round == self.rounds
        for place, token, kind in zip(
            trace.position[now], trace.token[now], trace.kind[now], strict=True
        ):
            self.tokens[place] = token
            self.born[place] = MASKED if kind == RETRACT else self.rounds
        self.rounds += 1
        self.committed += int((trace.kind[now] == COMMIT).sum())

    def _move(self, before: list[int], after: list[int]) -> None:
        """Let each position keep its round where it has gone; new ones are masked."""
        born = dict(zip(before, self.born.tolist(), strict=True))
        self.born = np.array([born.get(name, MASKED) for name in after])

    def pieces(self, region: int, codec: Codec) -> list[Piece]:
        """The text of a segment, piece by piece, up to its end."""
        inside = self.region == region
        tokens, born = self.tokens[inside].tolist(), self.born[inside].tolist()
        written = [b != MASKED for b in born]
        ends = [i for i, t in enumerate(tokens) if t in self.ends and written[i]]
        stop = ends[0] if ends else len(tokens)
        pieces: list[Piece] = []
        start = 0
        while start < stop:
            end = start + 1
            while end < stop and written[start] and written[end]:
                end += 1
            run = slice(start, end)
            pieces += spell(tokens[run], born[run], codec) if written[start] else [(MASK, MASKED)]
            start = end
        return pieces + ([(END, born[stop])] if ends else [])


def picture_of(trace: Trace) -> Picture:
    """The picture after the last round of a trace."""
    picture = Picture.blank(trace.region, trace.start.copy(), trace.ends)
    for _ in range(trace.rounds):
        picture.follow(trace)
    return picture


def spell(tokens: list[int], born: list[int], codec: Codec) -> list[Piece]:
    """The text of each token; tokens that share a character make one piece."""
    pieces: list[Piece] = []
    start = 0
    while start < len(tokens):
        ends = range(start + 1, min(start + LONGEST_CHARACTER, len(tokens)) + 1)
        whole = (end for end in ends if BROKEN not in codec.decode(tokens[start:end]))
        end = next(whole, start + 1)
        pieces.append((printable(codec.decode(tokens[start:end])), max(born[start:end])))
        start = end
    return pieces


def printable(text: str) -> str:
    """The text without what could move the cursor or change the terminal."""
    shown = text.replace("\n", "↵").replace("\t", " ")
    return "".join(c if c.isprintable() else BROKEN for c in shown)
