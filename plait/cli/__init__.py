"""The command line. Each file of this folder is a command; a leading underscore hides a helper.

The file `name.py` holds the function `name`, whose signature is the options and whose first
docstring line is the help. It returns the exit code and imports what is slow only when called.
"""

import functools
import os
import sys
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from .. import __version__
from ..errors import Notice, PlaitError
from ._say import FAULT, INTERRUPTED, say

# The one public name that all of typer's usage errors descend from, in every version so far.
UsageError: type[Exception] = typer.BadParameter.__bases__[0]

Command = Callable[..., int]


def names() -> list[str]:
    """Return the names of all commands; a hyphen stands for the underscore of a file."""
    return sorted(p.stem.replace("_", "-") for p in Path(__file__).parent.glob("[a-z]*.py"))


def app() -> typer.Typer:
    """Return the application with every command of the folder."""
    plait = typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    plait.callback(help="Decode diffusion language models in parallel reasoning streams.")(_root)
    for name in names():
        own = name.replace("-", "_")
        command: Command = getattr(import_module(f"{__name__}.{own}"), own)
        plait.command(name)(_guarded(command))
    return plait


def main(args: list[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, or 1 or 2 after a sentence on stderr."""
    args = sys.argv[1:] if args is None else args
    # Before torch comes. Its threads would spin while they wait for each other: a third faster on
    # idle cores, but ten times slower where other work shares them.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        with warnings.catch_warnings():
            warnings.showwarning = functools.partial(_told, warnings.showwarning)
            code = app()(args=args or ["--help"], prog_name="plait", standalone_mode=False)
    except UsageError as error:
        told = error.format_message().replace("\n", " ")  # type: ignore[attr-defined]
        say(told.replace("Value error, ", ""))  # which pydantic puts before a reason
        return FAULT
    except (KeyboardInterrupt, typer.Abort):  # before a command has begun
        say("stopped")
        return INTERRUPTED
    return code or 0


def _told(
    usual: Callable[..., None], message: Warning, category: type[Warning], *where: object
) -> None:
    """Show a warning: a notice as a sentence, any other as usual."""
    if issubclass(category, Notice):
        say(str(message))
    else:
        usual(message, category, *where)


def _guarded(command: Command) -> Command:
    """The command, with one sentence on stderr in place of what a user can cause."""

    @functools.wraps(command)
    def run(*args: object, **options: object) -> int:
        try:
            code = command(*args, **options)
            sys.stdout.flush()
            return code
        except PlaitError as error:
            say(str(error))
            return FAULT
        except KeyboardInterrupt:
            say("stopped")
            return INTERRUPTED
        except BrokenPipeError:  # the reader, like `head`, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            return 1
        except OSError as error:
            if error.filename is None and error.strerror is None:
                raise
            place = f"{error.filename}: " if error.filename else ""
            say(f"{place}{error.strerror}")
            return FAULT

    return run


def _version(wanted: bool) -> bool:
    if wanted:
        typer.echo(f"plait {__version__}")
        raise typer.Exit
    return wanted


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Hold the options that stand before a command."""
    del version
