"""SeqDep: exact on finite laws, and its scorer against plain forward passes."""

import math

import numpy as np
import pytest
import torch
from tiny import Digits
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from plait.errors import PlaitError
from plait.measure.scorer import CausalScorer, Piece, pack
from plait.measure.scorers import load_scorer
from plait.measure.segment import cut, merged
from plait.measure.seqdep import Text, gains, seqdep, summary
from plait.models.config import Config
from plait.models.denoiser import NetDenoiser
from plait.models.load import FOREIGN, Model
from plait.models.transformer import Transformer
from plait.theory.library import markov, paths
from plait.theory.policies import sequential_dependence

K = 10  # a token says both its place i and its symbol s: i * K + s


class LawScorer:
    """The law itself as scorer: log p(x_i | what stands before it in the text)."""

    def __init__(self, law):
        self.law = law

    def __call__(self, trees):
        return [self._tree(tree) for tree in trees]

    def _tree(self, tree):
        seen, scores = [], []
        for piece in tree:
            known = {} if piece.after is None else dict(seen[piece.after])
            values = []
            for token in piece.ids if piece.after is not None else ():
                place, symbol = divmod(token, K)
                left = self.law.given(known)
                values.append(math.log(left.marginal([place])[symbol,]))
                known[place] = symbol
            seen.append(known)
            scores.append(np.array(values if piece.scored else []))
        return scores


def rows(law, cuts, n, shuffle=False):
    rng = np.random.default_rng(0)
    words, mass = list(law.mass), np.array([float(p) for p in law.mass.values()])
    found = []
    for number, pick in enumerate(rng.choice(len(words), n, p=mass)):
        segments = [[i * K + words[pick][i] for i in part] for part in cuts]
        text = Text([], segments)
        found.append(gains(LawScorer(law), text, seed=number if shuffle else None))
    return found


def test_independent_paths_have_seqdep_0_in_every_text():
    law = paths(7)
    found = rows(law, [range(0, 2), range(2, 4), range(4, 6)], 20, shuffle=True)
    for row in found:
        assert seqdep(row) == pytest.approx([0, 0], abs=1e-12)
        assert seqdep(row, "shuffled") == pytest.approx([0, 0], abs=1e-12)


def test_the_summary_depends_on_the_paths():
    """The paths stay independent, and the summary's gain is its entropy: it follows from them."""
    law = paths(7)
    cuts = [range(0, 2), range(2, 4), range(4, 6), range(6, 7)]
    found = rows(law, cuts, 200)
    assert seqdep(found[0])[:2] == pytest.approx([0, 0], abs=1e-12)
    exact = sequential_dependence(law, cuts)
    assert exact == pytest.approx(math.log(2) / 3)
    assert summary(found)["seqdep"] == pytest.approx(exact)


