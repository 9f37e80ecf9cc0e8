"""`plait cite`: BibTeX for the papers behind decoding methods."""

from typing import Annotated

from typer import Argument

from . import _catalogue


def cite(
    names: Annotated[list[str], Argument(help="Methods, as `plait methods` lists them.")],
) -> int:
    """Print BibTeX entries for methods, one per paper."""
    entries = {entry.arxiv: entry for entry in map(_catalogue.entry, names)}
    for entry in entries.values():
        print(bibtex(entry))
    return 0


def bibtex(entry: _catalogue.Entry) -> str:
    """The BibTeX entry of a method's paper."""
    return (
        f"@misc{{arxiv:{entry.arxiv},\n"
        f"  eprint = {{{entry.arxiv}}},\n"
        f"  archivePrefix = {{arXiv}},\n"
        f"  url = {{https://arxiv.org/abs/{entry.arxiv}}},\n"
        f"  note = {{{entry.line} Run as {entry.name} by plait}}\n"
        "}"
    )
