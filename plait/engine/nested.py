"""Records of records, as one list of tensors."""

import dataclasses
from collections.abc import Callable
from typing import Any

from jaxtyping import Int
from torch import Tensor


def mapped(tree: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Nested records with every tensor changed."""
    if isinstance(tree, Tensor):
        return change(tree)
    if isinstance(tree, dict):
        return {key: mapped(value, change) for key, value in tree.items()}
    if isinstance(tree, (tuple, list)):
        return type(tree)(mapped(value, change) for value in tree)
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        names = [f.name for f in dataclasses.fields(tree)]
        changed = {name: mapped(getattr(tree, name), change) for name in names}
        return dataclasses.replace(tree, **changed)
    return tree


def overwrite(tree: Any, rows: Int[Tensor, " N"], new: Any) -> None:
    """Write nested records over some rows of others of their kind, in place."""
    for home, value in zip(leaves(tree), leaves(new), strict=True):
        home.index_copy_(0, rows, value)


def leaves(tree: Any) -> list[Tensor]:
    """All tensors of nested records, in a fixed order."""
    found: list[Tensor] = []
    mapped(tree, lambda x: found.append(x) or x)  # type: ignore[func-returns-value]
    return found
