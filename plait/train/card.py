"""The model card that a run leaves: what was trained, on what, how, and how to use it."""

import json
import platform
from typing import TYPE_CHECKING

import torch
from torch import nn

from .. import __version__
from .origin import CONVERTED
from .recipe import Recipe, Start
from .records import Records
from .settings import plain

if TYPE_CHECKING:
    from .run import Result

CARD = "README.md"


def text(recipe: Recipe, result: "Result", net: nn.Module) -> str:
    """The card of a run, in Markdown."""
    every = sum(w.numel() for w in net.parameters())
    changed = sum(w.numel() for w in net.parameters() if w.requires_grad)
    begun = recipe.model.name if isinstance(recipe.model, Start) else "random weights"
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()
    facts = {
        "started from": begun,
        "weights": f"{every:,}, of which {changed:,} were trained",
        "data": f"{recipe.rows.file}: {result.data}"
        if isinstance(recipe.rows, Records)
        else f"{result.data}: {', '.join(recipe.rows.tasks)}",
        "steps": f"{result.steps:,}" + (" (stopped before its end)" if result.stopped else ""),
        "seed": recipe.seed,
        "trained on": f"{device}, with plait {__version__} and torch {torch.__version__}",
    }
    if result.rows:
        last = result.rows[-1]
        facts["time"] = f"{last['seconds'] / 60:.1f} minutes"
        facts["loss"] = f"{result.rows[0]['loss']:.4f} at first, {last['loss']:.4f} at last (nats)"
    listed = "\n".join(f"- {name}: {value}" for name, value in facts.items())
    folder = result.folder.name
    use = f'plait.load("{folder}")'
    if recipe.lora.rank:
        converted = (result.folder / CONVERTED).is_dir()
        base = f"{folder}/{CONVERTED}" if converted else begun
        use = f'plait.load("{base}", adapter="{folder}")'
    return (
        f"# {folder}\n\nA masked diffusion language model, trained with plait. "
        "The weights here are the moving average of those that were trained. "
        "Nothing in this card says how good it is: `plait eval` measures that.\n\n"
        f"{listed}\n\nUse it with `{use}`.\n\n## Recipe\n\n"
        f"```json\n{json.dumps(plain(recipe), indent=1)}\n```\n"
    )
