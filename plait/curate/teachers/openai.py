"""A model behind an OpenAI-compatible server: vLLM, SGLang, llama.cpp, or a service."""

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

from ...errors import PlaitError, missing
from ..sample import Drawn, Question, seed_of
from . import Gathered, Teacher, asked, gathered

UNANSWERABLE = (400, 413, 422)  # this prompt, as when it is longer than the context
AGAIN = (408, 409, 425, 429)  # and whatever is 500 or more


def openai(
    model: str,
    temperature: float = 1.0,
    top_p: float = 1.0,
    length: int = 2048,
    ask: str = "{prompt}",
    system: str = "",
    *,
    url: str,
    concurrent: int = 8,
    tries: int = 5,
    wait: float = 1.0,
    timeout: float = 600.0,
) -> Teacher:
    """Ask a server for each path by itself, with a seed of its own; `concurrent` at a time.

    `url` ends in /v1. `length` is in tokens of the server's model, `wait` and `timeout` in seconds;
    the wait doubles with each try. The key is read from OPENAI_API_KEY and stored nowhere.
    """
    try:
        from huggingface_hub import InferenceClient
    except ImportError:
        raise missing("teacher 'openai'", "huggingface_hub", "hub") from None
    if min(concurrent, tries, length) < 1:
        raise PlaitError("teacher 'openai': concurrent, tries and length must be >= 1")
    key = os.environ.get("OPENAI_API_KEY", "none")
    client = InferenceClient(base_url=url, api_key=key, timeout=timeout)

    def one(question: Question, seed: int) -> Drawn | None:
        told = [{"role": "system", "content": system}] if system else []
        said = [*told, {"role": "user", "content": asked(ask, question)}]
        sent: dict[str, Any] = {"model": model, "max_tokens": length, "temperature": temperature}
        for attempt in range(tries):
            try:
                return drawn(client.chat_completion(said, seed=seed, top_p=top_p, **sent), seed)
            except Exception as error:  # the client, HTTP and JSON raise of all kinds
                if _status(error) in UNANSWERABLE:
                    return None
                if attempt + 1 == tries or not _passing(_status(error)):
                    raise _failed(url, error) from None
                time.sleep(wait * 2**attempt)
        raise AssertionError("unreachable")

    def draw(questions: Sequence[Question], count: int, seed: int) -> Gathered:
        jobs = [(q, seed_of(seed, q, path)) for q in questions for path in range(count)]

        def paths() -> Iterator[tuple[int, Drawn | None]]:
            pool = ThreadPoolExecutor(concurrent)
            try:
                numbers = {pool.submit(one, *job): n for n, job in enumerate(jobs)}
                yield from ((numbers[done], done.result()) for done in as_completed(numbers))
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

        yield from gathered(paths(), count)

    return draw


def drawn(said: Any, seed: int) -> Drawn:
    """The path in what a server said."""
    if not said.choices:
        return Drawn("", seed)
    choice = said.choices[0]
    return Drawn(choice.message.content or "", seed, ended=choice.finish_reason != "length")


def _status(error: Exception) -> int:
    """The HTTP status of an error; 0 if it came to none."""
    return int(getattr(getattr(error, "response", None), "status_code", 0) or 0)


def _passing(status: int) -> bool:
    """May another try help?"""
    return status == 0 or status >= 500 or status in AGAIN


def _failed(url: str, error: Exception) -> PlaitError:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return PlaitError(
        f"the server at {url} does not answer ({reason}); what it answered before is kept: run the "
        "same command again"
    )
