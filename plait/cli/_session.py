"""From the options of a command to a model that is ready to answer."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .. import __version__
from ..errors import PlaitError
from ._options import options_of, read_cache, read_settings
from ._say import listed, say

if TYPE_CHECKING:
    from ..generate import WATCH, Answer
    from ..layout import Layout
    from ..models.load import Model

TOKENS_PER_ROUND = 4  # where the user names no budget


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line, the prompts aside."""

    model: str = "plait-tiny"
    adapter: str | None = None
    quantize: str | None = None
    method: str = "nap"
    inside: str | None = None  # the method inside each stream
    aux: str | None = None  # a second model, for methods that have one beside
    streams: int | None = None
    length: int | None = None
    summary: int | None = None
    cross: Literal["full", "blocked"] | None = None
    tokens_per_round: int | None = None
    rounds: int | None = None
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    end_penalty: float = 0.0
    early_stop: bool | None = None
    seed: int = 0
    settings: tuple[str, ...] = ()  # key=value
    cache: str | None = None
    cache_settings: tuple[str, ...] = ()  # key=value
    device: str | None = None
    dtype: str = "float32"
    engine: bool = False
    batch_size: int = 8
    infill: str | None = None  # a text with holes, in place of the model's layout
    schema: str | None = None  # a file with a JSON Schema, likewise

    @staticmethod
    def of(options: Mapping[str, Any]) -> "Request":
        """The request in the options of a command, which go by the names of the fields."""
        own = {f.name: options[f.name] for f in fields(Request) if f.name in options}
        lists = {name: tuple(options.get(name) or ()) for name in ("settings", "cache_settings")}
        return Request(**own | lists)

    def decoding(self) -> dict[str, Any]:
        """The settings of `plait.generate.decoder_for`, checked before any model is loaded."""
        from .. import auxiliary
        from ..generate import decoder_for

        named = read_settings(self.method, self.settings)
        keys = ["method", "tokens_per_round", "rounds", "temperature", "top_p", "top_k"]
        keys += ["end_penalty", "early_stop"]
        chosen = {key: getattr(self, key) for key in keys} | named
        if self.inside is not None:
            if "inside" not in options_of(self.method):
                raise PlaitError(f"method '{self.method}' takes no other method inside; use nap")
            chosen["inside"] = self.inside
        if self.cache is not None or self.cache_settings:
            chosen["cache_settings"] = read_cache(self.cache, self.cache_settings)
            chosen["cache"] = self.cache
        unnamed = self.tokens_per_round is None and self.rounds is None
        if unnamed and "budget" in options_of(self.method):
            chosen["tokens_per_round"] = TOKENS_PER_ROUND
        beside = {} if self.aux is None else auxiliary.unlearned(self.method)
        decoder_for(**chosen, **beside)
        return chosen

    def open(self) -> "Session":
        """Load the model. Raises PlaitError for whatever cannot work, before any decoding."""
        from ..models.load import load

        decoding = self.decoding()
        model = load(self.model, self.device, self.dtype, self.adapter, self.quantize)
        aux = None if self.aux is None else load(self.aux, self.device, self.dtype)
        layout = self.form(model)
        layout = layout or model.layout(self.streams, self.length, self.summary, self.cross)
        session = Session(replace(self, cross=layout.cross), model, layout, decoding, aux)
        session.check("?")
        return session

    def form(self, model: "Model") -> "Layout | None":
        """The form that was asked for: a text with holes, or JSON."""
        from ..infill import infill
        from ..schema import schema

        if self.infill is None and self.schema is None:
            return None
        if self.infill is not None and self.schema is not None:
            raise PlaitError("give --infill or --schema, not both")
        if any(v is not None for v in (self.streams, self.length, self.summary)):
            raise PlaitError("--streams, --length and --summary do not go with a form")
        if self.infill is not None:
            return infill(self.infill)
        return schema(self.read_schema(), model.codec)

    def read_schema(self) -> Any:
        """What the file with the JSON Schema holds; None if none was named."""
        if self.schema is None:
            return None
        try:
            return json.loads(Path(self.schema).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", error)
            raise PlaitError(f"'{self.schema}' cannot be read as a JSON Schema: {why}") from None

    def weights(self) -> dict[str, str]:
        """Hashes of all that is loaded: a path may hold other weights by now."""
        from ..eval import facts

        named = {"weights": self.model, "adapter_weights": self.adapter, "aux_weights": self.aux}
        return {key: facts.fingerprint(name) for key, name in named.items() if name is not None}


@dataclass(frozen=True)
class Session:
    """A loaded model with the layout and the settings to decode with."""

    request: Request
    model: "Model"
    layout: "Layout"
    decoding: dict[str, Any]
    aux: "Model | None" = None

    def check(self, prompt: str) -> None:
        """Raise PlaitError if `prompt` cannot be decoded."""
        self.layout.build(self.model.codec, [prompt], context=self.model.context)

    def warn(self, prompts: Sequence[str]) -> None:
        """Say on stderr how many prompts are outside of what the model was trained for."""
        from ..data import tasks

        known = [tasks.load(name) for name in self.model.tasks]
        strange = sum(not any(task.recognises(p) for task in known) for p in prompts)
        if not known or not strange:
            return
        which = "this prompt" if len(prompts) == 1 else f"{strange} of {len(prompts)} prompts"
        say(
            f"{self.model.name} knows only {listed(sorted(self.model.tasks))} problems; "
            f"the answer to {which} will be meaningless"
        )

    def answers(
        self,
        prompts: Sequence[str],
        keys: Sequence[int] | None = None,
        watch: "WATCH | None" = None,
    ) -> Iterator["Answer"]:
        """Yield one answer per prompt, in order."""
        from ..generate import generate

        size = self.request.batch_size
        with self._room():
            own: dict[str, Any] = {"keys": keys, "watch": watch, "engine": self.request.engine}
            yield from generate(self.model, prompts, batch_size=size, **own, **self._settings())

    def stream(self, prompts: Sequence[str], keys: Sequence[int]) -> Iterator[tuple[int, "Answer"]]:
        """Yield (number of the prompt, answer) as each is done."""
        from ..generate import stream

        own: dict[str, Any] = {"slots": self.request.batch_size, "engine": self.request.engine}
        with self._room():
            yield from stream(self.model, prompts, keys=keys, **own, **self._settings())

    def _settings(self) -> dict[str, Any]:
        own = {"layout": self.layout, "seed": self.request.seed, "aux": self.aux}
        return own | self.decoding

    @contextlib.contextmanager
    def _room(self) -> Iterator[None]:
        import torch

        try:
            yield
        except torch.OutOfMemoryError:
            raise PlaitError(
                f"the device ran out of memory at batch size {self.request.batch_size}; use a "
                "smaller --batch-size"
            ) from None

    def conditions(self) -> dict[str, Any]:
        """All that decides what comes out: two runs with the same conditions can be joined."""
        spared = ("batch_size", "settings", "cache_settings", "streams", "length", "summary")
        asked = {k: v for k, v in asdict(self.request).items() if k not in spared}
        slots = {segment.name: segment.length for segment in self.layout.segments}
        found = {"model": self.model.name, "device": self.model.device.type, "slots": slots}
        found |= {"schema": self.request.read_schema(), **self.request.weights()}
        return {"plait": __version__, **asked, **self.decoding, **found}
