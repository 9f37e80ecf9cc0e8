"""Codecs: text to token ids and back."""

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from tokenizers import Tokenizer

from ..errors import PlaitError

Message = Mapping[str, str]  # "role" and "content"
Chat = Callable[[Sequence[Message], bool], str]  # with the words before the next turn, or not
BETWEEN = "\ue000"  # a private character: marks where a request stands in a template


class TokenizerCodec:
    """A codec on a `tokenizer.json` file of the `tokenizers` library.

    `encode` reads special tokens where they are spelt out, as layout headers do. `literal` and
    `prompt` do not: an answer or a request that contains "<mask>" is text like any other.
    """

    def __init__(
        self,
        definition: str,
        mask: str | int,
        eos: str | int,
        user: str = "",
        chat: Chat | None = None,
        stop: Sequence[int] = (),
        framed: bool = False,
    ) -> None:
        """Read the JSON text `definition`; `user` is what stands before each request.

        With `chat`, which puts messages into the model's template, that stands around it.
        `framed` lets the tokenizer put its own tokens around a request instead. `stop` are ids
        that end an answer besides `eos`.
        """
        self.definition = definition
        self._tokens = Tokenizer.from_str(definition)
        self._text = Tokenizer.from_str(definition)
        self._text.encode_special_tokens = True
        # Headers come with every row, and training asks for a text's length before its ids.
        self._encode, self._literal = lru_cache(4096)(self._ids), lru_cache(4096)(self._plain)
        self.mask_id = self._id(mask)
        self.eos_id = self._id(eos)
        self.stop_ids = frozenset((self.eos_id, *stop))
        self._header, self._user = user, self.encode(user)
        self._chat, self._framed, self._spelt = chat, framed, False
        unknown = getattr(self._tokens.model, "unk_token", None)
        self._unknown = self._tokens.token_to_id(unknown) if unknown else None

    @staticmethod
    def read(
        path: str | Path, mask: str = "<mask>", eos: str = "<eos>", user: str = "<user>"
    ) -> "TokenizerCodec":
        """A codec of the file at `path`; the names of its special tokens are plait's own."""
        path = Path(path)
        if not path.is_file():
            raise PlaitError(f"there is no tokenizer at '{path}'")
        try:
            definition = path.read_text(encoding="utf-8")
            Tokenizer.from_str(definition)
        except Exception as error:  # tokenizers raises nothing narrower
            reason = str(error).splitlines()[0]
            raise PlaitError(f"{path} cannot be read as a tokenizer ({reason})") from None
        return TokenizerCodec(definition, mask, eos, user)

    @property
    def chats(self) -> bool:
        """Say whether a request gets words around it: a chat template, or plait's own token."""
        return self._chat is not None or bool(self._user)

    def bare(self) -> "TokenizerCodec":
        """The same codec without the chat template: a request is what its text is."""
        twin = copy.copy(self)
        twin._chat = None
        return twin

    def spelt(self) -> "TokenizerCodec":
        """The same codec for requests that spell out the template and its special tokens."""
        twin = copy.copy(self)
        twin._spelt = True
        return twin

    def conversation(self, messages: Sequence[Message], reply: bool = True) -> str:
        """The text of a conversation in the model's template, ready for `spelt`.

        With `reply`, what stands before the model's next turn comes last. PlaitError if the model
        has no template, or plait's own form, which holds one request, is to hold more.
        """
        if self._chat is not None:
            return self._chat(messages, reply)
        if not self._user:
            raise PlaitError("the model has no chat template; send the text without one")
        if [message["role"] for message in messages] != ["user"]:
            raise PlaitError("this model's template holds one request of a user, and nothing else")
        return self._header + messages[0]["content"]

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
        """Token ids of a request: what the model expects around it, and the text literally."""
        if self._spelt:
            return self.encode(text)
        if self._chat is not None:
            return self._in_template(text, self._chat)
        ids = self._text.encode(text, add_special_tokens=self._framed).ids
        if self._framed and ids[-1:] == [self.eos_id]:
            ids = ids[:-1]  # what is written goes on from here
        return self._user + ids

    def literal(self, text: str) -> list[int]:
        """Token ids of a text in which special tokens are text like any other.

        Raises PlaitError for signs that the tokenizer has no tokens for.
        """
        ids = self._literal(text)
        if self._unknown is not None and self._unknown in ids:
            raise PlaitError("the tokenizer has no tokens for some signs of the text")
        return list(ids)

    def _plain(self, text: str) -> tuple[int, ...]:
        return tuple(self._text.encode(text, add_special_tokens=False).ids)

    def _in_template(self, text: str, chat: Chat) -> list[int]:
        literal = self._plain(text)
        if literal == self._ids(text):
            return self.encode(chat([_asked(text)], True))
        before, after = chat([_asked(BETWEEN)], True).split(BETWEEN)
        return [*self.encode(before), *literal, *self.encode(after)]

    def _id(self, token: str | int) -> int:
        number = token if isinstance(token, int) else self._tokens.token_to_id(token)
        if number is None:
            raise PlaitError(f"the tokenizer has no token '{token}'")
        return number


def _asked(text: str) -> Message:
    return {"role": "user", "content": text}
