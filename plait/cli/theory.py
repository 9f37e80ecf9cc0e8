"""`plait theory`: the theory of optimal parallel sampling, run on circuits and laws."""

import json
from enum import StrEnum
from typing import Annotated, Any

from typer import Argument, Option

from ..errors import PlaitError
from ._options import Json, Seed
from ._table import table

DRAWS = 3_000  # for methods that cannot be enumerated: a radius of 0.18 on 8 bits


class Action(StrEnum):
    """What to do."""

    compile = "compile"
    run = "run"
    bounds = "bounds"
    methods = "methods"
    gallery = "gallery"


Name = Annotated[
    str | None,
    Argument(help="A circuit (name or file), program or bound; see gallery.", show_default=False),
]
N = Annotated[int | None, Option("--n", help="Size. Default: the name's.")]
Mode = Annotated[str | None, Option(help="cot, remask or revision. Default: all three.")]
Inputs = Annotated[str | None, Option("--input", help="Bits for a circuit's inputs: 0110.")]
Law = Annotated[str, Option(help="The law that methods decode.")]
Draws = Annotated[
    int | None, Option(min=1, help="Sample so often instead of exactly (methods: where needed).")
]


def theory(
    action: Annotated[Action, Argument(help="compile, run, bounds, methods or gallery.")],
    name: Name = None,
    n: N = None,
    mode: Mode = None,
    inputs: Inputs = None,
    law: Law = "even-parity",
    draws: Draws = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> int:
    """Compile circuits to DLM programs, run them exactly, and see what no sampler can beat."""
    from ..theory import bounds, catalogue, reports

    if action in (Action.compile, Action.run) and name is None:
        raise PlaitError(f"say what to {action.value}: a circuit's name or file, as in the gallery")
    if action is Action.compile:
        rows = reports.certificates(catalogue.circuit(str(name), n, inputs), mode)
    elif action is Action.run and catalogue.is_program(str(name)):
        rows = reports.run_program(str(name), n, draws, seed)
    elif action is Action.run:
        rows = reports.run_circuit(catalogue.circuit(str(name), n, inputs), mode, draws, seed)
    elif action is Action.bounds:
        wanted = [name.replace("-", "_")] if name else bounds.names()
        rows = [row for bound in wanted for row in _bound(bound, n, bool(name))]
    elif action is Action.methods:
        rows = _methods(law, n, draws, seed)
    else:
        rows = reports.gallery()
    if as_json:
        print(json.dumps(rows, indent=2))
    elif action is Action.methods:
        _survey(rows)
    else:
        table(rows)
    return 0


def _survey(rows: list[dict[str, Any]]) -> None:
    """What methods did, and below it, once each, why others could not run."""
    heads = {"tokens_per_round": "k", "mean_rounds": "rounds", "most_rounds": "most"}
    heads |= {"mean_writes": "writes"}
    ran = [{heads.get(k, k): v for k, v in row.items()} for row in rows if "skipped" not in row]
    table(
        [{**row, "how": row["how"].partition(":")[0].replace("enumerated", "exact")} for row in ran]
    )
    for method, reason in dict.fromkeys(
        (r["method"], r["skipped"]) for r in rows if "skipped" in r
    ):
        print(f"{method} did not run: {reason}")


def _bound(name: str, n: int | None, whole: bool) -> list[dict[str, Any]]:
    """The rows of a bound, or the line that says what it is."""
    from ..theory import bounds

    if whole:
        return bounds.table(name, n)
    return [{"bound": name.replace("_", "-"), "says": bounds.line(name)}]


def _methods(law: str, n: int | None, draws: int | None, seed: int) -> list[dict[str, Any]]:
    from ..theory import catalogue, library
    from ..theory.decoding import survey
    from ..theory.laws import FiniteLaw

    target: FiniteLaw = catalogue.build("law", law, n=n)
    budgets = sorted({1, 2, 3, 4, target.n})
    rows = survey(target, library.streams(law, target.n), budgets, draws or DRAWS, seed)
    return [{"law": law, "n": target.n, **row} for row in rows]
