"""Options that commands share, as annotations, and how the text of one becomes a value."""

import types
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from typer import Argument, Option

from ..errors import PlaitError, unknown

Prompts = Annotated[list[str] | None, Argument(help="Problems to solve.", show_default=False)]
Input = Annotated[
    Path | None, Option("--input", help='JSON lines {"prompt": ...} to answer, with --output.')
]
Output = Annotated[
    Path | None, Option("--output", help="JSON lines with the answers; an old file is continued.")
]
ModelName = Annotated[str, Option("--model", help="In the box, a folder, a GGUF file, a hub id.")]
Adapter = Annotated[str | None, Option(help="A LoRA adapter in PEFT's format: a folder or hub id.")]
Quantize = Annotated[str | None, Option(help="int8 or int4: smaller weights, by torchao.")]
Aux = Annotated[
    str | None, Option(help="A second model, for a method that has one beside: named as --model.")
]
Method = Annotated[
    str | None,
    Option(help="See 'plait methods'. Default: nap; of --infill confidence, of --schema schema."),
]
Inside = Annotated[
    str | None, Option(help="The method inside each stream, for a method that takes one (nap).")
]
Streams = Annotated[
    int | None, Option(help="Reasoning streams; 0 = one plain slot. Default: the model's.")
]
Length = Annotated[int | None, Option(help="Positions per stream. Default: the model's.")]
Summary = Annotated[int | None, Option(help="Positions of the summary. Default: the model's.")]
Cross = Annotated[
    Literal["full", "blocked"] | None,
    Option(help="Do streams see each other? full = yes. Default: as the model was trained."),
]
TokensPerRound = Annotated[
    int | None, Option(help="Tokens written per round. Default 4, if the method takes a budget.")
]
Rounds = Annotated[int | None, Option(help="Rounds in all, instead of tokens per round.")]
Temperature = Annotated[float, Option(help="0 = always the most probable token.")]
TopP = Annotated[float, Option(help="Sample from this probability mass.")]
TopK = Annotated[int, Option(help="Sample from this many tokens; 0 = all.")]
EndPenalty = Annotated[
    float, Option(help="Nats taken off the logit of ends of sequence; inf = none is ever written.")
]
EarlyStop = Annotated[
    bool | None,
    Option("--early-stop/--no-early-stop", help="Close what follows an end? Default: the method's"),
]
Seed = Annotated[int, Option(min=0, max=2**32 - 1, help="Same seed, same text.")]
Settings = Annotated[
    list[str] | None,
    Option("--set", metavar="KEY=VALUE", help="An option of the method; may be repeated."),
]
Cache = Annotated[
    str | None, Option(help="Recompute a part of the canvas only; see 'plait caches'.")
]
CacheSettings = Annotated[
    list[str] | None,
    Option("--cache-set", metavar="KEY=VALUE", help="An option of the cache; may be repeated."),
]
Json = Annotated[bool, Option("--json", help="Write JSON instead.")]
Live = Annotated[
    bool | None, Option("--live/--no-live", help="Show the streams fill in. Default: on a terminal")
]
TraceFile = Annotated[
    Path | None, Option("--trace", help="Also write what each round did (gzipped JSON lines).")
]
Infill = Annotated[
    str | None, Option(help='A text to fill in: "[[8]]" is a hole of 8 tokens. Not with nap.')
]
Schema = Annotated[str | None, Option(help="A JSON Schema file: answer with JSON that fits it.")]
Device = Annotated[str | None, Option(help="cpu, cuda, cuda:1, ... Default: a GPU if any.")]
Engine = Annotated[bool, Option("--engine", help="Decode by the engine, which needs a GPU to pay.")]
Dtype = Annotated[str, Option(help="float32, bfloat16 or float16.")]
BatchSize = Annotated[int, Option(min=1, help="Prompts decoded at the same time.")]


def options_of(method: str) -> dict[str, Any]:
    """Return the options of a method, `budget` included, with their annotations."""
    from .. import methods

    hints = get_type_hints(methods.function(method))
    return {name: hint for name, hint in hints.items() if name != "return"}


def read_settings(method: str, settings: Sequence[str]) -> dict[str, Any]:
    """Return the values of "key=value" texts, typed by the annotations of the method."""
    from ..auxiliary import options_of as models_of

    beside = models_of(method)
    known = {k: h for k, h in options_of(method).items() if k != "budget" and k not in beside}
    for name in (setting.partition("=")[0] for setting in settings):
        if name == "budget":
            raise PlaitError("--set budget: use --tokens-per-round or --rounds")
        if name in beside:
            raise PlaitError(f"--set {name}: use --aux")
    return values_of("--set", f"method '{method}'", known, settings)


def read_cache(cache: str | None, settings: Sequence[str]) -> dict[str, Any]:
    """Return the values of the "key=value" texts of a cache."""
    from .. import cache as caches

    if cache is None:
        if settings:
            raise PlaitError("--cache-set goes with --cache: name the cache")
        return {}
    hints = get_type_hints(caches.function(cache))
    known = {name: hint for name, hint in hints.items() if name != "return"}
    return values_of("--cache-set", f"cache '{cache}'", known, settings)


def values_of(
    flag: str, owner: str, known: dict[str, Any], settings: Sequence[str]
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise PlaitError(f"{flag} {setting}: write it as {flag} key=value")
        if name not in known:
            raise unknown(f"option of {owner}", name, known)
        values[name] = read(name, text, known[name], flag)
    return values


def read(name: str, text: str, hint: Any, flag: str = "--set") -> Any:
    """Return `text` as a value of the type `hint`; PlaitError says what would be one."""
    choices = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    for choice in choices:
        if choice is type(None) and text.lower() == "none":
            return None
        if get_origin(choice) is Literal and text in get_args(choice):
            return text
        if choice is bool and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if choice in (int, float, str):
            try:
                return choice(text)
            except ValueError:
                continue
    wanted = " or ".join(_spelt(choice) for choice in choices)
    raise PlaitError(f"{flag} {name}={text}: the value must be {wanted}")


def _spelt(choice: Any) -> str:
    """The type as a user would type its values."""
    if get_origin(choice) is Literal:
        return " or ".join(f"'{value}'" for value in get_args(choice))
    spelt = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    return spelt.get(choice, "none")
