"""Codecs: text to token ids and back."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from tokenizers import Tokenizer

from ..errors import PlaitError


class TokenizerCodec:
    """A codec on a `tokenizer.json` file of the `tokenizers` library.

    `encode` reads special tokens where they are spelt out, as layout headers do. `prompt` does
    not: a request that contains "<mask>" is text like any other.
    """

    def __init__(self, definition: str, mask: str, eos: str, user: str = "") -> None:
        """Read the JSON text `definition`; `user` is what stands before each request."""
        self.definition = definition
        self._tokens = Tokenizer.from_str(definition)
        self._text = Tokenizer.from_str(definition)
        self._text.encode_special_tokens = True
        # Headers come with every row, and training asks for a text's length before its ids.
        self._encode = lru_cache(4096)(self._ids)
        self.mask_id = self._id(mask)
        self.eos_id = self._id(eos)
        self._user = self.encode(user)

    @staticmethod
    def read(
        path: str | Path, mask: str = "<mask>", eos: str = "<eos>", user: str = "<user>"
    ) -> "TokenizerCodec":
        """A codec of the file at `path`; the names of its special tokens are plait's own."""
        path = Path(path)
        if not path.is_file():
            raise PlaitError(f"there is no tokenizer at '{path}'")
        return TokenizerCodec(path.read_text(encoding="utf-8"), mask, eos, user)

    @property
    def vocab(self) -> int:
        """Number of token ids, special tokens counted."""
        return self._tokens.get_vocab_size()

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`, which may contain special tokens."""
        return list(self._encode(text))

    def _ids(self, text: str) -> tuple[int, ...]:
        return tuple(self._tokens.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: Sequence[int]) -> str:
        """Text of `ids`, special tokens left out."""
        return self._tokens.decode(list(ids), skip_special_tokens=True)

    def prompt(self, text: str) -> list[int]:
        """Token ids of a request: the user token, then the text taken literally."""
        return self._user + self._text.encode(text, add_special_tokens=False).ids

    def _id(self, token: str) -> int:
        number = self._tokens.token_to_id(token)
        if number is None:
            raise PlaitError(f"the tokenizer has no token '{token}'")
        return number
