"""Where a run starts from, and how its weights are written: a box, a folder, or an adapter."""

import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import PlaitError, unknown
from ..files import write_whole
from ..models import adapter, box, saving
from ..models.checkpoint import CONFIG, WEIGHTS, Checkpoint, build, theirs
from ..models.codec import TokenizerCodec
from ..models.convert import Change
from ..models.convert import convert as turn
from ..models.load import find
from ..models.tokens import codec_of, mask_of
from ..models.transformer import Transformer
from .recipe import Lora, Recipe, Start
from .records import Records

CONVERTED = "start"  # the folder of the converted model, inside that of the run
Write = Callable[[Mapping[str, Tensor]], None]


@dataclass(frozen=True)
class Origin:
    """A network to train, its tokenizer, and how a box or folder is made of its weights."""

    net: Transformer
    codec: TokenizerCodec
    write: Write


def origin(recipe: Recipe, out: Path, slots: box.Slots, tasks: Iterable[str]) -> Origin:
    """What the recipe starts from; `slots` and `tasks` are told to who loads the result.

    Raises PlaitError for a model that cannot be loaded, or whose weights cannot be written back.
    """
    if isinstance(recipe.model, Start):
        return _loaded(recipe.model, recipe, out, slots, tuple(tasks))
    if recipe.lora.rank:
        raise PlaitError("lora.rank changes a model that exists: set model.name with such a recipe")
    codec = TokenizerCodec.read(recipe.codec)
    if codec.vocab > recipe.model.vocab:
        raise PlaitError(f"the tokenizer has {codec.vocab} tokens, the model {recipe.model.vocab}")
    write = _box(out, recipe.model, codec, slots, tasks)
    return Origin(Transformer(recipe.model), codec, write)


def _box(out: Path, config: Any, codec: TokenizerCodec, slots: box.Slots, tasks: Any) -> Write:
    def write(weights: Mapping[str, Tensor]) -> None:
        box.write(out, config, weights, codec, slots, tasks=list(tasks))

    return write


def _loaded(
    start: Start, recipe: Recipe, out: Path, slots: box.Slots, tasks: tuple[str, ...]
) -> Origin:
    lora = recipe.lora
    checkpoint, words = find(start.name)
    if words is None:
        if lora.rank:
            raise PlaitError(f"{start.name} is a small model of plait's own: train it without LoRA")
        asked = _asked(start)
        config = replace(checkpoint.config, **asked)
        net = build(replace(checkpoint, config=config), torch.device("cpu"), torch.float32)
        codec = TokenizerCodec.read(checkpoint.folder / box.CODEC)
        return Origin(_trainable(net), codec, _box(out, config, codec, slots, tasks))
    if mask_of(checkpoint, words) is None or _differs(start, checkpoint):
        folder = out / CONVERTED
        if not (folder / CONFIG).is_file():
            shutil.rmtree(folder, ignore_errors=True)  # of a conversion that was cut short
            turn(start.name, folder, _change(start, checkpoint))
        checkpoint, words = find(str(folder))
        assert words is not None
    names = {ours: theirs(checkpoint.family, ours) for ours in _ours(checkpoint)}
    net = _trainable(build(checkpoint, torch.device("cpu"), torch.float32))
    codec = codec_of(checkpoint, words)
    template = not isinstance(recipe.rows, Records) or recipe.rows.template
    told = {"layout": vars(slots), "template": template}
    if lora.rank:
        _add(net, lora)
        settings = {
            "peft_type": "LORA",
            "r": lora.rank,
            "lora_alpha": lora.alpha,
            "base_model_name_or_path": str(checkpoint.folder),
            "bias": "none",
            **told,
        }
        return Origin(net, codec, partial(_adapter, out, names, settings))
    _folder(out, checkpoint, told)
    return Origin(net, codec, partial(_weights, out, names))


def _ours(checkpoint: Checkpoint) -> list[str]:
    with torch.device("meta"):
        net = Transformer(checkpoint.config)
    return [name for name, _ in net.named_parameters()]


def _asked(start: Start) -> dict[str, Any]:
    """The fields of a shape that the recipe sets."""
    asked: dict[str, Any] = {}
    if start.attention != "source":
        asked |= {"attention": start.attention, "block": start.block}
    if start.shift != "source":
        asked["shift"] = start.shift == "yes"
    return asked


def _differs(start: Start, checkpoint: Checkpoint) -> bool:
    return any(getattr(checkpoint.config, k) != v for k, v in _asked(start).items())


def _change(start: Start, checkpoint: Checkpoint) -> Change:
    own = checkpoint.config.attention
    asked = _asked(start)
    kind = asked.get("attention", "full" if own == "causal" else own)
    return Change(kind, asked.get("block", checkpoint.config.block), asked.get("shift"))


def _trainable(net: Transformer) -> Transformer:
    return net.train().requires_grad_(True)


def _add(net: Transformer, lora: Lora) -> None:
    """Put low-rank changes beside the weights that are named, and freeze all others."""
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError:
        raise PlaitError("lora.rank needs PEFT: pip install peft") from None
    products = {
        name.rpartition(".")[2]
        for name, part in net.named_modules()
        if isinstance(part, torch.nn.Linear)
    }
    for name in lora.of:
        if name.rpartition(".")[2] not in products:
            raise unknown("product in lora.of", name, sorted(products))
    settings = LoraConfig(r=lora.rank, lora_alpha=lora.alpha, target_modules=list(lora.of))  # type: ignore[arg-type]
    inject_adapter_in_model(settings, net)


def _folder(out: Path, checkpoint: Checkpoint, told: dict[str, Any]) -> None:
    """Everything of a model folder but its weights; config.json also says what is `told`."""
    for path in checkpoint.folder.iterdir():
        if (
            path.is_file()
            and path.suffix in (".json", ".jinja", ".txt")
            and "index" not in path.name
        ):
            shutil.copyfile(path, out / path.name)
    said = dict(checkpoint.settings.values) | told
    write_whole(out / CONFIG, json.dumps(said, indent=2) + "\n")


def _weights(out: Path, names: Mapping[str, str], weights: Mapping[str, Tensor]) -> None:
    _save(out / WEIGHTS, {names[ours]: weight for ours, weight in weights.items()})


def _adapter(
    out: Path, names: Mapping[str, str], settings: dict[str, Any], weights: Mapping[str, Tensor]
) -> None:
    """The adapter in PEFT's format, with the names of the base it is for."""
    found, of = {}, set()
    for ours, weight in weights.items():
        stem, _, half = ours.partition(".lora_")
        name = names[stem + ".weight"].removesuffix(".weight")
        of.add(name.rpartition(".")[2])
        found[f"{adapter.PREFIX}{name}.lora_{half.partition('.')[0]}.weight"] = weight
    told = settings | {"target_modules": sorted(of)}
    write_whole(out / adapter.CONFIG, json.dumps(told, indent=2) + "\n")
    _save(out / adapter.WEIGHTS, found)


def _save(path: Path, weights: Mapping[str, Tensor]) -> None:
    kept = {n: w.detach().to("cpu", torch.bfloat16).contiguous() for n, w in weights.items()}
    saving.write(path, kept)
