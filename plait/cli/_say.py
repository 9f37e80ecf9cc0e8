"""What a user gets besides results: sentences on stderr and exit codes."""

import sys
from collections.abc import Sequence

FAULT, INTERRUPTED = 2, 130  # exit codes; 1 says that a part of the work could not be done


def say(sentence: str) -> None:
    """Write one line to stderr, marked as plait's."""
    print(f"plait: {sentence}", file=sys.stderr, flush=True)


def listed(words: Sequence[str]) -> str:
    """The words as a person lists them: a, b and c."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
