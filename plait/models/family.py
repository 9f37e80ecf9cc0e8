"""What a family of checkpoints is: a config map, a map of weight names, and its special tokens."""

import math
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from torch import Tensor

from ..errors import PlaitError
from .config import Config
from .rope import Scaling

KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "an object",
}


@dataclass(frozen=True)
class Settings:
    """A config.json, read key by key, so that a fault names its key."""

    values: Mapping[str, Any]
    path: Path

    def get(self, key: str, default: Any, least: int = 0) -> Any:
        """The value of `key`, of the default's type, which also stands for null.

        A default of None lets every value pass. A whole number is at least `least`.
        """
        value = self.values.get(key)
        if value is None or default is None:
            return default if value is None else value
        if not isinstance(default, list | tuple):
            return self._read(key, type(default), least)
        if not isinstance(value, list | tuple):
            raise self._wrong(key, KINDS[list])
        if default and not all(_is(type(default[0]), inner) for inner in value):
            raise self._wrong(key, f"a list, each item {KINDS[type(default[0])]}")
        return value

    def need(self, key: str, kind: type = int, least: int = 1) -> Any:
        """The value of a key that has no default; a whole number is at least `least`."""
        if self.values.get(key) is None:
            raise PlaitError(
                f"{self.path}: model_type is '{self.model_type}', "
                f"but the key '{key}' that it needs is missing"
            )
        return self._read(key, kind, least)

    def ids(self, key: str) -> list[int]:
        """The ids of tokens under a key that may hold none, one, or a list."""
        said = self.get(key, None)
        listed = said if isinstance(said, list) else [] if said is None else [said]
        if not all(_is(int, id) for id in listed):
            raise self._wrong(key, "the id of a token, or a list of ids")
        return [int(id) for id in listed]

    def _read(self, key: str, kind: type, least: int) -> Any:
        value = self.values[key]
        if not _is(kind, value, least):
            bound = f" >= {least}" if kind is int else ""
            raise self._wrong(key, KINDS[kind] + bound)
        return kind(value) if kind in (int, float) else value

    def _wrong(self, key: str, wanted: str) -> PlaitError:
        return PlaitError(f"{self.path}: {key} = {self.values[key]!r} should be {wanted}")

    def only(self, key: str, *allowed: Any) -> Any:
        """The value of a key of which plait supports some values; the first is the default."""
        value = allowed[0] if self.values.get(key) is None else self.values[key]
        if value not in allowed:
            known = " or ".join(repr(a) for a in allowed)
            raise PlaitError(f"{self.path}: {key} = {value!r} is not supported, only {known} is")
        return value

    @property
    def model_type(self) -> str:
        """What the file says that the model is."""
        return str(self.values.get("model_type", ""))

    def kinds(self) -> tuple[str, ...]:
        """The names by which the file says what it is, in the order in which they count.

        LLaDA-MoE's files have LLaDA's model_type, so architectures come first.
        """
        return (*self.get("architectures", ()), self.model_type)


def usable(kind: type, values: Any, path: Path) -> dict[str, Any]:
    """Values of JSON for fields of the dataclass `kind`, whole numbers as such also if 2.0 stands.

    PlaitError names the file and a value that cannot be used.
    """
    known = {field.name: field for field in fields(kind)}
    if not isinstance(values, Mapping):
        raise PlaitError(f"{path}: {values!r} should be an object with {', '.join(known)}")
    for name, value in values.items():
        if name not in known or not _suits(known[name], value):
            raise PlaitError(f"{path}: {name} = {value!r} is not a setting that can be used")
    return {name: int(v) if known[name].type is int else v for name, v in values.items()}


def _suits(field: "Field[Any]", value: Any) -> bool:
    if get_origin(field.type) is Literal:
        return value in get_args(field.type)
    least = min(0, field.default) if isinstance(field.default, int) else 0
    return field.type in (bool, int, float, str) and _is(field.type, value, least)


def _is(kind: Any, value: Any, least: int = 0) -> bool:
    """Is a value of JSON of a kind? 2.0 is a whole number too, and true is none."""
    if kind not in (int, float):
        return isinstance(value, kind)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if kind is float:
        return isinstance(value, int) or math.isfinite(value)
    return (isinstance(value, int) or value.is_integer()) and value >= least


@dataclass(frozen=True)
class Part:
    """A weight that is cut out of, or made from, tensors of the checkpoint."""

    names: tuple[str, ...]
    cut: Callable[..., Tensor]  # (config, *tensors) -> tensor


@dataclass(frozen=True)
class Tokens:
    """Texts of the special tokens, where neither config.json nor the tokenizer says."""

    mask: str = ""
    eos: str = ""
    stop: tuple[str, ...] = ()  # what also ends an answer
    mask_last: bool = False  # the mask is the last id of the model and unknown to the tokenizer


