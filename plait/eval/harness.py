"""plait as a model of lm-evaluation-harness: `--model plait`.

    lm-eval run --model plait --model_args pretrained=FOLDER,method=nap,tokens_per_round=4 ...

lm-eval finds it by the entry point `lm_eval.models` of this package in versions that read entry
points. Up to 0.4.13 it reads none, and registers what is imported; there, start the same command
line as `python -m plait.eval.harness run ...`.

Generation runs the code behind `plait generate`. Likelihoods are bounds by Monte Carlo
(`measure.likelihood.nelbo`): lower than the likelihood, and not to be held against those of
autoregressive models without saying so.
"""

import hashlib
import logging
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import torch
from lm_eval.api.model import TemplateLM
from lm_eval.api.registry import model_registry
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

from ..cli._session import Request
from ..decode import decode
from ..errors import PlaitError
from ..generate import decoder_for
from ..layout import plain
from ..measure.likelihood import known, nelbo
from ..models.codec import TokenizerCodec

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance

Ids = list[int]
BATCH = 8  # rows, where lm-eval says "auto"
MOST_TOKENS = 256  # of an answer, where neither task nor user says
NAME = "plait"


class Plait(TemplateLM):
    """A diffusion language model with a decoding method, as lm-eval sees it."""

    def __init__(
        self,
        pretrained: str = "plait-tiny",
        batch_size: int | str = BATCH,
        max_batch_size: int | None = None,  # noqa: ARG002  (lm-eval hands it to every model)
        device: str | None = None,
        draws: int = 128,
        greedy: bool = True,
        **options: Any,
    ) -> None:
        """Load a model: `options` are those of `plait generate`, and those of the method.

        `draws` of the Monte-Carlo bound for texts of several tokens; with `greedy` a likelihood
        comes with whether greedy decoding writes that text, at a forward per token.
        """
        super().__init__()
        if device is not None and device.startswith("cuda") and not torch.cuda.is_available():
            device = None  # lm-eval names cuda:0 where its user named nothing
        size = int(batch_size) if str(batch_size).isdecimal() else BATCH
        self._session = _request(pretrained, size, options | {"device": device}).open()
        self._fixed_length = options.get("length") is not None
        self._draws, self._greedy, self._templated = draws, greedy, False
        self._device = self._session.model.device

    @property
    def _codec(self) -> TokenizerCodec:
        codec: TokenizerCodec = self._session.model.codec  # type: ignore[assignment]
        return codec.spelt() if self._templated else codec.bare()

    @property
    def eot_token_id(self) -> int:
        """The end of a text; lm-eval puts it where there is no context, and we take it away."""
        return self._codec.eos_id

    @property
    def max_length(self) -> int:
        """Positions that the model has."""
        return self._session.model.context

    @property
    def tokenizer_name(self) -> str:
        """The model's name, for lm-eval's cache of requests."""
        return self._session.model.name

    def get_model_info(self) -> dict[str, Any]:
        """All that decides what comes out, for lm-eval's results."""
        return {"plait": self._session.conditions() | {"draws": self._draws}}

    def tok_encode(self, string: str, add_special_tokens: bool | None = None, **_: Any) -> Ids:
        """Token ids; `add_special_tokens=False` leaves out what stands before a request."""
        return self._codec.encode(string) if add_special_tokens is False else self._prompt(string)

    def apply_chat_template(
        self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> str:
        """The conversation in the model's template."""
        codec: TokenizerCodec = self._session.model.codec  # type: ignore[assignment]
        said = codec.conversation(chat_history, add_generation_prompt)
        self._templated = True  # from now on texts come with the template's tokens in them
        return said

    def chat_template(self, chat_template: bool | str = False) -> str | None:
        """The template by an example, so that lm-eval's results tell two of them apart."""
        if not chat_template:
            return None
        codec: TokenizerCodec = self._session.model.codec  # type: ignore[assignment]
        return codec.conversation([{"role": "user", "content": "?"}])

    def generate_until(
        self,
        requests: "list[Instance]",
        disable_tqdm: bool = False,  # noqa: ARG002
    ) -> list[str]:
        """Answer each context, cut before the first of the task's stop texts."""
        times: Counter[str] = Counter()
        groups: dict[tuple[tuple[str, Any], ...], list[tuple[int, str, int]]] = {}
        for number, request in enumerate(requests):
            context, given = request.args
            key = _key(context, times[context])  # the same question twice is two samples
            times[context] += 1
            groups.setdefault(tuple(_sampling(given).items()), []).append((number, context, key))
        answers: dict[int, str] = {}
        for sampling, asked in groups.items():
            answers |= self._generate(asked, dict(sampling))
        texts = []
        for number, request in enumerate(requests):
            text = _cut(answers[number], request.args[1].get("until"))
            self.cache_hook.add_partial("generate_until", request.args, text)
            texts.append(text)
        return texts

    def _generate(
        self, asked: Sequence[tuple[int, str, int]], sampling: dict[str, Any]
    ) -> dict[int, str]:
        session = self._session
        most = sampling.pop("max_gen_toks") or MOST_TOKENS
        if len(session.layout.segments) == 1 and not self._fixed_length:
            session = replace(session, layout=plain(most))
        model = replace(session.model, codec=self._codec)
        session = replace(session, model=model, decoding=session.decoding | sampling)
        good, answers = [], {}
        for one in asked:
            try:
                session.check(one[1])
                good.append(one)
            except PlaitError as error:
                logging.getLogger("lm_eval").warning(
                    "plait answers nothing where a prompt does not fit: %s", error
                )
                answers[one[0]] = ""
        found = session.stream([text for _, text, _ in good], [key for *_, key in good])
        return answers | {good[place][0]: answer.raw for place, answer in found}

    def _loglikelihood_tokens(
        self, requests: list[tuple[tuple[str, str], Ids, Ids]], **_: Any
    ) -> list[tuple[float, bool]]:
        """A lower bound of log p of each text, in nats, and whether greedy decoding writes it."""
        scores: list[tuple[float, bool]] = []
        for (context, text), before, ids in requests:
            before = before if context else self._prompt("")
            self._fits(ids)
            before = before[max(0, len(before) + len(ids) - self.max_length) :]
            result = self._bound(before, ids), self._greedy and self._writes(before, ids)
            if context or text:  # windows of a long text have neither, and are no requests
                self.cache_hook.add_partial("loglikelihood", (context, text), result)
            scores.append(result)
        return scores

    def loglikelihood_rolling(
        self,
        requests: "list[Instance]",
        disable_tqdm: bool = False,  # noqa: ARG002
    ) -> list[float]:
        """A lower bound of log p of each whole text: windows of the context, each token once."""
        totals = []
        for (text,) in (request.args for request in requests):
            total = sum(self._bound(before, ids) for before, ids in self._windows(text))
            self.cache_hook.add_partial("loglikelihood_rolling", (text,), total)
            totals.append(total)
        return totals

    def _windows(self, text: str) -> Iterator[tuple[Ids, Ids]]:
        ids, room = self._codec.encode(text), self.max_length - 1
        windows = get_rolling_token_windows(ids, self.eot_token_id, room, context_len=1)
        for number, window in enumerate(windows):
            before, after = make_disjoint_window(window)
            yield (before if number else self._prompt("")), after

    def _bound(self, before: Ids, ids: Ids) -> float:
        draws = 1 if len(ids) == 1 else self._draws  # one token is hidden or not: no chance in it
        canvas = known([before], [ids], self._codec.mask_id, self._codec.eos_id)
        key = torch.tensor([_key(repr((before, ids)))])
        canvas = replace(canvas, key=key).to(self._session.model.device)
        request = self._session.request
        model = self._session.model.denoiser
        (bound,) = nelbo(model, canvas, draws, request.seed, request.batch_size)
        return -bound.value

    def _writes(self, before: Ids, ids: Ids) -> bool:
        """Say whether the surest token one by one makes this text."""
        canvas = known([before], [ids], self._codec.mask_id, self._codec.eos_id)
        empty = canvas.erase(~canvas.given).to(self._session.model.device)
        decoder = decoder_for("confidence", tokens_per_round=1)
        done, _ = decode(self._session.model.denoiser, decoder, empty)
        return done.tokens[0].tolist() == canvas.tokens[0].tolist()

    def _prompt(self, text: str) -> Ids:
        return self._codec.prompt(text)

    def _fits(self, ids: Ids) -> None:
        if not ids:
            raise PlaitError("a text to be scored is empty")
        if len(ids) > self.max_length:
            raise PlaitError(
                f"a text to be scored has {len(ids)} tokens, and the model's context is "
                f"{self.max_length}"
            )


def _request(pretrained: str, batch_size: int, options: Mapping[str, Any]) -> Request:
    """The request of `plait generate` in these options; what it does not know is the method's."""
    own = {field.name for field in fields(Request)} - {"settings", "model", "batch_size"}
    known = {name: value for name, value in options.items() if name in own}
    settings = tuple(f"{name}={value}" for name, value in options.items() if name not in own)
    return Request(model=pretrained, batch_size=batch_size, settings=settings, **known)


def _sampling(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a task asks of sampling. Without do_sample it is greedy, as in lm-eval's own models."""
    most = given.get("max_gen_toks", given.get("max_tokens", given.get("max_new_tokens")))
    heat = float(given.get("temperature", 0.0) or 0.0)
    if not given.get("do_sample", heat > 0) or heat == 0:
        return {"max_gen_toks": most}
    return {
        "max_gen_toks": most,
        "temperature": heat,
        "top_p": float(given.get("top_p", 1.0)),
        "top_k": int(given.get("top_k", 0)),
    }


def _cut(text: str, until: str | Sequence[str] | None) -> str:
    stops = [until] if isinstance(until, str) else until or []
    ends = [text.find(stop) for stop in stops if stop and stop in text]
    return text[: min(ends, default=len(text))]


def _key(text: str, time: int = 0) -> int:
    """A name for the random numbers that neither batch nor order changes."""
    return int.from_bytes(hashlib.sha256(f"{time} {text}".encode()).digest()[:6], "big")


def register() -> None:
    """Tell lm-eval of this model; nothing to do where it has read the entry point."""
    if NAME not in model_registry:
        model_registry.register(NAME, target="plait.eval.harness:Plait")


def main() -> int:
    """Run lm-eval's own command line, with this model in its list."""
    import lm_eval.models  # noqa: F401  (its list is filled when it is first asked for, if empty)
    from lm_eval.__main__ import cli_evaluate

    from ..cli._say import FAULT, say

    register()
    try:
        cli_evaluate()
    except PlaitError as error:
        say(str(error))
        return FAULT
    return 0


if __name__ == "__main__":
    sys.exit(main())
