"""Policies for ends of sequence, which any method can take."""

from dataclasses import replace

from .decode import Decoder
from .errors import PlaitError
from .guide import PenaliseEnd
from .length import EndAtEos, Full, finds_length


def with_ends(decoder: Decoder, penalty: float = 0.0, early: bool | None = None) -> Decoder:
    """Return the decoder with ends made less likely, and with or without an early stop.

    `penalty` is taken off the logit of ends, in nats; inf forbids them. `early` closes what lies
    right of an end, or goes on decoding it; None leaves that to the method. Raises PlaitError for
    a method that finds lengths by itself.
    """
    if penalty:
        decoder = replace(decoder, guide=PenaliseEnd(penalty, decoder.guide))
    if early is None:
        return decoder
    if finds_length(decoder.length):
        raise PlaitError(
            f"'{type(decoder.length).__name__}' decides where a region ends, and so does early "
            "stop; leave one of them out"
        )
    return replace(decoder, length=EndAtEos() if early else Full())
