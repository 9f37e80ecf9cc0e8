"""An answer in words: what was written, and how parallel its decoding was."""

from typing import TYPE_CHECKING

from .picture import printable

if TYPE_CHECKING:
    from ..generate import Answer


def plain(answer: "Answer") -> str:
    """All of an answer as plain lines."""
    text = f"prompt: {answer.prompt}\n{answer.text}\n{numbers(answer)}"
    return "\n".join(printable(line) for line in text.split("\n"))


def numbers(answer: "Answer") -> str:
    """What the decode took, and how far it was from left to right, in two lines."""
    order = answer.arness
    streams = " ".join(f"{value:.2f}" for value in order["per_stream"])
    return (
        f"{answer.rounds} rounds, {answer.forwards} forwards, {answer.answer_tokens} tokens, "
        f"{answer.tokens_per_forward:.2f} per forward, {answer.seconds:.2f} s\n"
        f"ARness {order['global@1']:.2f} on the whole canvas; inside each segment {streams}"
    )
