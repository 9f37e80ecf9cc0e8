"""Load a model: by the name of one in the box, from a folder, a GGUF file, or the hub."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch

from ..decode import Denoiser
from ..errors import PlaitError, unknown
from ..layout import Codec, Layout
from . import adapter as lora
from . import box, families, fit, gguf_file, hub
from .checkpoint import CONFIG, Checkpoint, build, open_folder, read_settings, shape
from .codec import TokenizerCodec
from .config import Config
from .denoiser import NetDenoiser
from .family import Settings, usable
from .quantize import check as may_quantize
from .quantize import quantize as quantized
from .tokens import Words, codec_of, mask_of, read_words

FOREIGN = box.Slots(streams=0, length=128, summary=64, most=16)  # of models that know no streams


@dataclass(frozen=True)
class Model:
    """A denoiser with its tokenizer and what it was trained for."""

    name: str
    denoiser: Denoiser
    codec: Codec
    context: int  # positions
    device: torch.device
    slots: box.Slots
    tasks: tuple[str, ...] = ()  # the only problems it knows; empty = not limited

    def layout(
        self,
        streams: int | None = None,
        length: int | None = None,
        summary: int | None = None,
        cross: Literal["full", "blocked"] | None = None,
    ) -> Layout:
        """The layout this model was trained on, changed where an argument is given.

        `streams=0` is one plain slot of `length` positions. Raises PlaitError for more streams
        than the model has seen: it does not know their headers.
        """
        given: dict[str, Any] = {
            "streams": streams,
            "length": length,
            "summary": summary,
            "cross": cross,
        }
        slots = replace(self.slots, **{k: v for k, v in given.items() if v is not None})
        if slots.streams > slots.most:
            raise PlaitError(
                f"{self.name} was trained on at most {slots.most} streams; "
                f"{slots.streams} are too many"
            )
        return slots.layout


def load(
    name: str = "plait-tiny",
    device: str | None = None,
    dtype: str = "float32",
    adapter: str | None = None,
    quantize: str | None = None,
) -> Model:
    """Return a model: the name of one in the box, a folder, a GGUF file, or a hub id.

    `device` defaults to a GPU where there is one. `adapter` is a LoRA adapter in PEFT's format,
    merged while loading, whose layout counts if it tells one. `quantize` is "int8" or "int4"
    (weights only, by torchao). Raises PlaitError for whatever cannot work, before weights are read.
    """
    place, precision = read_device(device), read_dtype(dtype)
    if quantize is not None:
        may_quantize(quantize, place, precision)
    checkpoint, words = find(name)
    told = checkpoint.settings
    if adapter is not None:
        adapted = lora.adapt(checkpoint.tensors, adapter)
        checkpoint = replace(checkpoint, tensors=adapted)
        told = adapted.settings if adapted.settings.get("layout", {}) != {} else told
    codec = _codec(checkpoint, words)
    if not told.get("template", True):
        codec = codec.bare()
    slots = _slots(told, box.Slots() if checkpoint.name == "plait" else FOREIGN)
    tasks = checkpoint.settings.get("tasks", [])
    if codec.mask_id == checkpoint.config.vocab:
        checkpoint = replace(checkpoint, config=replace(checkpoint.config, vocab=codec.mask_id + 1))
    fit.check(name, checkpoint.config, place, quantize or dtype)
    smaller = None if quantize is None else partial(quantized, kind=quantize)
    net = build(checkpoint, place, precision, smaller)
    return Model(
        name=Path(name).resolve().stem if Path(name).exists() else name,
        denoiser=NetDenoiser(net),
        codec=codec,
        context=net.config.context,
        device=place,
        slots=slots,
        tasks=tuple(map(str, tasks)),
    )


def find(name: str) -> tuple[Checkpoint, Words | None]:
    """What lies at a name: settings and headers, and the tokenizer unless it is plait's own."""
    place = hub.find(name)
    if place.is_file():
        return gguf_file.open_file(place)
    if (place / lora.CONFIG).is_file() and not (place / CONFIG).is_file():
        made_for = read_settings(place / lora.CONFIG).get("base_model_name_or_path", "its base")
        raise PlaitError(f"{place} is an adapter: load {made_for}, and give this one as adapter")
    checkpoint = open_folder(place)
    return checkpoint, None if checkpoint.name == "plait" else read_words(place)


def config_of(name: str) -> Config:
    """The shape of the model at a name. Of a hub id, no weights are downloaded."""
    place = hub.find(name, ["config.json"])
    if place.is_file():
        return gguf_file.open_file(place)[0].config
    settings = read_settings(place / CONFIG)
    return shape(settings, families.of(settings)[1])


def _codec(checkpoint: Checkpoint, words: Words | None) -> TokenizerCodec:
    if words is None:
        return TokenizerCodec.read(checkpoint.folder / box.CODEC)
    if checkpoint.config.attention == "causal" and mask_of(checkpoint, words) is None:
        # An autoregressive model has no mask. It gets an id of its own, which no position that
        # is predicted can see, and which the decoder never writes.
        own = {**checkpoint.settings.values, "mask_token_id": checkpoint.config.vocab}
        checkpoint = replace(checkpoint, settings=replace(checkpoint.settings, values=own))
    return codec_of(checkpoint, words)


def read_device(name: str | None) -> torch.device:
    """The device of a name, by default a GPU if any; PlaitError if it cannot be used."""
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise PlaitError(f"device '{name}' cannot be used here: {reason}") from None
    return device


def read_dtype(name: str) -> torch.dtype:
    """The dtype of a name; PlaitError if it is none that models run in."""
    known = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if name not in known:
        raise unknown("dtype", name, known)
    return known[name]


def _slots(told: Settings, otherwise: box.Slots) -> box.Slots:
    """The slots that a config.json tells, whose canvas can be built."""
    said = told.get("layout", None)
    if said in (None, {}):
        return otherwise
    slots = box.Slots(**usable(box.Slots, said, told.path))
    try:
        slots.layout  # noqa: B018  (raises)
    except PlaitError as error:
        raise PlaitError(f"{told.path}: {error}") from None
    if slots.streams > slots.most:
        raise PlaitError(
            f"{told.path}: layout has {slots.streams} streams, of which the model has seen at most "
            f"{slots.most}: raise 'most' or lower 'streams'"
        )
    return slots
