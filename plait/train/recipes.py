"""Recipes: a Python function per training run that returns its whole configuration.

`plait train NAME --set model.layers=9` changes one field of what NAME returns. A recipe of your
own is a function without arguments in a file: `plait train my.py:recipe`.
"""

import runpy
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..errors import PlaitError, unknown
from ..models import box
from ..models.transformer import Config
from . import laws, weights
from .batches import Ends
from .canvas_data import Rows
from .corrupt import Corruption
from .objective import Objective
from .recipe import Lora as Lora
from .recipe import Optimiser as Optimiser
from .recipe import Recipe as Recipe
from .recipe import Start as Start
from .records import Records
from .settings import change, read
from .view import View

BOUND = Objective(weights.load("inverse"), "free")
TUNING = Optimiser(rate=2e-5, warmup=50, cooldown=1.0, betas=(0.9, 0.95), decay=0.01)


def plait_tiny() -> Recipe:
    """The model in the box: 11 M parameters that solve our own tasks in parallel streams."""
    return Recipe(
        model=Config(vocab=768, width=320, layers=9, heads=5, kv_heads=5, hidden=896, context=320),
        codec=box.HERE / "plait-tiny" / box.CODEC,
        rows=Rows(positions=43_264, shuffle=False),  # shuffled, streams are not sure how to begin
        objective=BOUND,
        optimiser=Optimiser("muon", rate=1.5e-3),
        graphed=True,
        half=True,
        checkpoints=0,
    )


def ar_tiny() -> Recipe:
    """An autoregressive model of the same texts, to stand beside the one in the box (`--aux`)."""
    shape = Config(vocab=768, width=256, layers=6, heads=4, kv_heads=4, hidden=704, context=320)
    return replace(
        plait_tiny(),
        model=replace(shape, attention="causal", shift=True),
        corruption=Corruption(low=1.0, high=1.0),
        view=View("text"),
        objective=Objective(),
    )


def toy() -> Recipe:
    """A run of seconds on a CPU, for tests and for a first look."""
    return Recipe(
        model=Config(vocab=768, width=32, layers=2, heads=2, kv_heads=1, hidden=64, head_dim=16),
        codec=box.HERE / "plait-tiny" / box.CODEC,
        rows=Rows(positions=2496, workers=0),
        optimiser=Optimiser(rate=1e-2, warmup=5),
        average=0.9,
        steps=20,
        log_every=5,
    )


def llada_sft() -> Recipe:
    """LLaDA's fine-tuning (arXiv:2502.09992): 1/t, each row by its own length, ends trained."""
    return Recipe(
        model=Start(),
        rows=Records(form="plain"),
        corruption=Corruption(levels="uniform"),
        objective=Objective(weights.load("inverse"), "row"),
        optimiser=TUNING,
        head="masked",
        steps=2000,
    )


def dream_sft() -> Recipe:
    """Dream's fine-tuning (arXiv:2508.15487): CART, the mean of masked tokens, random cut-off."""
    return replace(
        llada_sft(),
        rows=Records(form="plain", ends=Ends("hidden", "row")),
        objective=Objective(weights.load("cart"), "masked"),
    )


def nap() -> Recipe:
    """NAP (arXiv:2602.23225): several paths on one canvas, CART, the mean of masked tokens.

    The paper's layout and options; its learning rate is 2e-6 for models of 8 billion weights.
    """
    return replace(llada_sft(), rows=Records(), objective=Objective(weights.load("cart"), "masked"))


def long_cot() -> Recipe:
    """NAP's baseline (arXiv:2602.23225): the same paths one after another in one stream."""
    return replace(nap(), rows=Records(form="long_cot"))


def convert() -> Recipe:
    """An autoregressive model becomes a masked one, all at once and without shift (dllm's A2D)."""
    return Recipe(
        model=Start(attention="full", shift="no"),
        rows=Records(form="plain"),
        objective=BOUND,
        optimiser=replace(TUNING, rate=1e-4, warmup=200),
        head="masked",
        steps=5000,
    )


def convert_shift() -> Recipe:
    """The same with the shift kept and attention annealed (DiffuLLaMA, arXiv:2410.17891)."""
    return replace(
        convert(),
        model=Start(attention="full", shift="yes"),
        objective=Objective(weights.load("inverse"), "masked"),
        view=View(anneal=1000),
        compiled=False,
    )


def block_diffusion() -> Recipe:
    """BD3-LM (arXiv:2503.09573): blocks in order, each a small diffusion; a level for each."""
    return replace(
        convert(),
        model=Start(attention="block", block=16, shift="no"),
        rows=Records(form="plain", ends=Ends("block")),
        corruption=Corruption(per="block"),
        view=View("clean", block=16),
    )


def efficient_dlm() -> Recipe:
    """Efficient-DLM: block diffusion with clean context and masks that come from the right."""
    return replace(
        block_diffusion(), corruption=Corruption(law=laws.load("positional"), per="block")
    )


RECIPES: dict[str, Callable[[], Recipe]] = {
    f.__name__: f
    for f in (
        plait_tiny,
        ar_tiny,
        toy,
        llada_sft,
        dream_sft,
        nap,
        long_cot,
        convert,
        convert_shift,
        block_diffusion,
        efficient_dlm,
    )
}


def load(name: str, settings: list[str] | None = None) -> Recipe:
    """The recipe `name`, or FILE.py:FUNCTION, with `settings` like "model.layers=9" applied."""
    if ":" in name:
        found = _own(*name.rsplit(":", 1))
    elif name in RECIPES:
        found = RECIPES[name]()
    elif name.endswith(".py"):
        raise PlaitError(f"'{name}' names no function: write {name}:FUNCTION")
    else:
        raise unknown("recipe", name, RECIPES)
    changed: Recipe = change(found, read(settings))
    return changed


def _own(file: str, function: str) -> Recipe:
    if not Path(file).is_file():
        raise PlaitError(f"there is no file '{file}' with a recipe")
    try:
        made = runpy.run_path(file).get(function)
        recipe = made() if callable(made) else None
    except PlaitError:
        raise
    except Exception as error:  # whatever a user's own code may raise
        why = f"{type(error).__name__}: {getattr(error, 'msg', error)}"
        raise PlaitError(f"{file}{_line(file, error)} fails with {why}") from error
    if not isinstance(recipe, Recipe):
        raise PlaitError(f"{file} has no function '{function}' that returns a Recipe")
    return recipe


def _line(file: str, error: Exception) -> str:
    """Where in the file an error came up; nothing where it does not say."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == file]
    if isinstance(error, SyntaxError) and error.filename == file:
        lines = [error.lineno]
    return f", line {lines[-1]}," if lines else ""
