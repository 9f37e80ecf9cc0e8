"""Which parts of a decoder cannot work together, said before anything runs."""

from typing import TYPE_CHECKING

from .errors import PlaitError
from .length import finds_length
from .revise import Keep

if TYPE_CHECKING:
    from .decode import Decoder

WHY = {
    "masked": "reads every masked position in every round",
    "placed": "reads what is written in every round",
    "attention": "reads the attention of a whole forward pass",
}


def refuse(decoder: "Decoder") -> None:
    """Raise PlaitError if parts of a decoder contradict each other."""
    _judge(decoder)
    _cache(decoder)


def _judge(decoder: "Decoder") -> None:
    """A judge that replays one forward pass has the logits of its own versions, and no more."""
    if decoder.judge is None or not decoder.judge.replays:
        return
    name, guide = type(decoder.judge).__name__, type(decoder.guide).__name__
    if not decoder.guide.single:
        raise PlaitError(
            f"'{name}' looks at its own versions of a row in one forward pass, and the guide "
            f"'{guide}' looks at others; leave one of them out"
        )
    shown = [type(p).__name__ for p in decoder.parts.values() if "attention" in p.needs]
    moves = [type(decoder.reviser).__name__] if not isinstance(decoder.reviser, Keep) else []
    moves += [type(decoder.length).__name__] if finds_length(decoder.length) else []
    if shown or moves:
        why = "reads attention" if shown else "changes what is written, or where it stands"
        raise PlaitError(
            f"'{name}' makes a round of several on the logits of one forward pass, and "
            f"'{(shown + moves)[0]}' {why}; leave one of them out"
        )


def _cache(decoder: "Decoder") -> None:
    """A cache must recompute what other parts read, and must not keep what they may change.

    The pairs: what must be looked at in every round but is not recomputed; a reviser that reopens
    what a cache has kept for good; guides and judges that look at other canvases than the one
    whose keys and values are kept.
    """
    cache = decoder.cache
    if cache is None:
        return
    name = f"the cache '{type(cache).__name__}'"
    if decoder.judge is not None:
        raise PlaitError(
            f"{name} keeps one version of each row, and '{type(decoder.judge).__name__}' looks "
            "at several; leave out the cache, or choose another method"
        )
    if not decoder.guide.single:
        raise PlaitError(
            f"{name} keeps one version of each row, and '{type(decoder.guide).__name__}' looks "
            "at others too; leave out the cache, or choose another method"
        )
    for part in decoder.parts.values():
        missing = sorted((part.needs & WHY.keys()) - cache.offers)
        if missing and part is not cache:
            raise PlaitError(
                f"'{type(part).__name__}' {WHY[missing[0]]}, which {name} does not recompute; "
                "leave out the cache, or choose another method"
            )
    if cache.final and not isinstance(decoder.reviser, Keep):
        raise PlaitError(
            f"'{type(decoder.reviser).__name__}' takes back what is written, and {name} keeps "
            "that for good; choose the cache 'prefix' or 'dual'"
        )
