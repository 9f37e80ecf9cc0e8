"""Where a text is cut into the segments whose dependence is measured."""

import itertools
import re
from collections.abc import Callable, Sequence

from ..errors import PlaitError

Encode = Callable[[str], list[int]]
Segments = list[list[int]]
SHORTEST = 8  # tokens; shorter steps and sentences are joined to the one before
_SENTENCE = re.compile(r"(?<=[.!?])(?=\s+\S)|(?<=\n)(?=[^\n])")
_LINE = re.compile(r"(?<=\n)(?=[^\n])")
_SIZED = re.compile(r"(fixed|parts)\((\d+)\)")
KINDS = ("step", "sentence", "path", "fixed(W)", "parts(N)")


def check(name: str) -> None:
    """Raise PlaitError unless `name` is a segmenter."""
    sized = _SIZED.fullmatch(name)
    if name not in KINDS[:3] and not (sized and int(sized[2]) > 0):
        raise PlaitError(f"no segmenter '{name}': use {', '.join(KINDS)}")


def cut(name: str, encode: Encode, text: str) -> Segments:
    """Cut a text into segments of token ids, which stand one after another without a gap.

    `step`: at the ends of lines; `sentence`: at the ends of sentences and lines; both join a
    segment of fewer than 8 tokens to the one before. `fixed(W)`: W tokens each, the last one
    shorter; `parts(N)`: N parts as equal as can be. Texts are tokenized in one piece for the last
    two, and segment by segment for the others, so that each segment is the same tokens whatever
    stands before it. `path` is not a cut of a text: see `paths`.
    """
    check(name)
    if name == "path":
        raise PlaitError("segments 'path' need several paths per record, and this is one text")
    sized = _SIZED.fullmatch(name)
    if sized is None:
        pieces = (_LINE if name == "step" else _SENTENCE).split(text)
        return merged([encode(piece) for piece in pieces if piece])
    ids, number = encode(text), int(sized[2])
    if sized[1] == "fixed":
        return [ids[i : i + number] for i in range(0, len(ids), number)]
    bounds = [round(k * len(ids) / number) for k in range(number + 1)]
    return [ids[a:b] for a, b in itertools.pairwise(bounds) if b > a]


def paths(encode: Encode, texts: Sequence[str]) -> Segments:
    """One segment per text; empty ones are left out."""
    return [encode(text) for text in texts if text]


def merged(segments: Segments) -> Segments:
    """Join segments that are too short to the one before; the first to the one after."""
    out: Segments = []
    for segment in segments:
        if out and (len(segment) < SHORTEST or (len(out[-1]) < SHORTEST and len(out) == 1)):
            out[-1] = out[-1] + segment
        else:
            out.append(segment)
    return out
