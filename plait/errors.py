"""Errors a user can meet: one sentence that says what is wrong, where, and what to do."""

import difflib
from collections.abc import Iterable


class PlaitError(Exception):
    """A mistake in the input, not in plait. The command line prints it without a traceback."""


class Notice(UserWarning):
    """What a user should know, though all goes on. The command line prints it as a sentence."""


def unknown(kind: str, name: str, known: Iterable[str]) -> PlaitError:
    """Say that `name` is not a known `kind`, and which known one it resembles most."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    return PlaitError(f"unknown {kind} '{name}'{hint} (known: {', '.join(known) or 'none'})")


def missing(what: str, package: str, extra: str) -> PlaitError:
    """Say that `what` needs a package that is not there, and which extra of plait brings it."""
    return PlaitError(
        f'{what} needs {package}, which is not installed: pip install "plait[{extra}]"'
    )