@dataclass(frozen=True)
class Family:
    """How checkpoints of one kind become a `Transformer`.

    `names` goes from our names to theirs, without ".weight" and ".bias", "{}" for a number.
    A name with its ending wins over one without.
    """

    types: tuple[str, ...]  # model_type or architectures of config.json
    config: Callable[[Settings], Config]
    names: Mapping[str, str | Part]
    tokens: Tokens = Tokens()
    spare: tuple[str, ...] = ()  # beginnings of names of tensors that no logit depends on


def decoder(s: Settings, **changes: Any) -> Config:
    """The shape of Llama and its kin, whose config.json share most of their keys."""
    s.only("hidden_act", "silu")
    heads = s.need("num_attention_heads")
    width = s.need("hidden_size")
    shape = {
        "vocab": s.need("vocab_size"),
        "width": width,
        "layers": s.need("num_hidden_layers"),
        "heads": heads,
        "kv_heads": s.get("num_key_value_heads", heads),
        "hidden": s.get("intermediate_size", 1),
        "head_dim": s.get("head_dim", width // heads),
        "context": s.get("max_position_embeddings", 2048),
        "norm_eps": s.get("rms_norm_eps", 1e-6),
        "tied": s.get("tie_word_embeddings", False),
        "qk_norm": False,
    }
    return Config(**(shape | rope(s) | changes))


def encoder(s: Settings, **changes: Any) -> Config:
    """The shape of BERT and its kin, with their masked-language-model head."""
    s.only("is_decoder", False)
    heads, width = s.need("num_attention_heads"), s.need("hidden_size")
    biases = ("qkv_bias", "out_bias", "mlp_bias", "head_bias", "norm_bias")
    shape = {
        "vocab": s.need("vocab_size"),
        "width": width,
        "layers": s.need("num_hidden_layers"),
        "heads": heads,
        "kv_heads": heads,
        "hidden": s.need("intermediate_size"),
        "head_dim": width // heads,
        "context": s.get("max_position_embeddings", 512),
        "norm_eps": s.get("layer_norm_eps", 1e-12),
        "tied": s.get("tie_word_embeddings", True),
        "qk_norm": False,
        "gated": False,
        "activation": "gelu",
        "norm": "layer",
        "transform": True,
    }
    return Config(**(shape | dict.fromkeys(biases, True) | changes))


def autoregressive(s: Settings) -> dict[str, Any]:
    """Causal attention and shifted logits, unless the model was adapted without (a2d, dllm)."""
    adapted = s.model_type.startswith("a2d-")
    return {"attention": "full" if adapted else "causal", "shift": not adapted}


def rope(s: Settings) -> dict[str, Any]:
    """`rope_base`, `rope_part` and `scaling` of a config.json, of old transformers or new."""
    r = Settings(s.get("rope_scaling", {}) | s.get("rope_parameters", {}), s.path)
    base = r.get("rope_theta", s.get("rope_theta", 10_000.0))
    part = r.get("partial_rotary_factor", s.get("partial_rotary_factor", 1.0))
    return {"rope_base": base, "rope_part": part, "scaling": _scaling(r, s)}


def _scaling(r: Settings, s: Settings) -> Scaling | None:
    old = r.get("type", "default")
    kind = Settings({"rope_type": r.get("rope_type", old)}, s.path).only(
        "rope_type", "default", "linear", "ntk", "yarn", "llama3"
    )
    if kind == "default":
        return None
    trained = r.get("original_max_position_embeddings", s.get("max_position_embeddings", 4096))
    if kind == "llama3":
        slow, fast = r.get("low_freq_factor", 1.0), r.get("high_freq_factor", 4.0)
    else:
        slow, fast = r.get("beta_slow", 1.0), r.get("beta_fast", 32.0)
    r.only("mscale", None)
    return Scaling(
        kind,
        r.need("factor", float),
        trained,
        fast=fast,
        slow=slow,
        gain=r.get("attention_factor", 0.0),
        whole=r.get("truncate", True),
    )


def rows(name: str, start: Callable[[Config], int], size: Callable[[Config], int]) -> Part:
    """Some rows of a fused weight or bias."""
    return Part((name,), lambda c, fused: fused[start(c) : start(c) + size(c)])


def fused_qkv(name: str, ours: str = "blocks.{}.attention.") -> dict[str, Part]:
    """Names of query, key and value that lie in one weight, one after the other."""

    def query(c: Config) -> int:
        return c.heads * c.head_dim

    def key(c: Config) -> int:
        return c.kv_heads * c.head_dim

    return {
        ours + "query": rows(name, lambda _: 0, query),
        ours + "key": rows(name, query, key),
        ours + "value": rows(name, lambda c: query(c) + key(c), key),
    }
