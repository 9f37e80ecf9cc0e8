"""What the commands that evaluate share: their options, and from these to checked questions."""

import contextlib
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from ..errors import PlaitError
from ._progress import watched
from ._say import listed, say
from ._session import Request, Session

if TYPE_CHECKING:
    from ..eval.benchmark import Benchmark, Item
    from ..eval.results import Sample
    from ..eval.run import Answering
    from ..models.codec import TokenizerCodec

Model = Annotated[str, Argument(help="In the box, a folder, a GGUF file, a hub id.")]
Tasks = Annotated[str, Option(help="Benchmarks, with commas: gsm8k,math500; 'all' = all of them.")]
Limit = Annotated[int | None, Option(min=1, help="The first items of each task. Default: all.")]
Folder = Annotated[Path, Option(help="Folder of the results; an old one is continued.")]
DataDir = Annotated[
    Path | None,
    Option(
        envvar="PLAIT_DATA_DIR", help="Folder with data files (docs/evaluate.md). Default: the hub."
    ),
]
AllowCode = Annotated[bool, Option("--allow-code", help="Run programs that the model wrote.")]
Chat = Annotated[
    bool, Option("--chat/--no-chat", help="Put prompts into the model's chat template?")
]


Ray = Annotated[
    str | None, Option(help="Work on a Ray cluster: its address, auto, or local to start one.")
]
Method = Annotated[str, Option(help="A decoding method; see 'plait methods'.")]


@dataclass(frozen=True)
class Questions:
    """What is asked, read and checked before any model is loaded."""

    benchmarks: "list[Benchmark]"
    items: "list[Item]"
    chat: bool

    @staticmethod
    def read(
        tasks: str, limit: int | None, folder: Path | None, allow_code: bool, chat: bool
    ) -> "Questions":
        """Read the items of some tasks; PlaitError for whatever cannot be judged here."""
        from ..eval import tasks as benchmarks
        from ..eval.run import items_of
        from ..eval.source import Source

        if folder is not None and not folder.is_dir():
            raise PlaitError(f"there is no folder '{folder}' with data")
        wanted = benchmarks.names() if tasks == "all" else split(tasks)
        if not wanted:
            raise PlaitError(f"--tasks is empty; known tasks: {', '.join(benchmarks.names())}")
        chosen = [benchmarks.load(name) for name in wanted]
        coding = [b.name for b in chosen if b.runs_code]
        if coding and not allow_code:
            raise PlaitError(
                f"for {listed(coding)} programs that the model writes are run, in a sandbox; give "
                "--allow-code to have that done, or leave such tasks out"
            )
        for benchmark in chosen:
            benchmark.check()
        return Questions(chosen, items_of(chosen, Source(folder), limit), chat)

    def ready(self, session: Session) -> Session:
        """The session, asked in the way that was wanted; PlaitError if it cannot be."""
        codec: TokenizerCodec = session.model.codec  # type: ignore[assignment]
        if not self.chat:
            return bare(session)
        asking = [b.name for b in self.benchmarks if b.chat]
        if asking and not codec.chats:
            raise PlaitError(
                f"{listed(asking)}: asked as a chat, and {session.model.name} has no template; "
                "give --no-chat to send the bare text"
            )
        return session

    def settings(self, session: Session) -> dict[str, Any]:
        """All that decides the answers."""
        import torch

        codec: TokenizerCodec = session.model.codec  # type: ignore[assignment]
        known = session.conditions() | {"torch": torch.__version__}
        known["chat"] = self.chat and codec.chats  # a model may be one that is asked bare
        if session.model.device.type != "cpu":  # where kernels round by the batch's size
            known["batch_size"] = session.request.batch_size
        return known

    def samples(
        self,
        session: Session,
        folder: Path,
        answering: "Answering | None" = None,
        what: str = "evaluating",
    ) -> "list[Sample]":
        """Answer what the folder lacks, and tell how far it is; the samples in the items' order.

        `answering` may decode in place of the session.
        """
        from ..eval import facts
        from ..eval.run import evaluate

        if session.model.device.type != "cpu":
            list(session.stream(["?"], [0]))  # kernels are chosen and compiled at their first use
        told = facts.of_run(self.items) | {"batch_size": session.request.batch_size}
        done = evaluate(
            self.benchmarks,
            self.items,
            folder,
            self.settings(session),
            told,
            answering or session,
        )
        found = list(watched(done, len(self.items), what))
        place = {(item.task, item.id): i for i, item in enumerate(self.items)}
        return sorted(found, key=lambda sample: place[sample.name])


def bare(session: Session) -> Session:
    """The session of a model whose chat template is not used."""
    codec: TokenizerCodec = session.model.codec  # type: ignore[assignment]
    return replace(session, model=replace(session.model, codec=codec.bare()))


def opened(request: Request, chat: bool) -> Session:
    """A session as `Questions.ready` gives it, for a worker on another machine."""
    return request.open() if chat else bare(request.open())


@contextlib.contextmanager
def workers(session: Session, questions: Questions, ray: str | None) -> "Iterator[Answering]":
    """What decodes: this process, or the workers of a cluster."""
    if ray is None:
        yield session
        return
    from ..eval.spread import cluster

    request, device = session.request, session.model.device.type
    open = functools.partial(opened, request, questions.chat)
    with cluster(ray, session, open, device, request.batch_size) as workers:
        yield workers


def split(names: str) -> list[str]:
    """The names between commas, none twice."""
    return list(dict.fromkeys(filter(None, (name.strip() for name in names.split(",")))))


def whole(option: str, numbers: str) -> list[int]:
    """The whole numbers between commas, none twice; PlaitError for what is none."""
    found = split(numbers)
    for text in found:
        if not text.isdecimal():
            raise PlaitError(f"{option}: '{text}' is no whole number")
    return [int(text) for text in found]


def warn(session: Session, items: "Sequence[Item]") -> None:
    """Say which tasks the model was not made for."""
    known = session.model.tasks
    strange = split(",".join(i.task for i in items if i.task.split("_")[0] not in known))
    if known and strange:
        say(f"{session.model.name} was not trained for {listed(strange)}")


def check_place(folder: Path) -> None:
    """Raise PlaitError if results cannot be written to a folder, before anything slow is done."""
    if folder.exists() and not folder.is_dir():
        raise PlaitError(f"'{folder}' is a file; name a folder for the results")
    if not folder.absolute().parent.is_dir():
        raise PlaitError(f"there is no folder '{folder.parent}' for the results")
