"""`plait curate`: from problems to records of several paths."""

import contextlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Argument, Option

from .. import __version__
from ..errors import PlaitError
from . import _options as o
from ._evaluation import Ray, check_place, whole
from ._progress import watched
from ._say import INTERRUPTED, say
from ._table import listed

if TYPE_CHECKING:
    from ..curate.build import Plan
    from ..curate.filters import Length
    from ..curate.run import Came, Tests
    from ..curate.teachers import Teacher
    from ..measure.corpus import Record

Problems = Annotated[
    str, Argument(help="JSON lines, task:NAME, or hub:NAME[:CONFIG[:SPLIT]] (split: train).")
]


TeacherName = Annotated[str, Option(help="task, model or openai; docs/curate.md.")]
Settings = Annotated[
    list[str] | None, Option("--set", metavar="KEY=VALUE", help="A setting of the teacher.")
]
Folder = Annotated[Path, Option(help="Folder; an old one is continued.")]
Paths = Annotated[int, Option(min=1, help="Paths sampled per problem.")]
Streams = Annotated[int, Option(min=1, help="Paths in a record.")]
Filters = Annotated[
    list[str] | None,
    Option("--filter", metavar="NAME[=N]", help="May be repeated. Default: keep_all."),
]
Choose = Annotated[
    Literal["random", "diverse"], Option(help="Which paths, of more than are needed.")
]
Summary = Annotated[str, Option(help="Text of the summary.")]
Tokenizer = Annotated[
    str | None, Option(help="Model whose tokens lengths count. Default: words and signs.")
]
Against = Annotated[
    list[Path] | None, Option(help="Test set that no record may hold; may be repeated.")
]
Limit = Annotated[int | None, Option(min=1, help="The first problems only.")]
Levels = Annotated[str, Option(help="Of a task, with commas. Default: all.")]
Asks = Annotated[
    bool, Option("--sample/--no-sample", help="Ask the teacher what is not asked yet?")
]


def curate(
    problems: Problems,
    teacher: TeacherName = "task",
    settings: Settings = None,
    out: Folder = Path("curated"),
    paths: Paths = 3,
    streams: Streams = 3,
    filters: Filters = None,
    choose: Choose = "random",
    summary: Summary = "{answer}",
    tokenizer: Tokenizer = None,
    against: Against = None,
    limit: Limit = None,
    levels: Levels = "",
    seed: o.Seed = 0,
    sample: Asks = True,
    ray: Ray = None,
    as_json: o.Json = False,
) -> int:
    """Make training records of several paths per problem, and the Long-CoT baseline of them."""
    from ..curate import run, store, teachers

    if paths < streams:
        raise PlaitError(f"--paths {paths} are fewer than --streams {streams}: sample more")
    check_place(out)
    length = _length(tokenizer)
    plan = _plan(filters, length, streams, choose, summary, seed)
    known = teachers.options_of(teacher)
    given = o.values_of("--set", f"teacher '{teacher}'", known, settings or [])
    told = teachers.settings_of(teacher, given)
    tests = _tests(against)
    came = _came(problems, limit, seed, levels, tests)
    asked = {"plait": __version__, "problems": problems, "levels": levels, "teacher": teacher}
    decides = teachers.deciding(teacher, told)
    with store.opened(out, {**asked, "settings": decides, "paths": paths, "seed": seed}) as kept:
        todo = [question for question in came.questions if not kept.has(question)]
        try:
            if sample and todo:
                with _asking(ray, teacher, given) as asks:
                    at_once = {} if ray is None else {"at_once": len(todo)}
                    asking = run.sampled(kept, todo, asks, paths, seed, **at_once)
                    deque(watched(asking, len(todo), "sampling"), maxlen=0)
        except KeyboardInterrupt:
            say(f"stopped; run the same command again to continue {out}")
            return INTERRUPTED
        name = " ".join(filter(None, [teacher, str(told.get("model", ""))]))
        found = run.finish(kept, came, tests, plan, name, length)
    return _told(found, out, as_json)


def _plan(
    filters: list[str] | None,
    length: "Length",
    streams: int,
    choose: Literal["random", "diverse"],
    summary: str,
    seed: int,
) -> "Plan":
    """How records are made."""
    from ..curate import filters as sieves
    from ..curate.build import Plan

    chosen = {text: sieves.load(text, length) for text in filters or ["keep_all"]}
    return Plan(chosen, streams, choose, summary, seed=seed)


def _tests(against: list[Path] | None) -> "dict[str, list[Record]]":
    """The test sets that no record may hold."""
    from ..measure import audit, corpus

    return {name: corpus.prompts(path) for name, path in audit.named(against or []).items()}


def _came(problems: str, limit: int | None, seed: int, levels: str, tests: "Tests") -> "Came":
    """The problems to be used, and how many are not."""
    from ..curate import questions, run

    read = questions.read(problems, limit, seed, whole("--levels", levels) or None)
    usable = run.clean(read.items, tests)
    held = len(read.items) - len(usable)
    return run.Came(usable, read.repeated, held, read.contradictory)


@contextlib.contextmanager
def _asking(ray: str | None, name: str, given: dict[str, Any]) -> "Iterator[Teacher]":
    """The teacher, in this process or on the workers of a cluster."""
    from ..curate import teachers

    if ray is None:
        yield teachers.load(name, **given)
        return
    from ..curate.spread import spread

    with spread(ray, name, given) as teacher:
        yield teacher


def _told(found: dict[str, Any], out: Path, as_json: bool) -> int:
    """Print the report; 1 if no record came out."""
    from ..files import as_json as line_of

    if as_json:
        print(line_of(found))
    else:
        listed(found)
    if not found["records"]["records"]:
        say(f"no record came out: {out / 'report.json'} says why; other filters ask nobody again")
        return 1
    say(f"records, samples and the report are in {out}")
    return 0


def _length(tokenizer: str | None) -> "Length":
    """What counts the tokens of a text."""
    from ..measure.audit import words

    if tokenizer is None:
        return words
    from tokenizers import Tokenizer

    from ..measure.label import words_of

    cut = Tokenizer.from_str(words_of(tokenizer).definition)
    return lambda text: len(cut.encode(text, add_special_tokens=False).ids)
