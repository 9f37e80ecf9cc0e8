"""A model behind an OpenAI-compatible server: vLLM, SGLang, llama.cpp, or a service."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from math import inf
from queue import SimpleQueue
from typing import Any
from urllib.parse import urlsplit

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
        from huggingface_hub import InferenceClient, constants
    except ImportError:
        raise missing("teacher 'openai'", "huggingface_hub", "hub") from None
    _check(concurrent, tries, length, temperature, top_p, wait, timeout)
    _check_url(url)
    if constants.HF_HUB_OFFLINE:
        raise PlaitError(
            f"HF_HUB_OFFLINE keeps huggingface_hub from asking {url} too, wherever it is: set "
            "HF_HUB_OFFLINE=0 for this command"
        )
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

        yield from gathered(_at_once(lambda job: one(*jobs[job]), len(jobs), concurrent), count)

    return draw


def _at_once(
    ask: Callable[[int], Drawn | None], count: int, concurrent: int
) -> Iterator[tuple[int, Drawn | None]]:
    """Yield (number, answer) of the jobs 0, 1, ... as they are done; the first error is raised.

    Who stops waits for no request: Python ends without such threads, but not without a pool's.
    """
    todo = deque(range(count))
    done: SimpleQueue[tuple[int, Drawn | None, BaseException | None]] = SimpleQueue()

    def work() -> None:
        while todo:
            try:
                number = todo.popleft()
            except IndexError:  # another took the last one
                return
            try:
                done.put((number, ask(number), None))
            except BaseException as error:
                done.put((number, None, error))

    for _ in range(min(concurrent, count)):
        threading.Thread(target=work, daemon=True).start()
    try:
        for _ in range(count):
            number, answer, error = done.get()
            if error is not None:
                raise error
            yield number, answer
    finally:
        todo.clear()


def _check(
    concurrent: int,
    tries: int,
    length: int,
    temperature: float,
    top_p: float,
    wait: float,
    timeout: float,
) -> None:
    """Raise PlaitError for numbers by which no server can be asked."""
    fine = {
        "concurrent, tries and length must be >= 1": min(concurrent, tries, length) >= 1,
        "temperature must be 0 or more": 0 <= temperature < inf,
        "top_p must be above 0 and at most 1": 0 < top_p <= 1,
        "wait must be 0 seconds or more": 0 <= wait < inf,
        "timeout must be more than 0 seconds": 0 < timeout < inf,
    }
    for rule, kept in fine.items():
        if not kept:
            raise PlaitError(f"teacher 'openai': {rule}")


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of brackets, or of a port that is no number
        good = False
    if not good:
        raise PlaitError(f"teacher 'openai': url='{url}' is none; write http://HOST:PORT/v1")


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
