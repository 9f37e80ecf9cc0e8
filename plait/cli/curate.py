"""`plait curate`: from problems to records of several paths."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Argument, Option

from ..errors import PlaitError
from . import _options as o
from ._evaluation import check_place, whole
from ._progress import watched
from ._say import INTERRUPTED, say
from ._table import listed

if TYPE_CHECKING:
    from ..curate.filters import Length
    from ..curate.sample import Question
    from ..curate.store import Store
    from ..curate.teachers import Teacher

Problems = Annotated[
    str, Argument(help="JSON lines, task:NAME, or hub:NAME[:CONFIG[:SPLIT]] (split: train).")
]


def curate(
    problems: Problems,
    teacher: Annotated[str, Option(help="task, model or openai; docs/curate.md.")] = "task",
    settings: Annotated[
        list[str] | None, Option("--set", metavar="KEY=VALUE", help="A setting of the teacher.")
    ] = None,
    out: Annotated[Path, Option(help="Folder; an old one is continued.")] = Path("curated"),
    paths: Annotated[int, Option(min=1, help="Paths sampled per problem.")] = 3,
    streams: Annotated[int, Option(min=1, help="Paths in a record.")] = 3,
    filters: Annotated[
        list[str] | None,
        Option("--filter", metavar="NAME[=N]", help="May be repeated. Default: keep_all."),
    ] = None,
    choose: Annotated[
        Literal["random", "diverse"], Option(help="Which paths, of more than are needed.")
    ] = "random",
    summary: Annotated[str, Option(help="Text of the summary.")] = "{answer}",
    tokenizer: Annotated[
        str | None, Option(help="Model whose tokens lengths count. Default: words and signs.")
    ] = None,
    against: Annotated[
        list[Path] | None, Option(help="Test set that no record may hold; may be repeated.")
    ] = None,
    limit: Annotated[int | None, Option(min=1, help="The first problems only.")] = None,
    levels: Annotated[str, Option(help="Of a task, with commas. Default: all.")] = "",
    seed: o.Seed = 0,
    sample: Annotated[
        bool, Option("--sample/--no-sample", help="Ask the teacher what is not asked yet?")
    ] = True,
    as_json: o.Json = False,
) -> int:
    """Make training records of several paths per problem, and the Long-CoT baseline of them."""
    from .. import __version__
    from ..curate import filters as sieves
    from ..curate import questions, run, store, teachers
    from ..curate.build import Plan
    from ..files import as_json as line_of
    from ..measure import audit, corpus

    if paths < streams:
        raise PlaitError(f"--paths {paths} are fewer than --streams {streams}: sample more")
    check_place(out)
    length = _length(tokenizer)
    chosen = {text: sieves.load(text, length) for text in filters or ["keep_all"]}
    plan = Plan(chosen, streams, choose, summary, seed=seed)
    given = o.values_of(
        "--set", f"teacher '{teacher}'", teachers.options_of(teacher), settings or []
    )
    told = teachers.settings_of(teacher, given)
    tests = {name: corpus.read(path) for name, path in audit.named(against or []).items()}
    read = questions.read(problems, limit, seed, whole("--levels", levels) or None)
    usable = run.clean(read.items, tests)
    came = run.Came(usable, read.repeated, len(read.items) - len(usable))
    asked = {"plait": __version__, "problems": problems, "levels": levels, "teacher": teacher}
    with store.opened(out, {**asked, "settings": told, "paths": paths, "seed": seed}) as kept:
        todo = [question for question in usable if not kept.has(question)]
        try:
            if sample and todo:
                _sample(kept, todo, teachers.load(teacher, **given), paths, seed)
        except KeyboardInterrupt:
            say(f"stopped; run the same command again to continue {out}")
            return INTERRUPTED
        name = " ".join(filter(None, [teacher, str(told.get("model", ""))]))
        found = run.finish(kept, came, tests, plan, name, length)
    if as_json:
        print(line_of(found))
    else:
        listed(found)
    if not found["records"]["records"]:
        say(f"no record came out: {out / 'report.json'} says why; other filters ask nobody again")
        return 1
    say(f"records, samples and the report are in {out}")
    return 0


def _sample(
    kept: "Store", todo: "Sequence[Question]", teacher: "Teacher", paths: int, seed: int
) -> None:
    """Ask, and tell how far it is."""
    from ..curate.run import sampled

    for _ in watched(sampled(kept, todo, teacher, paths, seed), len(todo), "sampling"):
        pass


def _length(tokenizer: str | None) -> "Length":
    """What counts the tokens of a text."""
    from ..measure.audit import words

    if tokenizer is None:
        return words
    from tokenizers import Tokenizer

    from ..measure.label import words_of

    cut = Tokenizer.from_str(words_of(tokenizer).definition)
    return lambda text: len(cut.encode(text, add_special_tokens=False).ids)
