"""Second models: what they must share, what they read, and what they draft."""

from dataclasses import replace

import pytest
import torch
from cases import canvas, one_slot
from tiny import MASK, VOCAB, Digits, Tiny

from plait import auxiliary, methods
from plait.causal import Causal, predictions
from plait.decode import decode
from plait.draft import Helper
from plait.errors import PlaitError
from plait.models import box
from plait.models.denoiser import NetDenoiser
from plait.models.load import Model
from plait.models.transformer import Config, Transformer
from plait.start import Drafter


class Spelling(Digits):
    """A codec of any text."""

    def encode(self, text):
        return [ord(sign) % 15 for sign in text]


def model(codec=None, causal: bool = True, vocab: int = VOCAB, name: str = "m") -> Model:
    torch.manual_seed(0)
    small = Config(vocab, width=32, layers=2, heads=2, kv_heads=2, hidden=32, context=128)
    kind = {"attention": "causal", "shift": True} if causal else {}
    net = Transformer(replace(small, head_dim=16, **kind)).eval().requires_grad_(False)
    for weight in net.parameters():
        weight *= 8
    codec = codec or Spelling()
    device = torch.device("cpu")
    return Model(name, NetDenoiser(net), codec, 128, device, box.Slots(streams=0, length=8))


def spelling(mask: int, stops: set[int]) -> Spelling:
    codec = Spelling()
    codec.mask_id, codec.stop_ids, codec.eos_id = mask, frozenset(stops), min(stops)
    return codec


def test_a_tokenizer_is_shared_when_texts_are_cut_alike_and_some_end_is_common():
    mine = model(spelling(16, {0, 5}))
    auxiliary.same_tokenizer(mine, model(spelling(17, {5, 9})))
    with pytest.raises(PlaitError, match="aux has another tokenizer than m;"):
        auxiliary.same_tokenizer(mine, model(spelling(16, {9}), name="aux"))

    class Backwards(Spelling):
        def encode(self, text):
            return super().encode(text)[::-1]

    with pytest.raises(PlaitError, match="another tokenizer"):
        auxiliary.same_tokenizer(mine, model(Backwards()))


def test_a_reader_predicts_the_next_token_and_never_its_mask():
    """Row i is the network's prediction from tokens 0..i, whatever comes after."""
    own = model(spelling(15, {0}))
    reader = auxiliary.Reader(own)
    tokens = torch.randint(0, 15, (2, 9), generator=torch.Generator().manual_seed(0))
    logits = reader(tokens)
    assert logits.shape == (2, 9, VOCAB)
    for i in range(9):
        longer = torch.nn.functional.pad(tokens[:, : i + 1], (0, 1), value=3)
        pos = torch.arange(i + 2).expand(2, -1)
        expected = own.denoiser.net(longer, pos)[:, -1]
        expected[:, 15] = -torch.inf
        assert torch.allclose(logits[:, i], expected, atol=1e-4)
    assert isinstance(reader, Causal)


def test_what_a_reader_has_no_embedding_for_is_read_as_its_mask():
    reader = auxiliary.Reader(model(spelling(15, {0}), vocab=16))
    tokens = torch.tensor([[1, 2, 40, 3]])
    assert torch.equal(reader(tokens), reader(torch.tensor([[1, 2, 15, 3]])))


def test_a_diffusion_model_reads_nothing():
    with pytest.raises(PlaitError, match="m is not autoregressive"):
        auxiliary.Reader(model(causal=False))


@pytest.mark.parametrize("causal", [True, False])
def test_a_helper_drafts_with_its_own_mask_and_leaves_what_is_written(causal):
    aux = model(spelling(15, {0}), causal, vocab=16)
    start = canvas(one_slot(10))
    assert start.mask_id == MASK != 15
    drafter = auxiliary.drafter(aux)
    assert isinstance(drafter, Helper)
    assert isinstance(drafter, Drafter)
    draft = drafter(start)
    assert not ((draft == MASK) | (draft == 15))[start.masked].any()
    assert torch.equal(draft[start.given], start.tokens[start.given])


def test_a_model_that_has_learned_nothing_says_nothing():
    start, other = canvas(one_slot(10)), Tiny()
    logp = predictions(auxiliary.Uniform(VOCAB), start)
    known = torch.arange(VOCAB) != MASK
    assert torch.allclose(logp[..., known], torch.tensor(1 / (VOCAB - 1)).log())
    for options in ({}, {"weight": 0.5}):
        alone = methods.load("warm_start", **options)
        beside = methods.load("warm_start", **options, **auxiliary.unlearned("warm_start"))
        assert torch.equal(
            decode(other, beside, start)[0].tokens, decode(other, alone, start)[0].tokens
        )


@pytest.mark.parametrize(
    ("method", "wrong"),
    [("guided", {"k": 0}), ("edlm", {"completions": 0}), ("warm_start", {"share": 2.0})],
)
def test_other_settings_are_checked_without_a_model(method, wrong):
    beside = auxiliary.unlearned(method)
    methods.load(method, **beside)
    with pytest.raises(PlaitError, match=next(iter(wrong))):
        methods.load(method, **beside, **wrong)


def test_options_that_are_models_are_found_by_their_type():
    found = {name: auxiliary.options_of(name) for name in methods.names()}
    assert {name: kinds for name, kinds in found.items() if kinds} == {
        "guided": {"guider": Causal},
        "edlm": {"scorer": Causal},
        "warm_start": {"drafter": Drafter},
    }
