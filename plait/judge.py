"""Judges: decoders that look at several versions of a canvas in one forward pass.

A judge keeps branches for each row: tokens that might be written next. Its round starts with one
forward pass over the row and all its branches, and ends with the ordinary `observe` and `act` on
the version it chose, which cost nothing more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from .canvas import Canvas
from .decode import Round
from .look import scope
from .parts import Denoiser, View


@dataclass(frozen=True)
class Branches:
    """Tokens that versions of a row add to it; position -1 = nothing. Leading axis B."""

    position: Int[Tensor, "B K"]
    token: Int[Tensor, "B K"]
    score: Float[Tensor, "B K"]  # log-probability of the token when it was proposed, nats

    @staticmethod
    def none(canvas: Canvas, count: int) -> "Branches":
        """No branch yet, in each of `count` places."""
        blank = canvas.tokens.new_full((len(canvas.tokens), count), -1)
        return Branches(blank, blank, torch.zeros(blank.shape, device=blank.device))

    @staticmethod
    def best(view: View, among: Bool[Tensor, "B L"], count: int) -> "Branches":
        """The `count` most confident candidates of `among`, surest first."""
        score, position = view.chosen.masked_fill(~among, -torch.inf).sort(
            dim=1, descending=True, stable=True
        )
        room = (0, count - min(count, score.shape[1]))  # a canvas may be shorter than that
        score = F.pad(score[:, :count], room, value=-torch.inf)
        position = F.pad(position[:, :count], room)
        found = Branches(position, view.draw.gather(1, position), score)
        return found.only(score > -torch.inf)

    def only(self, keep: Bool[Tensor, "B K"]) -> "Branches":
        """The branches where `keep` holds; nothing in the other places."""
        return replace(self, position=torch.where(keep, self.position, -1))

    def written(self, canvas: Canvas, which: Bool[Tensor, "B K"]) -> Canvas:
        """The canvas with the tokens of `which` written."""
        where, tokens = torch.zeros_like(canvas.given), canvas.tokens.clone()
        row, place = (which & (self.position >= 0)).nonzero(as_tuple=True)
        where[row, self.position[row, place]] = True
        tokens[row, self.position[row, place]] = self.token[row, place]
        return canvas.write(where, tokens)


class Known:
    """The logits of some versions of a canvas, looked up instead of computed."""

    def __init__(
        self, versions: Sequence[Canvas], logits: Float[Tensor, "N V"], needs: frozenset[str]
    ):
        self._rows: dict[tuple[int, bytes], Tensor] = {}
        self.vocab, start = logits.shape[-1], 0
        for canvas in versions:
            where = scope(canvas, canvas.masked, needs)
            for i, key in enumerate(canvas.key.tolist()):
                places = where[i].nonzero()[:, 0]
                full = logits.new_zeros(where.shape[1], self.vocab)
                full[places] = logits[start : start + len(places)]
                start += len(places)
                self._rows.setdefault((key, _text(canvas, i)), full)

    def __call__(self, canvas: Canvas, where: Bool[Tensor, "B L"]) -> Float[Tensor, "N V"]:
        """Return the logits of rows that are among the versions."""
        rows = [self._rows[key, _text(canvas, i)] for i, key in enumerate(canvas.key.tolist())]
        return torch.cat(
            [row[: where.shape[1]][mask] for row, mask in zip(rows, where, strict=True)]
        )


def _text(canvas: Canvas, row: int) -> bytes:
    return canvas.tokens[row, : int(canvas.length[row])].cpu().numpy().tobytes()


def look_at(model: Denoiser, versions: Sequence[Canvas], needs: frozenset[str]) -> Known:
    """One forward pass over all versions; a version equal to the first of its row is left out."""
    first = versions[0]
    kept = [first]
    for canvas in versions[1:]:
        differs = (canvas.tokens != first.tokens).any(1).nonzero()[:, 0]
        if len(differs):
            kept.append(canvas.rows(differs))
    together = Canvas.joined(kept)
    return Known(kept, model(together, scope(together, together.masked, needs)).float(), needs)


def then(first: Round, second: Round) -> Round:
    """Two rounds told as one; the second started from the canvas that the first left."""
    draw = torch.where(first.commit, first.view.draw, second.view.draw)
    chosen = torch.where(first.commit, first.view.chosen, second.view.chosen)
    return replace(
        second,
        view=replace(second.view, canvas=first.view.canvas, draw=draw, chosen=chosen),
        commit=first.commit | second.commit,
        fill=first.fill | second.fill,
    )


def adding(branches: Branches, which: Bool[Tensor, "B K"], canvas: Canvas, done: Round) -> Round:
    """The round `done`, told from `canvas` on, to which the tokens of `which` were added first."""
    before = branches.written(canvas, which)
    added = before.tokens != canvas.tokens
    score = torch.zeros_like(done.view.chosen)
    row, place = (which & (branches.position >= 0)).nonzero(as_tuple=True)
    score[row, branches.position[row, place]] = branches.score[row, place]
    none = torch.zeros_like(added)
    view = replace(done.view, canvas=canvas, draw=before.tokens, chosen=score)
    return then(Round(view, added, none, none, none, before), done)
