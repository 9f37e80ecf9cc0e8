"""Texts for a trace, so that people can read it where its model is not at hand."""

from dataclasses import replace

import numpy as np

from ..layout import Codec, Layout
from ..models import gguf_file, hub
from ..models.tokens import Words, read_words
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


def words_of(name: str) -> Words:
    """The tokenizer of a model (folder, GGUF file, hub id); no weights are read."""
    place = hub.find(name, ["tokenizer*", "special_tokens_map.json", "*.jinja", "*.txt"])
    found = gguf_file.open_file(place)[1] if place.is_file() else read_words(place)
    assert found is not None  # a GGUF file has a tokenizer or cannot be opened
    return found
