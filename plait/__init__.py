"""plait decodes diffusion language models truly in parallel.

import plait
model = plait.load("plait-tiny")
for answer in plait.generate(model, ["What is 4821 * 937?"], method="nap"):
    print(answer.answer, answer.rounds)
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .budget import Budget as Budget
    from .canvas import Canvas as Canvas
    from .decode import Decoder as Decoder
    from .decode import decode as decode
    from .errors import PlaitError as PlaitError
    from .generate import Answer as Answer
    from .generate import generate as generate
    from .layout import Layout as Layout
    from .layout import nap as nap
    from .layout import plain as plain
    from .models.load import Model as Model
    from .models.load import load as load
    from .parts import Denoiser as Denoiser
    from .trace import Trace as Trace

__version__ = "0.1.0"

# Where each public name lives. Imported on first use: `import plait` must not wait for torch.
_HOME = {
    "Answer": "generate",
    "Budget": "budget",
    "Canvas": "canvas",
    "Decoder": "decode",
    "Denoiser": "parts",
    "Layout": "layout",
    "Model": "models.load",
    "PlaitError": "errors",
    "Trace": "trace",
    "decode": "decode",
    "generate": "generate",
    "load": "models.load",
    "nap": "layout",
    "plain": "layout",
}
__all__ = sorted(_HOME)


class _Package(ModuleType):
    """The package itself: finds public names late, and keeps `decode` a function.

    Importing the submodule `plait.decode` would otherwise hide the function `plait.decode`.
    """

    def __getattr__(self, name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"module 'plait' has no attribute '{name}'")
        value = getattr(import_module(f".{_HOME[name]}", __name__), name)
        self.__dict__[name] = value
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return __all__


sys.modules[__name__].__class__ = _Package