@pytest.mark.parametrize("size", [1, 2])
def test_a_chain_has_the_analytic_value(size):
    """A chain that keeps its bit with probability 3/4: I = log 2 - H(3/4) at each boundary."""
    law = markov(6)
    cuts = [range(i, i + size) for i in range(0, 6, size)]
    exact = math.log(2) + 0.75 * math.log(0.75) + 0.25 * math.log(0.25)
    assert sequential_dependence(law, cuts) == pytest.approx(exact)
    found = summary(rows(law, cuts, 400))
    low, high = found["interval95"]
    assert low < exact < high
    assert high - low < 0.1
    assert found["profile"] == pytest.approx([exact] * (6 // size - 1), abs=0.12)
    assert found["per_token"] == pytest.approx(found["seqdep"] / size)


def test_shuffling_moves_the_profile_and_not_the_mean():
    """Total correlation is symmetric, so only the terms change."""
    law = markov(5)
    cuts = [[i] for i in range(5)]
    found = rows(law, cuts, 600, shuffle=True)
    plain, mixed = summary(found), summary(found, "shuffled")
    assert mixed["seqdep"] == pytest.approx(plain["seqdep"], abs=0.03)
    assert mixed["profile"][0] < plain["profile"][0] - 0.02  # seldom a neighbour


def test_another_text_tells_nothing():
    """Two words of independent coins: what the other shows is another place's symbol."""
    law = paths(7)
    text = Text([], [[0, 10], [21, 31]])
    found = gains(LawScorer(law), text, other=Text([], [[40, 50], [40]]))
    assert seqdep(found, "swapped") == pytest.approx([0], abs=1e-12)


def causal(width=32):
    torch.manual_seed(0)
    config = Config(
        17, width=width, layers=2, heads=2, kv_heads=1, head_dim=16, hidden=32, context=64,
        attention="causal", shift=True,
    )  # fmt: skip
    net = Transformer(config)
    with torch.no_grad():
        for weight in net.parameters():
            if weight.ndim == 2:
                weight.mul_(8)
    return Model("toy", NetDenoiser(net), Digits(), 64, torch.device("cpu"), FOREIGN)


def plain(model, before, ids):
    """log p of `ids` after `before`, from one ordinary forward pass; the mask never comes."""
    row = torch.tensor([[*before, *ids]])
    logits = model.denoiser.net(row, torch.arange(row.shape[1])[None], None, row == row)
    logits[:, model.codec.mask_id] = -torch.inf
    logp = logits.float().log_softmax(-1).gather(-1, row.T)[:, 0]
    return logp[len(before) :].detach().numpy()


@torch.inference_mode()
def test_a_tree_in_one_row_scores_like_separate_texts():
    model = causal()
    tree = [
        Piece((1, 2, 3), None),
        Piece((4, 5), 0),
        Piece((6,), 1),
        Piece((7, 8, 9), 0, scored=False),
        Piece((10, 4), 3),
        Piece((3, 3), 2),
    ]
    other = [Piece((), None), Piece((5, 6), 0)]
    first, second = CausalScorer(model)([tree, other])
    prompt = [1, 2, 3]
    assert first[0].size == first[3].size == 0
    assert first[1] == pytest.approx(plain(model, prompt, [4, 5]), abs=1e-4)
    assert first[2] == pytest.approx(plain(model, [*prompt, 4, 5], [6]), abs=1e-4)
    assert first[4] == pytest.approx(plain(model, [*prompt, 7, 8, 9], [10, 4]), abs=1e-4)
    assert first[5] == pytest.approx(plain(model, [*prompt, 4, 5, 6], [3, 3]), abs=1e-4)
    assert second[1] == pytest.approx(plain(model, [0], [5, 6]), abs=1e-4)


@torch.inference_mode()
def test_gains_are_differences_of_plain_log_probabilities():
    model = causal()
    text, other = Text([1], [[2, 3], [4], [5, 6]], [9]), Text([1], [[7], [8]])
    found = gains(CausalScorer(model), text, other, seed=3)

    def of(before, ids):
        return float(plain(model, before, ids).sum())

    assert found["alone"] == pytest.approx([of([1, 9], s) for s in text.segments], abs=1e-4)
    joint = [of([1, 9], [2, 3]), of([1, 9, 2, 3, 9], [4]), of([1, 9, 2, 3, 9, 4, 9], [5, 6])]
    assert found["joint"] == pytest.approx(joint, abs=1e-4)
    swapped = [of([1, 9, 7, 9], [4]), of([1, 9, 7, 9, 8, 9], [5, 6])]
    assert found["swapped"][1:] == pytest.approx(swapped, abs=1e-4)
    a, b, _ = (list(text.segments[i]) for i in found["order"])
    assert found["shuffled"][1] == pytest.approx(of([1, 9, *a, 9], b), abs=1e-4)


def test_a_diffusion_model_is_no_scorer():
    config = Config(17, width=32, layers=1, heads=2, kv_heads=1, head_dim=16, hidden=32)
    net = NetDenoiser(Transformer(config))
    with pytest.raises(PlaitError, match="is not autoregressive"):
        CausalScorer(Model("toy", net, Digits(), 64, torch.device("cpu"), FOREIGN))


def test_a_text_longer_than_the_context_is_a_sentence():
    with pytest.raises(PlaitError, match="70 tokens and toy reads 64"):
        CausalScorer(causal())([[Piece((1,) * 20, None), Piece((1,) * 50, 0)]])


def test_packing_hides_what_a_piece_does_not_continue():
    row = pack([Piece((1, 2), None), Piece((3,), 0), Piece((4,), 0)], 0)
    assert row.tokens.tolist() == [1, 2, 2, 3, 2, 4]
    assert row.pos.tolist() == [0, 1, 1, 2, 1, 2]
    assert row.visible[5].tolist() == [True, False, False, False, True, True]


def characters(text):
    return [ord(c) for c in text]


def test_segments_join_to_the_text():
    text = "One step here.\nTwo! And a longer sentence. ok\n\nThe last line."
    for name in ("step", "sentence", "fixed(7)", "parts(3)"):
        segments = cut(name, characters, text)
        assert "".join(chr(c) for segment in segments for c in segment) == text, name
        assert len(segments) > 1
    steps = ["".join(map(chr, s)) for s in cut("step", characters, text)]
    assert steps == ["One step here.\n", "Two! And a longer sentence. ok\n\n", "The last line."]
    sentences = ["".join(map(chr, s)) for s in cut("sentence", characters, text)]
    wanted = ["One step here.\nTwo!", " And a longer sentence. ok\n\n", "The last line."]
    assert sentences == wanted
    assert [len(s) for s in cut("parts(3)", characters, "x" * 10)] == [3, 4, 3]
    assert [len(s) for s in cut("fixed(4)", characters, "x" * 10)] == [4, 4, 2]


def test_short_segments_join_the_one_before():
    assert merged([[1] * 9, [2] * 3, [3] * 8]) == [[1] * 9 + [2] * 3, [3] * 8]
    assert merged([[1], [2] * 9, [3] * 9]) == [[1] + [2] * 9, [3] * 9]


def test_an_unknown_segmenter_is_a_sentence():
    for name in ("steps", "fixed(0)", "fixed(x)"):
        with pytest.raises(PlaitError, match="no segmenter"):
            cut(name, characters, "text")
    with pytest.raises(PlaitError, match="several paths"):
        cut("path", characters, "text")


def test_a_model_of_transformers_scores_like_plain_forward_passes(tmp_path):
    """GPT-2, which plait has no family for: learned positions, so that they must be right too."""
    hf = pytest.importorskip("transformers", reason="transformers is not installed")
    torch.manual_seed(0)
    config = hf.GPT2Config(vocab_size=20, n_positions=32, n_embd=32, n_layer=2, n_head=2)
    model = hf.GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.normal_(std=0.5)
    model.save_pretrained(tmp_path)
    known = {chr(97 + i): i for i in range(19)} | {"[UNK]": 19}
    words = Tokenizer(WordLevel(known, "[UNK]"))
    words.pre_tokenizer = Whitespace()
    hf.PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]", eos_token="a").save_pretrained(tmp_path)  # fmt: skip  # noqa: E501
    scorer = load_scorer(str(tmp_path), device="cpu")
    assert scorer.encode("b c") == [1, 2]
    with pytest.raises(PlaitError, match="no tokens for some signs"):
        scorer.encode("b z")
    tree = [Piece((1, 2, 3), None), Piece((4, 5), 0), Piece((6, 7), 1), Piece((8,), 0)]
    first, second = scorer([tree, [Piece((), None), Piece((5, 6, 7), 0)]])

    def own(before, ids):
        logits = model(torch.tensor([[*before, *ids]])).logits[0].log_softmax(-1)
        return [float(logits[len(before) + i - 1, t]) for i, t in enumerate(ids)]

    with torch.no_grad():
        assert first[1] == pytest.approx(own([1, 2, 3], [4, 5]), abs=1e-4)
        assert first[2] == pytest.approx(own([1, 2, 3, 4, 5], [6, 7]), abs=1e-4)
        assert first[3] == pytest.approx(own([1, 2, 3], [8]), abs=1e-4)
        assert second[1] == pytest.approx(own([0], [5, 6, 7]), abs=1e-4)
    with pytest.raises(PlaitError, match="40 tokens"):
        scorer([[Piece((1,) * 20, None), Piece((1,) * 20, 0)]])


def test_a_name_that_is_no_model_is_a_sentence(tmp_path):
    with pytest.raises(PlaitError, match="no model folder"):
        load_scorer(str(tmp_path / "none"))
    (tmp_path / "config.json").write_text('{"model_type": "strange"}')
    with pytest.raises(PlaitError, match="cannot be loaded as a causal model"):
        load_scorer(str(tmp_path))
