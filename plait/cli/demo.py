"""`plait demo`: a handful of unseen problems, decoded in parallel streams and checked."""

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from ..errors import PlaitError
from . import _options as o
from ._say import listed
from ._session import Request, Session
from ._show import as_text

if TYPE_CHECKING:
    from rich.text import Text

    from ..data.problem import Problem, Task
    from ..view.comparison import Run

EACH = 2  # problems per task


def demo(model: o.ModelName = "plait-tiny", seed: o.Seed = 0, device: o.Device = None) -> int:
    """Decode a few unseen problems and check the answers."""
    from rich.console import Console

    from ..view.comparison import comparison

    console = Console(highlight=False)
    request = Request(model=model, seed=seed, device=device, batch_size=1)
    session = request.open()
    problems = _draw(session, seed)
    console.print(
        f"{session.model.name} on {session.model.device.type} decodes {len(problems)} problems of "
        f"its test split\nwith nap, {session.decoding['tokens_per_round']} tokens per round.\n"
    )
    prompts = [problem.prompt for _, problem in problems]
    for (task, problem), answer in zip(problems, as_text(session, prompts), strict=True):
        right = task.verify(problem, answer.answer)
        console.print(_verdict(problem, answer.answer, right), end="\n\n")
    one = replace(session, decoding=replace(request, method="ar", tokens_per_round=1).decoding())
    with console.status("the same problems once more, without drawing"):
        runs = [_run(f"nap, {session.decoding['tokens_per_round']} a round", session, problems)]
        runs += [_run("ar, 1 a round", one, problems)]
    console.print(comparison(runs))
    console.print(f"\n{_legend(session)}")
    return 0


def _verdict(problem: "Problem", answer: str, right: bool) -> "Text":
    from rich.text import Text

    from ..view.picture import printable

    verdict = Text(f"{problem.task}, level {problem.level}: {printable(answer)} is ")
    if right:
        return verdict.append("right", style="bold green")
    return verdict.append("wrong", style="bold red").append(f"; {problem.answer} is right")


def _draw(session: Session, seed: int) -> "list[tuple[Task, Problem]]":
    """Problems that the model was not trained on: the test split is cut by their hash."""
    from ..data import tasks
    from ..data.problem import problems

    if not session.model.tasks:
        raise PlaitError(f"{session.model.name} does not say which tasks it knows")
    known = [tasks.load(name) for name in sorted(session.model.tasks)]
    return [(t, p) for t in known for p in islice(problems(t, "test", seed, distinct=True), EACH)]


def _run(name: str, session: Session, problems: "list[tuple[Task, Problem]]") -> "Run":
    """Decode all problems again without drawing, so that the seconds are the decoder's alone."""
    from ..view.comparison import Run

    answers = list(session.answers([problem.prompt for _, problem in problems]))
    pairs = zip(problems, answers, strict=True)
    return Run(name, sum(t.verify(p, answer.answer) for (t, p), answer in pairs), answers)


def _legend(session: Session) -> str:
    names = listed([segment.name for segment in session.layout.segments])
    return (
        "Sums over these problems, decoded one at a time without drawing. ARness is the\n"
        "share of tokens that were written at the leftmost place still free: 1 is left\n"
        f"to right. Segments: {names}."
    )
