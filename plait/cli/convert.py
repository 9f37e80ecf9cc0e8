"""`plait convert`: an autoregressive model or masked encoder becomes a diffusion model's folder."""

import json
from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Option

from ._options import Json


def convert(
    source: Annotated[str, Argument(help="A folder, a GGUF file, or a hub id.")],
    target: Annotated[Path, Argument(help="The new folder.")],
    attention: Annotated[
        Literal["full", "block", "causal"], Option(help="What a position sees.")
    ] = "full",
    block: Annotated[int, Option(min=1, help="Positions per block, for --attention block.")] = 1,
    shift: Annotated[
        bool | None,
        Option("--shift/--no-shift", help="Output i-1 predicts i. Default: as the source."),
    ] = None,
    mask: Annotated[str, Option(help="The new token, if the source has no mask.")] = "<|mask|>",
    rows: Annotated[int, Option(min=0, help="Least rows of the embedding; 0 = as needed.")] = 0,
    adapter: Annotated[str | None, Option(help="A LoRA adapter (PEFT) to merge.")] = None,
    dtype: Annotated[str, Option(help="float32, bfloat16 or float16.")] = "bfloat16",
    as_json: Json = False,
) -> int:
    """Turn an autoregressive model or masked encoder into a diffusion model's folder."""
    from ..models.convert import Change
    from ..models.convert import convert as turn
    from ..models.load import read_dtype

    change = Change(attention, block, shift, mask, rows)
    decided = turn(source, target, change, read_dtype(dtype), adapter)
    if as_json:
        print(json.dumps({"target": str(target), **decided}))
        return 0
    for name, value in {"target": target, **decided}.items():
        print(f"{name:<15}{value}")
    print("\nIt loads and decodes; it writes sense only after training (plait train).")
    return 0
