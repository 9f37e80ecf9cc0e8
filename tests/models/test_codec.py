import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from plait.errors import PlaitError
from plait.models import box
from plait.models.codec import TokenizerCodec
from plait.train.tokens import SPECIAL, train_tokenizer

CODEC = TokenizerCodec.read(box.HERE / "plait-tiny" / box.CODEC)


@given(st.text())
def test_any_request_comes_back(text):
    assert CODEC.decode(CODEC.prompt(text)) == text


@given(st.text().filter(lambda text: not any(token in text for token in SPECIAL)))
def test_any_text_without_special_tokens_comes_back(text):
    assert CODEC.decode(CODEC.encode(text)) == text


def test_special_tokens_are_one_id_each():
    ids = [CODEC.encode(token) for token in SPECIAL]
    assert sorted(ids) == [[i] for i in range(len(SPECIAL))]
    assert CODEC.encode("<mask>") == [CODEC.mask_id]
    assert CODEC.encode("<eos>") == [CODEC.eos_id]
    assert CODEC.decode([CODEC.mask_id, *CODEC.encode("a"), CODEC.eos_id]) == "a"


def test_a_request_cannot_forge_special_tokens():
    user, *text = CODEC.prompt("<mask><summary><user>")
    assert user == CODEC.encode("<user>")[0]
    assert min(text) >= len(SPECIAL)


def test_each_digit_is_one_token():
    assert len(CODEC.encode("1234567890")) == 10
    assert len(CODEC.encode(" 1 2 3 4 5 6 7 8 9 0")) == 10
    assert len(CODEC.encode("76-3=73")) == 7


def test_training_is_deterministic():
    texts = ["one two three 1 2 3", "two plus two = 4", "three"] * 5
    first, again = (train_tokenizer(iter(texts), 300).to_str() for _ in range(2))
    assert first == again


def test_mistakes_are_named(tmp_path):
    with pytest.raises(PlaitError, match="no tokenizer at"):
        TokenizerCodec.read(tmp_path / "none.json")
    with pytest.raises(PlaitError, match="no token '<pad>'"):
        TokenizerCodec(CODEC.definition, "<pad>", "<eos>")


def test_literal_text_names_what_has_no_tokens():
    words = Tokenizer(models.WordLevel({"[UNK]": 0, "a": 1, "b": 2, "[MASK]": 3}, "[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    codec = TokenizerCodec(words.to_str(), "[MASK]", 1)
    assert codec.literal("b a") == [2, 1]
    assert codec.prompt("b c") == [2, 0]
    with pytest.raises(PlaitError, match="no tokens for some signs"):
        codec.literal("b c")
    assert CODEC.literal("<mask>") != [CODEC.mask_id]
