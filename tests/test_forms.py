"""Forms: a text with holes, and JSON from a schema, for any model."""

import json
import math
import string
from dataclasses import replace

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from plait import methods
from plait.decode import decode
from plait.errors import PlaitError
from plait.guide import Plain
from plait.infill import infill
from plait.layout import plain
from plait.schema import Slot, schema

LETTERS = string.printable[:95]  # ASCII from 0 to ~ and the space
MASK, EOS = 95, 96


class Letters:
    """A codec of single characters; what is not ASCII is lost, as with a small tokenizer."""

    mask_id, eos_id, stop_ids = MASK, EOS, frozenset({EOS})

    def encode(self, text):
        return [LETTERS.index(c) for c in text if c in LETTERS]

    def decode(self, ids):
        return "".join(LETTERS[i] for i in ids if i < 95)

    literal = prompt = encode


class Noise:
    """A model of random opinions that depend on the whole canvas, and on which letters it likes."""

    vocab = 97

    def __init__(self, seed=0, likes=""):
        self.seed, self.likes = seed, likes

    def __call__(self, canvas, where):
        out = []
        for row in range(len(canvas.tokens)):
            rng = torch.Generator().manual_seed(self.seed + int(canvas.tokens[row].sum()))
            out.append(4 * torch.randn(canvas.tokens.shape[1], self.vocab, generator=rng))
        logits = torch.stack(out)
        logits[..., [LETTERS.index(c) for c in self.likes]] += 9
        return logits[where]


def fill(layout, model, method="schema", confined=True, prompt="1+1"):
    decoder = methods.load(method)
    if confined and layout.confine is not None:
        decoder = replace(decoder, guide=layout.confine(Letters(), Plain()))
    start = layout.build(Letters(), [prompt])
    done, [trace] = decode(model, decoder, start)
    assert torch.equal(done.tokens[start.given], start.tokens[start.given])
    assert (trace.replay() == done.tokens[0].numpy()).all()
    return layout.read(Letters(), done, 0), done


# Holes


def test_a_hole_is_filled_and_the_text_around_it_is_kept():
    layout = infill("The answer is [[8]] because [[20]].")
    texts, done = fill(layout, Noise(), "llada")
    assert list(texts) == ["hole 1", "hole 2", "text"]
    assert texts["text"] == f"The answer is {texts['hole 1']} because {texts['hole 2']}."
    assert [int((done.region[0] == k).sum()) for k in (0, 1)] == [8, 20]


def test_a_form_can_stand_without_a_prompt_and_a_layout_cannot():
    fill(infill("a [[2]]"), Noise(), "confidence", prompt="")
    with pytest.raises(PlaitError, match="prompt is empty"):
        plain(4).build(Letters(), [""])


LITERAL = st.text(alphabet=LETTERS + "é\n€", max_size=12).filter(
    lambda t: "[[" not in t and "]]" not in t
)


@settings(max_examples=30)
@given(
    st.lists(st.tuples(LITERAL, st.integers(1, 5)), min_size=1, max_size=4),
    LITERAL,
    st.integers(0, 99),
)
def test_what_is_given_comes_back_byte_for_byte(pieces, tail, seed):
    text = "".join(f"{lit} [[{n}]] " for lit, n in pieces) + tail
    texts, _ = fill(infill(text), Noise(seed), "llada")
    expected = (
        "".join(f"{lit} {texts[f'hole {k}']} " for k, (lit, _) in enumerate(pieces, 1)) + tail
    )
    assert texts["text"] == expected


def test_brackets_can_be_written_as_they_are():
    texts, _ = fill(infill(r"a\[[3]] b \[[ c [[2]]"), Noise(), "ar")
    assert texts["text"] == "a[[3]] b [[ c " + texts["hole 1"]


@pytest.mark.parametrize(
    "text", ["none", "a [[x]]", "a [[]] b", "a [[0]]", "a [[3", "[[-2]]", "[[1.5]] [[2]]"]
)
def test_what_is_no_hole_is_refused_in_one_sentence(text):
    with pytest.raises(PlaitError) as error:
        infill(text)
    assert "\n" not in str(error.value)


# Schemas


def conforms(value, shape):
    """Structural validation by the rules of JSON Schema, as far as forms promise them."""
    if "anyOf" in shape:
        return any(conforms(value, s) for s in shape["anyOf"])
    if "const" in shape:
        return value == shape["const"]
    if "enum" in shape:
        return value in shape["enum"]
    kind = shape.get("type")
    if kind == "object":
        members = shape.get("properties", {})
        right = isinstance(value, dict) and list(value) == list(members)
        return right and all(conforms(value[k], s) for k, s in members.items())
    if kind == "array":
        least, most = shape.get("minItems", 0), shape.get("maxItems", math.inf)
        right = isinstance(value, list) and least <= len(value) <= most
        return right and all(conforms(v, shape["items"]) for v in value)
    numbers = int if kind == "integer" else int | float
    if kind in ("integer", "number"):
        return isinstance(value, numbers) and not isinstance(value, bool)
    return isinstance(value, {"string": str, "boolean": bool, "null": type(None)}[kind])


