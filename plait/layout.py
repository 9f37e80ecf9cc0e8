"""Layouts: from a prompt to a canvas, and from a canvas back to the answer.

A layout is a row of segments. Each has a fixed header (visible from the first round) and a slot
of free positions; slot k is region k of the canvas. `plain` is one slot; `nap` is m reasoning
streams and a summary (arXiv:2602.23225, Eq. 5).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch

from .canvas import GIVEN, HEADER, Canvas
from .errors import PlaitError
from .parts import Guide

PROMPT = -1  # the visibility group of what every segment may read


@runtime_checkable
class Codec(Protocol):
    """Text to token ids and back, with the ids a canvas needs."""

    mask_id: int
    eos_id: int
    stop_ids: frozenset[int]  # all ids that end an answer, `eos_id` among them

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`, which may contain the special tokens of layout headers."""
        ...

    def literal(self, text: str) -> list[int]:
        """Token ids of what a model is to write: special tokens are text like any other.

        Raises PlaitError for signs that there are no tokens for.
        """
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Text of `ids`, special tokens left out."""
        ...

    def prompt(self, text: str) -> list[int]:
        """Token ids of a user's request, in the form that the model was trained on."""
        ...


@dataclass(frozen=True)
class Segment:
    """One slot of the canvas and the header before it."""

    name: str
    length: int  # free positions, the end-of-sequence token included
    header: str = ""


@dataclass(frozen=True)
class Layout:
    """Where the free positions of a canvas lie. The last segment holds the answer.

    With `cross="blocked"` a stream sees the prompt and itself, and the last segment sees all, so
    that streams are independent by construction; `"full"` is the attention of the paper.

    A form is a layout whose slots make one text together: `footer` stands after the last slot,
    `render` joins the texts of the slots to the answer, and `confine` keeps tokens out of slots
    that cannot hold them. See `plait.infill` and `plait.schema`.
    """

    segments: tuple[Segment, ...]
    cross: Literal["full", "blocked"] = "full"
    footer: str = ""
    render: Callable[[Mapping[str, str]], str] | None = None
    confine: Callable[[Codec, Guide], Guide] | None = None

    def __post_init__(self) -> None:
        if not self.segments:
            raise PlaitError("a layout needs at least one segment")
        for segment in self.segments:
            if segment.length < 1:
                raise PlaitError(
                    f"the length of '{segment.name}' is {segment.length}; it must be >= 1"
                )
        if self.cross not in ("full", "blocked"):
            raise PlaitError(f"cross-stream attention '{self.cross}' is not 'full' or 'blocked'")

    @property
    def free(self) -> int:
        """Free positions in all segments."""
        return sum(s.length for s in self.segments)

    def size(self, codec: Codec) -> int:
        """Positions that headers and slots take, the prompt not counted."""
        headers = [*(s.header for s in self.segments), self.footer]
        return self.free + sum(len(codec.encode(header)) for header in headers)

    def row(self, codec: Codec, prompt: str, texts: Sequence[str] | None = None) -> "Row":
        """One row: the prompt, then each header and its slot.

        Slots hold masks, or `texts` closed and padded with end-of-sequence tokens (a training
        example). Raises PlaitError if a text and its end do not fit their slot.
        """
        ids = codec.prompt(prompt)
        region, group = [GIVEN] * len(ids), [PROMPT] * len(ids)
        for k, segment in enumerate(self.segments):
            header = codec.encode(segment.header)
            slot = [codec.mask_id] * segment.length
            if texts is not None:
                text = codec.literal(texts[k])
                if len(text) >= segment.length:
                    raise PlaitError(
                        f"the text of '{segment.name}' has {len(text)} tokens and its end, "
                        f"but its slot has {segment.length}"
                    )
                slot = text + [codec.eos_id] * (segment.length - len(text))
            ids += header + slot
            region += [HEADER] * len(header) + [k] * segment.length
            group += [k] * (len(header) + segment.length)
        footer = codec.encode(self.footer)
        ids += footer
        region += [HEADER] * len(footer)
        group += [len(self.segments) - 1] * len(footer)
        return Row(ids, region, group)

    def build(
        self,
        codec: Codec,
        prompts: Sequence[str],
        keys: Sequence[int] | None = None,
        context: int = 0,
    ) -> Canvas:
        """A canvas with one row per prompt, padded on the right to the longest.

        `keys` name the rows for the random numbers (default 0, 1, 2, ...). With `context`, raises
        PlaitError if a row is longer than that many positions, and always if a prompt is empty
        or not valid Unicode.
        """
        for prompt in prompts:
            if not prompt.strip() and self.render is None:  # a form can stand by itself
                raise PlaitError("the prompt is empty; write the problem to solve")
            if any("\ud800" <= sign <= "\udfff" for sign in prompt):  # half a character
                raise PlaitError("the prompt is not valid Unicode; write it in UTF-8")
        prompts_alone = [len(codec.prompt(prompt)) for prompt in prompts]
        width = max(prompts_alone, default=0) + self.size(codec)
        if context and width > context:
            raise PlaitError(
                f"the canvas needs {width} positions ({max(prompts_alone)} of them for the prompt) "
                f"but the model's context is {context}; shorten the prompt, or use fewer streams "
                f"or a smaller length"
            )
        rows = [self.row(codec, prompt) for prompt in prompts]

        def pad(field: Sequence[Sequence[int]], value: int) -> torch.Tensor:
            return torch.tensor([[*f, *[value] * (width - len(f))] for f in field])

        return Canvas(
            tokens=pad([r.ids for r in rows], codec.eos_id),
            region=pad([r.region for r in rows], GIVEN),
            pos=torch.arange(width).expand(len(rows), -1).contiguous(),
            length=torch.tensor([len(r.ids) for r in rows]),
            key=torch.tensor(list(range(len(rows))) if keys is None else list(keys)),
            group=pad([r.group for r in rows], PROMPT) if self.cross == "blocked" else None,
            regions=len(self.segments),
            mask_id=codec.mask_id,
            eos_id=codec.eos_id,
            context=context,
            stops=tuple(sorted(codec.stop_ids - {codec.eos_id})),
        )

    def read(self, codec: Codec, canvas: Canvas, row: int) -> dict[str, str]:
        """The text of each segment up to its first end, and of a form the whole as "text"."""
        texts = {
            segment.name: codec.decode(canvas.written(row, k))
            for k, segment in enumerate(self.segments)
        }
        return texts if self.render is None else texts | {"text": self.render(texts)}


@dataclass(frozen=True)
class Row:
    """Token ids of one row, the region of each position, and its visibility group."""

    ids: list[int]
    region: list[int]
    group: list[int]


def plain(length: int = 128) -> Layout:
    """One slot of `length` free positions after the prompt."""
    return Layout((Segment("answer", length),))


def nap(
    streams: int = 3,
    length: int = 330,
    summary: int = 32,
    header: str = "<think {j}>",
    summary_header: str = "<summary>",
    cross: Literal["full", "blocked"] = "full",
) -> Layout:
    """`streams` reasoning slots of `length` positions and a summary (arXiv:2602.23225).

    Capacities are the paper's. The paper writes the header as "<think #j>", its training code as
    the single token "<think j>", which is the default here; the code's closing tags are left out:
    a stream ends at its first end-of-sequence token.
    """
    if streams < 1:
        raise PlaitError(f"the number of streams is {streams}; it must be >= 1")
    paths = [Segment(f"stream {j}", length, header.format(j=j)) for j in range(1, streams + 1)]
    return Layout((*paths, Segment("summary", summary, summary_header)), cross)
