"""`plait methods`: the decoding methods and their options."""

import json
from dataclasses import asdict
from typing import Annotated

from typer import Argument, Option

from . import _catalogue
from ._catalogue import Entry
from ._options import Json

MARKDOWN = (
    "# Decoding methods",
    "",
    "Written by `plait methods --markdown > docs/methods.md`. A method with a budget takes",
    "`--tokens-per-round` or `--rounds`; its other options are given by `--set name=value`.",
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
        print(_page(found[0]))
    else:
        _table(found)
    return 0


def _table(found: list[Entry]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("method", "what it does", "arXiv", "options"):
        table.add_column(column, no_wrap=column in ("method", "arXiv"))
    for entry in found:
        budget = ["budget"] if entry.budget else []
        options = budget + [f"{s.name}={s.default}" for s in entry.settings]
        cells = (entry.name, entry.line, entry.arxiv, "\n".join(options))
        table.add_row(*(Text(cell) for cell in cells), end_section=True)
    console = Console(highlight=False)
    console.print(table)
    console.print(
        "\nbudget: --tokens-per-round or --rounds; the other options: --set name=value.\n"
        "'plait methods NAME' shows one method."
    )


def _page(entry: Entry) -> str:
    lines = [entry.origin, "", entry.what, "", "Options:"]
    if entry.budget:
        lines.append("  --tokens-per-round N, or --rounds N")
    lines += [f"  --set {s.name}={s.default}  ({s.type})" for s in entry.settings]
    if entry.arxiv:
        lines += ["", f"https://arxiv.org/abs/{entry.arxiv}"]
    return "\n".join(lines)


def _markdown(found: list[Entry]) -> str:
    """The methods as a page, one row each."""
    rows = ["| method | what it does | paper | options |", "|---|---|---|---|"]
    for entry in found:
        options = ["budget"] if entry.budget else []
        options += [f"`{s.name}={s.default}`" for s in entry.settings]
        source = f"[`{entry.name}`](../plait/methods/{entry.name}.py)"
        paper = f"[{entry.arxiv}](https://arxiv.org/abs/{entry.arxiv})" if entry.arxiv else ""
        rows.append(f"| {source} | {entry.line} | {paper} | {', '.join(options)} |")
    return "\n".join([*MARKDOWN, "", *rows])
