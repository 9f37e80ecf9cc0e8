"""Texts for a trace, so that people can read it where its model is not at hand."""

from dataclasses import replace

import numpy as np

from ..layout import Codec, Layout
from ..trace import Label, Trace

ANCHOR = "a"  # some tokenizers drop the space of a token that stands first


def labelled(trace: Trace, codec: Codec, layout: Layout, prompt: str = "") -> Trace:
    """The trace with its prompt, the names of its regions, and the text of each of its tokens.

    A token that is a part of a character has the text that the codec gives such a part.
    """
    known = {int(t) for t in np.unique(np.concatenate([trace.start, trace.token]))}
    before = codec.encode(ANCHOR)
    cut = len(codec.decode(before))
    special = (trace.mask_id, trace.eos_id)
    pieces = {t: codec.decode([*before, t])[cut:] for t in known if t not in special}
    names = tuple(segment.name for segment in layout.segments)
    return replace(trace, label=Label(prompt, names, pieces))
