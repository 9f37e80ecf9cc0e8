"""The files of a small tokenizer, as transformers writes them."""

import json
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, models, pre_tokenizers, processors

TEMPLATE = (
    "{% for m in messages %}<bos>{{ m.role }} {{ m.content }}<end>{% endfor %}"
    "{% if add_generation_prompt %}<bos>assistant {% endif %}"
)


def write_tokenizer(folder: Path, mask: str = "", chat: str = "") -> None:
    words = ["<unk>", "<bos>", "<end>", *([mask] if mask else [])]
    letters = [*(chr(i) for i in range(97, 123)), " "]
    ids = {word: i for i, word in enumerate([*words, *letters])}
    made = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    made.add_special_tokens([AddedToken(w, normalized=False) for w in words])
    made.post_processor = processors.TemplateProcessing("<bos> $A", special_tokens=[("<bos>", 1)])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(made.to_str())
    told = {"eos_token": {"content": "<end>"}, "bos_token": "<bos>", "unk_token": None}
    told |= {"added_tokens_decoder": {"0": {"content": "<unk>"}}, "model_max_length": 64}
    told |= {"mask_token": mask} if mask else {}
    if chat:
        told["chat_template"] = chat
    (folder / "tokenizer_config.json").write_text(json.dumps(told))
