"""`plait check-claim`: recount another project's samples."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from .. import files
from ..errors import PlaitError
from . import _evaluation as e
from . import _options as o
from ._say import say

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from ..eval.claim import Judge, Recount, Row

KINDS = ("prompt", "answer", "end", "filler", "canvas")  # of tokens


def check_claim(
    file: Annotated[Path, Argument(help="JSON lines, one sample each; docs/evaluate.md.")],
    eos: Annotated[str, Option(help="Ids that end an answer, with commas.")] = "",
    pad: Annotated[str, Option(help="Ids of padding and masks, with commas.")] = "",
    tokenizer: Annotated[
        Path | None, Option(help="tokenizer.json or its folder, for samples that hold texts.")
    ] = None,
    seconds: Annotated[
        float | None, Option(min=0.0, help="Time of all samples, if they do not say.")
    ] = None,
    tokens_per_second: Annotated[float | None, Option(min=0.0, help="The headline.")] = None,
    accuracy: Annotated[
        float | None, Option(min=0.0, max=100.0, help="The headline, in %.")
    ] = None,
    task: Annotated[str | None, Option(help="Judge the answers anew, by this benchmark.")] = None,
    data_dir: e.DataDir = None,
    allow_code: e.AllowCode = False,
    as_json: o.Json = False,
) -> int:
    """Recount another project's samples by the counting rule: what does its headline become?"""
    from ..eval.claim import Rule, headlines, recount
    from ..eval.report import markdown

    words = None if tokenizer is None else _words(tokenizer)
    ends, fillers = (frozenset(e.whole(k, v)) for k, v in (("--eos", eos), ("--pad", pad)))
    encode = None if words is None else lambda text: words.encode(text).ids
    rule = Rule(ends, fillers, encode)
    judge = None if task is None else _judge(task, data_dir, allow_code, words)
    found = recount(file, rule, seconds, judge)
    rows = headlines(found, tokens_per_second, accuracy)
    if as_json:
        print(files.as_json(_record(found, rows)))
        return 0
    kinds = {kind: f"{found.total(kind)}" for kind in KINDS}
    print(markdown(("samples", *kinds), [(f"{len(found.counts)}", *kinds.values())]))
    speeds = [(way, f"{speed:.1f}") for way, speed in found.speeds().items()]
    if speeds:
        print("", markdown(("tokens per second, counting", ""), speeds), sep="\n")
    if rows:
        print("", markdown(("headline", "claimed", "by the rule", "why"), rows), sep="\n")
    else:
        say("the samples tell neither seconds nor what is correct; give --seconds or --task")
    return 0


def _record(found: "Recount", rows: "list[Row]") -> dict[str, Any]:
    keys = ("headline", "claimed", "recounted", "why")
    return {
        "samples": len(found.counts),
        "tokens": {kind: found.total(kind) for kind in KINDS},
        "seconds": found.seconds,
        "right": None if found.right is None else asdict(found.right),
        "speeds": found.speeds(),
        "headlines": [dict(zip(keys, row, strict=True)) for row in rows],
    }


def _words(place: Path) -> "Tokenizer":
    from tokenizers import Tokenizer

    path = place / "tokenizer.json" if place.is_dir() else place
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises nothing narrower
        raise PlaitError(f"'{path}' cannot be read as a tokenizer ({error})") from None


def _judge(task: str, data: Path | None, allow_code: bool, words: "Tokenizer | None") -> "Judge":
    """Judge samples in the order of a benchmark's items, or by their 'id' where they have one."""
    from ..eval.claim import OUTPUT, text
    from ..eval.source import Record

    questions = e.Questions.read(task, None, data, allow_code, True)
    (benchmark,), items = questions.benchmarks, questions.items
    names = {item.id: item for item in items}

    def judge(number: int, record: Record) -> bool:
        item = names.get(str(record.values.get("id")))
        if item is None and number < len(items):
            item = items[number]
        ids = next((record.values[name] for name in OUTPUT if name in record.values), None)
        said = text(record)
        if said is None and ids is not None and words is not None:
            said = words.decode(ids, skip_special_tokens=True)
        if item is None or said is None:
            what = "the task has no such item" if item is None else "there is no text to judge"
            raise record.fault(f"{what}; --task wants one answer for each item, in their order")
        return benchmark.judge(item, said).correct

    return judge
