"""`plait methods`: the decoding methods and their options."""

import json
from dataclasses import asdict
from typing import Annotated

from typer import Argument, Option

from . import _catalogue
from ._catalogue import Entry
from ._options import Json
from .cite import bibtex

MARKDOWN = (
    "# Decoding methods",
    "",
    "Written by `plait methods --markdown > docs/methods.md`. A method with a budget takes",
    "`--tokens-per-round` or `--rounds`, and one with a second model `--aux`; other options are",
    "given by `--set name=value`. Needs: what a method asks of the model or the canvas beyond",
    "logits. Exact: when it draws from the model's own law, or loses nothing; the others",
    "approximate.",
    "[Which one to choose](choose-a-method.md).",
)

NOTES = (
    "budget: --tokens-per-round or --rounds; aux: --aux; the others: --set name=value.\n"
    "Exact methods draw from the model's law, or lose nothing; the others approximate."
)


def methods(
    name: Annotated[str | None, Argument(help="Show this method only.", show_default=False)] = None,
    as_json: Json = False,
    markdown: Annotated[
        bool, Option("--markdown", help="Write the page docs/methods.md instead.")
    ] = False,
) -> int:
    """List the decoding methods, or show one."""
    found = [_catalogue.entry(name)] if name else _catalogue.entries()
    if as_json:
        print(json.dumps(asdict(found[0]) if name else [asdict(e) for e in found], indent=2))
    elif markdown:
        print(_markdown(found))
    elif name:
        print(page(found[0]))
    else:
        table("method", found, NOTES)
    return 0


def table(kind: str, found: list[Entry], notes: str) -> None:
    """Print entries as a table, and notes below it."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in (kind, "what it does", "arXiv", "options"):
        made.add_column(column, no_wrap=column in (kind, "arXiv"))
    for entry in found:
        facts = "\n".join([entry.line, *_facts(entry)])
        cells = (entry.name, facts, entry.arxiv, "\n".join(_options(entry)))
        made.add_row(*(Text(cell) for cell in cells), end_section=True)
    console = Console(highlight=False)
    console.print(made)
    console.print(f"\n{notes}\n'plait {kind}s NAME' shows one {kind}.")


def _facts(entry: Entry) -> list[str]:
    """Parts, needs and exactness, a line each."""
    parts = f"parts: {', '.join(entry.parts)}"
    return [parts, f"needs: {entry.needs or 'logits'}", f"exact: {entry.exact or 'no'}"]


def _options(entry: Entry) -> list[str]:
    """The options with their defaults."""
    shared = [name for name in ("budget", "aux") if getattr(entry, name)]
    return shared + [f"{s.name}={s.default}" for s in entry.settings]


def page(entry: Entry, flag: str = "--set") -> str:
    """All that one entry says of itself."""
    lines = [entry.origin, "", entry.what, "", *_facts(entry), "", "Options:"]
    if entry.budget:
        lines.append("  --tokens-per-round N, or --rounds N")
    if entry.aux:
        lines.append("  --aux MODEL  (the second model)")
    lines += [f"  {flag} {s.name}={s.default}  ({s.type})" for s in entry.settings]
    return "\n".join([*lines, "", bibtex(entry)])


def _markdown(found: list[Entry]) -> str:
    """The methods as a page, one row each."""
    head = ("method", "what it does", "paper", "parts", "needs", "exact", "options")
    rows = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for entry in found:
        options = [o if "=" not in o else f"`{o}`" for o in _options(entry)]
        source = f"[`{entry.name}`](../plait/methods/{entry.name}.py)"
        paper = f"[{entry.arxiv}](https://arxiv.org/abs/{entry.arxiv})" if entry.arxiv else ""
        facts = (", ".join(entry.parts), entry.needs or "logits", entry.exact or "no")
        rows.append(f"| {' | '.join((source, entry.line, paper, *facts, ', '.join(options)))} |")
    return "\n".join([*MARKDOWN, "", *rows])