KEYS = st.text(min_size=1, max_size=6)
VALUES = st.one_of(st.text(max_size=5), st.integers(-99, 99), st.booleans(), st.none())
SCALAR = st.one_of(
    st.sampled_from([{"type": t} for t in ("string", "integer", "number", "boolean", "null")]),
    st.lists(VALUES, min_size=1, max_size=4).map(lambda values: {"enum": values}),
    st.one_of(st.text(max_size=4), st.integers()).map(lambda v: {"const": v}),
)  # fmt: skip
NULLABLE = SCALAR.map(lambda s: {"anyOf": [{"type": "null"}, s]})
SHAPES = st.recursive(
    st.one_of(SCALAR, NULLABLE),
    lambda inner: st.one_of(
        st.dictionaries(KEYS, inner, max_size=3).map(lambda p: {"type": "object", "properties": p}),
        st.builds(lambda i, a, b: {"type": "array", "items": i, "minItems": a, "maxItems": a + b},
                  inner, st.integers(0, 2), st.integers(0, 2)),
    ),
    max_leaves=5,
)  # fmt: skip


@settings(max_examples=50)
@given(
    SHAPES, st.integers(0, 99), st.booleans(), st.sampled_from(["", '"\\{}', "0123456789-", "-"])
)
def test_any_model_writes_json_that_fits_the_schema(shape, seed, confined, likes):
    try:
        layout = schema(shape, Letters(), tokens=5, digits=4)
    except PlaitError as error:
        assume("nothing to write" not in str(error))
        raise
    texts, _ = fill(layout, Noise(seed, likes), confined=confined)
    assert conforms(json.loads(texts["text"]), shape)
    for part in layout.render.parts:
        assert not isinstance(part, str) or part in texts["text"]


def test_literals_stand_on_the_canvas_token_for_token():
    shape = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}}
    texts, done = fill(schema(shape, Letters(), tokens=3, digits=2), Noise())
    whole = Letters().decode(
        done.tokens[0].masked_fill(~done.given[0], LETTERS.index("_")).tolist()
    )
    assert whole == '1+1{"a": "___", "b": __}'
    assert texts["text"].startswith('{"a": "')


def test_numbers_are_the_models_own_and_choices_are_spelt_out():
    shape = {"type": "object", "properties": {
        "n": {"type": "integer"}, "x": {"type": "number"}, "ok": {"type": "boolean"},
        "who": {"enum": ["ann", "bob", "anna"]}, "maybe": {"type": ["integer", "null"]},
    }}  # fmt: skip
    layout = schema(shape, Letters(), digits=4)
    for seed in range(8):
        texts, _ = fill(layout, Noise(seed), method="ar")
        assert texts["/n"].lstrip("-").isdigit() or texts["/n"] == "-"
        assert set(texts["/x"]) <= set("-.0123456789")
        assert texts["/ok"] in ("true", "false")
        assert texts["/who"] in ('"ann"', '"bob"', '"anna"')
        assert (
            texts["/maybe"] == "" or texts["/maybe"].lstrip("-").isdigit() or texts["/maybe"] == "-"
        )


def test_slots_become_values_by_hand():
    value = lambda kind, text, **more: Slot("/a", kind, **more).value(text)  # noqa: E731
    assert value("string", ' say "hi"<none>', quoted=True) == r"say \"hi\""
    assert value("string", "<none><none>", nullable=True) == "null"
    assert value("integer", "007.5") == "7"
    assert value("number", "x -0.50") == "-0.50"
    assert value("integer", "-") == "0"
    assert value("integer", "", nullable=True) == "null"
    assert value("choice", "fal", options=("true", "false")) == "false"


def test_a_pydantic_model_is_a_schema():
    pydantic = pytest.importorskip("pydantic")

    class Place(pydantic.BaseModel):
        street: str
        number: int | None

    class Person(pydantic.BaseModel):
        name: str
        home: Place
        tags: list[str]
        best: float = 1.5

    texts, _ = fill(schema(Person, Letters()), Noise())
    person = Person.model_validate_json(texts["text"])
    assert len(person.tags) == 2


@pytest.mark.parametrize("shape", [
    3, {"type": "thing"}, {"enum": []}, {"$ref": "#/nowhere"}, {"$ref": 5}, {"anyOf": []},
    {"type": "object", "required": ["a"]}, {"not": {"type": "string"}}, {"const": 1},
    {"type": "array", "items": {"type": "string"}, "minItems": 3, "maxItems": 1},
    {"properties": {"a": {"$ref": "#"}}},
    {"oneOf": [{"type": "integer"}, {"type": "number"}, {"type": "string"}]},
    {"type": "object", "properties": 3}, {"allOf": [{}, {}]}, {"type": ["null", "rock"]},
])  # fmt: skip
def test_a_schema_that_cannot_be_promised_is_refused_in_one_sentence(shape):
    with pytest.raises(PlaitError) as error:
        schema(shape, Letters())
    assert "\n" not in str(error.value)


def test_a_scaffold_keeps_its_rounds():
    shape = {"type": "object", "properties": {k: {"type": "string"} for k in "abc"}}
    layout = schema(shape, Letters(), tokens=10)
    start = layout.build(Letters(), ["1"])
    _, [trace] = decode(Noise(), methods.load("schema", rounds=8), start)
    assert trace.rounds <= 8  # 30 slots: 4 a round
    assert (trace.round == 0).sum() >= 4
