"""Records of records with tensors in them: what parts remember, what a round leaves."""

import dataclasses
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor


def mapped(change: Callable[..., Tensor], tree: Any, *others: Any) -> Any:
    """Nested records with every tensor changed, along with those at its place in others alike."""
    if isinstance(tree, Tensor):
        return change(tree, *others)
    if isinstance(tree, dict):
        return {key: mapped(change, one, *(o[key] for o in others)) for key, one in tree.items()}
    if isinstance(tree, (tuple, list)):
        return type(tree)(mapped(change, *these) for these in zip(tree, *others, strict=True))
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        names = [f.name for f in dataclasses.fields(tree)]
        every = tree, *others
        changed = {name: mapped(change, *(getattr(one, name) for one in every)) for name in names}
        return dataclasses.replace(tree, **changed)
    return tree


def leaves(tree: Any) -> list[Tensor]:
    """All tensors of nested records, in a fixed order."""
    found: list[Tensor] = []
    mapped(lambda x: found.append(x) or x, tree)  # type: ignore[func-returns-value]
    return found


def take(tree: Any, rows: Int[Tensor, " N"]) -> Any:
    """Some rows of nested records: every tensor, indexed on its leading axis."""
    return mapped(lambda x: x[rows], tree)


def choose(rows: Bool[Tensor, " B"], one: Any, other: Any) -> Any:
    """Nested records of the same kind with the rows of `one` in `rows`, of `other` elsewhere."""
    return mapped(lambda x, y: torch.where(rows.reshape(-1, *[1] * (x.ndim - 1)), x, y), one, other)


def overwrite(tree: Any, rows: Int[Tensor, " N"], new: Any) -> None:
    """Write nested records over some rows of others of their kind, in place."""
    for home, value in zip(leaves(tree), leaves(new), strict=True):
        home.index_copy_(0, rows, value)
