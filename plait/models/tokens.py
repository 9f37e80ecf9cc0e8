"""The tokenizer of a checkpoint: its special tokens, its chat template, and a codec of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from ..errors import PlaitError
from .checkpoint import Checkpoint, read_settings
from .codec import Chat, Message, TokenizerCodec

TOKENIZER, SETTINGS = "tokenizer.json", "tokenizer_config.json"
GENERATION = "generation_config.json"


@dataclass(frozen=True)
class Words:
    """What the files of a tokenizer say."""

    definition: str  # JSON of the `tokenizers` library
    named: Mapping[str, str] = field(default_factory=dict)  # mask_token, eos_token, bos_token
    template: str = ""  # of a chat, in jinja
    ends: tuple[int, ...] = ()  # ids that end an answer, of generation_config.json

    def id(self, token: str) -> int | None:
        """The id of a token's text."""
        found: int | None = Tokenizer.from_str(self.definition).token_to_id(token)
        return found


def read_words(folder: Path) -> Words:
    """The tokenizer files of a folder."""
    said: dict[str, Any] = {}
    for name in ("special_tokens_map.json", SETTINGS):
        if (folder / name).is_file():
            said |= read_settings(folder / name).values
    template = said.get("chat_template", "")
    if isinstance(template, list):
        template = {t["name"]: t["template"] for t in template}.get("default", "")
    if (folder / "chat_template.jinja").is_file():
        template = (folder / "chat_template.jinja").read_text(encoding="utf-8")
    texts = {k: v.get("content") if isinstance(v, dict) else v for k, v in said.items()}
    named = {k: v for k, v in texts.items() if k.endswith("_token") and isinstance(v, str)}
    return Words(_definition(folder), named, template or "", _ends(folder))


def _ends(folder: Path) -> tuple[int, ...]:
    """What chat models are stopped by often stands here only."""
    path = folder / GENERATION
    return tuple(read_settings(path).ids("eos_token_id")) if path.is_file() else ()


def _definition(folder: Path) -> str:
    if (folder / TOKENIZER).is_file():
        return (folder / TOKENIZER).read_text(encoding="utf-8")
    if (folder / "merges.txt").is_file():
        return _through_transformers("Qwen2Tokenizer", folder)
    if (folder / "vocab.txt").is_file():
        words = (folder / "vocab.txt").read_text(encoding="utf-8").split()
        return (
            _protein(words) if "<cls>" in words else _through_transformers("BertTokenizer", folder)
        )
    raise PlaitError(f"there is no tokenizer at '{folder / TOKENIZER}'")


def _through_transformers(kind: str, folder: Path) -> str:
    """Older files, which transformers can translate."""
    try:
        import transformers
    except ImportError:
        raise PlaitError(
            f"{folder} has no {TOKENIZER}, and transformers, which could make one, is not installed"
        ) from None
    loaded = getattr(transformers, kind).from_pretrained(folder)
    text: str = loaded.backend_tokenizer.to_str()
    return text


def _protein(words: list[str]) -> str:
    """ESM's list of tokens: a text is cut into them without rules."""
    from tokenizers import AddedToken, models, processors

    made = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    special = [w for w in words if w.startswith("<")]
    made.add_special_tokens([AddedToken(w, normalized=False) for w in special])
    made.add_tokens([AddedToken(w, normalized=False) for w in words if w not in special])
    ends = [(w, words.index(w)) for w in ("<cls>", "<eos>")]
    made.post_processor = processors.TemplateProcessing("<cls> $A <eos>", special_tokens=ends)
    text: str = made.to_str()
    return text


def codec_of(checkpoint: Checkpoint, words: Words) -> TokenizerCodec:
    """The codec of a checkpoint. PlaitError if a model that needs a mask token has none."""
    mask, (eos, *stop) = mask_of(checkpoint, words), ends_of(checkpoint, words)
    if mask is None:
        raise PlaitError(
            f"the tokenizer in {checkpoint.folder} has no mask token, and config.json has no "
            "mask_token_id: 'plait convert' adds one"
        )
    chat = template(words) if words.template else None
    return TokenizerCodec(words.definition, mask, eos, chat=chat, stop=stop, framed=True)


def mask_of(checkpoint: Checkpoint, words: Words) -> int | None:
    """The id of the mask: by config.json, by the tokenizer, by the family."""
    settings = checkpoint.settings
    if settings.get("mask_token_id", None) is not None:
        return int(settings.need("mask_token_id", least=0))
    for text in (words.named.get("mask_token", ""), checkpoint.family.tokens.mask):
        if text and (found := words.id(text)) is not None:
            return found
    return checkpoint.config.vocab - 1 if checkpoint.family.tokens.mask_last else None


def ends_of(checkpoint: Checkpoint, words: Words) -> list[int]:
    """The ids that end an answer; with the first of them a canvas is filled up."""
    ids = checkpoint.settings.ids("eos_token_id")
    own = checkpoint.family.tokens
    ids += words.ends
    named = words.named.get("eos_token", "")
    for text in (named, own.eos, *own.stop):
        if text and (found := words.id(text)) is not None:
            ids.append(found)
    if not ids:
        raise PlaitError(f"the tokenizer in {checkpoint.folder} has no end-of-sequence token")
    return list(dict.fromkeys(ids))


def template(words: Words) -> Chat:
    """The model's chat template as a function of messages."""
    try:
        from jinja2.sandbox import ImmutableSandboxedEnvironment
    except ImportError:
        raise PlaitError("the model has a chat template, and jinja2 is not installed") from None

    def refuse(message: str) -> None:
        raise PlaitError(f"the chat template refuses the request: {message}")

    room = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    room.filters["tojson"] = lambda value, **_: json.dumps(value, ensure_ascii=False)
    room.globals["raise_exception"] = refuse
    page = room.from_string(words.template)

    def chat(messages: Sequence[Message], reply: bool) -> str:
        said: str = page.render(messages=messages, add_generation_prompt=reply, **words.named)
        return said

    return chat
