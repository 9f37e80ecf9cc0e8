"""The teachers: one file each, and the folder is the list of them.

A teacher is asked for several paths for each of some questions, and yields (number of the
question, its paths) as they are done. An option of its function is a setting of `--set`; those
after `*` say how it is asked and not what it answers, and may differ from run to run.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, get_type_hints

from ...errors import PlaitError
from ...registry import Folder
from ..sample import Drawn, Question

Gathered = Iterator[tuple[int, list[Drawn]]]
Teacher = Callable[[Sequence[Question], int, int], Gathered]  # questions, paths of each, seed
PROMPT = "{prompt}"
_FOLDER = Folder("teacher", __name__, __file__)


def names() -> list[str]:
    """List the teachers by name."""
    return _FOLDER.names()


def options_of(name: str) -> dict[str, Any]:
    """The settings of a teacher, by name, with the type of each."""
    hints = get_type_hints(_FOLDER.function(name))
    return {key: hint for key, hint in hints.items() if key != "return"}


def settings_of(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """All settings of a teacher: what is given, and else the defaults; PlaitError if one lacks."""
    known = inspect.signature(_FOLDER.function(name)).parameters
    found = {key: given.get(key, option.default) for key, option in known.items()}
    for key, value in found.items():
        if value is inspect.Parameter.empty:
            raise PlaitError(f"teacher '{name}' needs its {key}: give --set {key}=...")
    return found


def deciding(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Those of some settings that decide what a teacher answers."""
    known = inspect.signature(_FOLDER.function(name)).parameters
    how = inspect.Parameter.KEYWORD_ONLY
    return {key: value for key, value in settings.items() if known[key].kind is not how}


def load(name: str, **settings: Any) -> Teacher:
    """Make a teacher; PlaitError for a name or setting that does not exist."""
    made: Teacher = _FOLDER.load(name, **settings)
    return made


def gathered(drawn: Iterable[tuple[int, Drawn | None]], count: int) -> Gathered:
    """Group single paths, numbered across questions, as soon as a question has all of its own.

    None stands for a path that could not be asked for; it is left out.
    """
    waiting: dict[int, dict[int, Drawn | None]] = {}
    for number, path in drawn:
        question, place = divmod(number, count)
        mine = waiting.setdefault(question, {})
        mine[place] = path
        if len(mine) == count:
            every = (mine[i] for i in range(count))
            yield question, [path for path in every if path is not None]
            del waiting[question]


def asked(ask: str, question: Question) -> str:
    """What a teacher is sent for a question: `ask` with the problem in the place of {prompt}."""
    if PROMPT not in ask:
        raise PlaitError(f"--set ask='{ask}' has no {PROMPT}, where the problem goes")
    return ask.replace(PROMPT, question.prompt)
