"""Autoregressive scorers: log p of many pieces of text that share what stands before them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from tokenizers import Tokenizer
from torch import Tensor

from ..canvas import Canvas
from ..errors import PlaitError
from ..models.codec import TokenizerCodec
from ..models.load import Model


@dataclass(frozen=True)
class Piece:
    """Some token ids that continue another piece of the same tree."""

    ids: tuple[int, ...]
    after: int | None = None  # index of the piece before; None = a root: nothing stands before
    scored: bool = True  # a root never is: nothing predicts its first token


Tree = Sequence[Piece]  # a piece comes after the one that it continues


@runtime_checkable
class Scorer(Protocol):
    """Scores pieces of text, each given the pieces before it and no others."""

    def __call__(self, trees: Sequence[Tree]) -> list[list[np.ndarray]]:
        """Return for each piece log p of its tokens, in nats; empty where it is not scored."""
        ...


@dataclass(frozen=True)
class CausalScorer:
    """An autoregressive model as a scorer: a tree is one row of one forward pass.

    Pieces stand one after another in the row, at the positions that they have in their own text,
    and see the pieces that they continue only; so a prompt is computed once for all that follow
    it. Each piece starts with a copy of the token before it, which predicts its first token.
    A row begins with what the tokenizer puts before any text, such as a beginning of sequence.
    The mask token, which plait gives every model, has probability 0.
    """

    model: Model

    def __post_init__(self) -> None:
        net = getattr(self.model.denoiser, "net", None)
        if net is None or net.config.attention != "causal" or not net.config.shift:
            raise PlaitError(
                f"{self.model.name} is not autoregressive: a scorer predicts each token from those "
                "before it; choose a causal language model"
            )

    @property
    def name(self) -> str:
        """The model, for the conditions of a result."""
        return self.model.name

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        return self.model.device

    @property
    def encode(self) -> Callable[[str], list[int]]:
        """From text to token ids; PlaitError for signs without tokens."""
        return self.model.codec.literal

    @cached_property
    def _opening(self) -> tuple[int, ...]:
        codec = self.model.codec
        if not isinstance(codec, TokenizerCodec):
            return ()
        tokens = Tokenizer.from_str(codec.definition)
        return opening(tokens.encode("a").ids, tokens.encode("a", add_special_tokens=False).ids)

    def __call__(self, trees: Sequence[Tree]) -> list[list[np.ndarray]]:
        """Score some trees in one forward pass."""
        codec = self.model.codec
        rows = [pack(tree, codec.eos_id, self._opening) for tree in trees]
        within(rows, self.model.context, self.model.name)
        tokens, pos, visible, where = stacked(rows, codec.eos_id)
        canvas = Canvas(
            tokens=tokens,
            region=torch.zeros_like(tokens),
            pos=pos,
            length=torch.tensor([len(row.tokens) for row in rows]),
            key=torch.arange(len(rows)),
            mask_id=codec.mask_id,
            eos_id=codec.eos_id,
            group=torch.full_like(tokens, -1),
            blind=~visible,
        ).to(self.model.device)
        where = where.to(self.model.device)
        mask = torch.tensor([codec.mask_id], device=where.device)
        logits = self.model.denoiser(canvas, where).index_fill(-1, mask, -torch.inf)
        return scores(trees, logits, canvas.tokens[where])


@dataclass(frozen=True)
class Packed:
    """A tree as one row."""

    tokens: Int[Tensor, " L"]
    pos: Int[Tensor, " L"]
    visible: Bool[Tensor, "L L"]  # before causality, which goes by `pos`
    where: Bool[Tensor, " L"]  # tokens that are scored


def _counts(piece: Piece) -> bool:
    return piece.scored and piece.after is not None


def opening(framed: Sequence[int], bare: Sequence[int]) -> tuple[int, ...]:
    """What a tokenizer puts before a text, from the text's ids with its own tokens and without."""
    starts = range(len(framed) - len(bare) + 1)
    return tuple(framed[: next(i for i in starts if [*framed[i : i + len(bare)]] == [*bare])])


def pack(tree: Tree, start: int, opening: tuple[int, ...] = ()) -> Packed:
    """Lay a tree out in a row, `opening` before each root; `start` stands in for an empty one."""
    tokens: list[int] = []
    pos: list[int] = []
    owner: list[int] = []  # of each token, its piece; copies belong to nobody else's past
    copy: list[bool] = []
    where: list[bool] = []
    last: list[int] = []  # of each piece, the last token of the text up to it
    ends: list[int] = []  # of each piece, the length of the text up to it
    past: list[set[int]] = []
    for number, piece in enumerate(tree):
        root = piece.after is None
        ids = ((*opening, *piece.ids) or (start,)) if root else piece.ids
        begin = 0 if piece.after is None else ends[piece.after]
        extra = [] if piece.after is None else [last[piece.after]]
        tokens += [*extra, *ids]
        pos += range(begin - len(extra), begin + len(ids))
        owner += [number] * (len(extra) + len(ids))
        copy += [True] * len(extra) + [False] * len(ids)
        where += [False] * len(extra) + [_counts(piece)] * len(ids)
        ends.append(begin + len(ids))
        last.append([*extra, *ids][-1])
        past.append(set() if piece.after is None else past[piece.after] | {piece.after})
    at, who, doubled = torch.tensor(pos), torch.tensor(owner), torch.tensor(copy)
    related = torch.zeros(len(tree), len(tree), dtype=torch.bool)
    for number, ancestors in enumerate(past):
        related[number, list(ancestors)] = True
    first = torch.tensor([0 if p.after is None else ends[p.after] - 1 for p in tree])
    told = related[who][:, who] & ~doubled & (at < first[who][:, None])
    mine = who[:, None] == who
    return Packed(torch.tensor(tokens), at, told | mine, torch.tensor(where))


def within(rows: Sequence[Packed], context: int, name: str) -> None:
    """Raise PlaitError if a text is longer than the model reads (0 = no limit)."""
    deepest = max(int(row.pos.max()) + 1 for row in rows)
    if 0 < context < deepest:
        raise PlaitError(f"the text has {deepest} tokens and {name} reads {context}")


def stacked(
    rows: Sequence[Packed], fill: int
) -> tuple[
    Int[Tensor, "B L"], Int[Tensor, "B L"], Bool[Tensor, "B L L"], Bool[Tensor, "B L"]
]:  # fmt: skip
    """Packed rows padded on the right: tokens, positions, who may see whom, what is scored."""
    width = max(len(row.tokens) for row in rows)
    shape = (len(rows), width)
    tokens = torch.full(shape, fill)
    pos, where = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.bool)
    visible = torch.zeros(*shape, width, dtype=torch.bool)
    for i, row in enumerate(rows):
        size = len(row.tokens)
        tokens[i, :size], pos[i, :size], where[i, :size] = row.tokens, row.pos, row.where
        visible[i, :size, :size] = row.visible
    return tokens, pos, visible, where


def scores(
    trees: Sequence[Tree], logits: Float[Tensor, "N V"], tokens: Int[Tensor, " N"]
) -> list[list[np.ndarray]]:
    """log p of the scored tokens of all trees, in nats, put back into their pieces."""
    logits = logits.float()
    own = logits.gather(-1, tokens[:, None])[:, 0]
    values = (own.double() - logits.logsumexp(-1).double()).cpu().numpy()
    out, start = [], 0
    for tree in trees:
        found = []
        for piece in tree:
            size = len(piece.ids) if _counts(piece) else 0
            found.append(values[start : start + size])
            start += size
        out.append(found)
    return out
