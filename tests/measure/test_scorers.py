"""A scorer reads texts as its model is used to them: after what its tokenizer puts before."""

import json

import pytest
import torch
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors

from plait.measure.scorer import CausalScorer, Piece, opening
from plait.measure.scorers import TransformersScorer, load_scorer

FRAMES = {"<bos> $A": (1,), "<bos> $A <end>": (1,), "$A": ()}


def test_what_stands_before_a_text():
    assert opening([1, 5, 6, 2], [5, 6]) == (1,)
    assert opening([5, 6], [5, 6]) == ()
    assert opening([5, 6, 2], [5, 6]) == ()


@pytest.fixture
def model():
    """A small Llama with sharp weights."""
    hf = pytest.importorskip("transformers", reason="transformers is not installed")
    torch.manual_seed(0)
    config = hf.LlamaConfig(
        vocab_size=20, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=32,
        bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    made = hf.LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for weight in made.parameters():
            if weight.ndim > 1:
                weight.normal_(std=0.5)
    return made


def save_words(folder, frame):
    words = {w: i for i, w in enumerate(["<unk>", "<bos>", "<end>", *"abcdefghijklmno"])}
    made = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.add_special_tokens([AddedToken(w, normalized=False) for w in ("<bos>", "<end>")])
    made.post_processor = processors.TemplateProcessing(
        frame, special_tokens=[("<bos>", 1), ("<end>", 2)]
    )
    (folder / "tokenizer.json").write_text(made.to_str())
    told = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<bos>"}
    told |= {"eos_token": "<end>", "unk_token": "<unk>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(told))


@pytest.mark.parametrize("frame", FRAMES)
def test_texts_stand_after_what_the_tokenizer_puts_before_them(frame, model, tmp_path):
    model.save_pretrained(tmp_path)
    save_words(tmp_path, frame)
    own = load_scorer(str(tmp_path), device="cpu")
    assert isinstance(own, CausalScorer)
    tree = [Piece(tuple(own.encode("c d")), None), Piece((7, 8), 0), Piece((9,), 1)]

    def logp(before, ids):
        with torch.no_grad():
            told = model(torch.tensor([[*FRAMES[frame], *before, *ids]])).logits[0].log_softmax(-1)
        return [float(told[i - len(ids) - 1, t]) for i, t in enumerate(ids)]

    for scorer in (own, TransformersScorer(str(tmp_path), "cpu", "float32")):
        with torch.inference_mode():
            ((_, first, second),) = scorer([tree])
        assert first == pytest.approx(logp([5, 6], [7, 8]), abs=1e-4)
        assert second == pytest.approx(logp([5, 6, 7, 8], [9]), abs=1e-4)
