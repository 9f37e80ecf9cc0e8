"""What a record spells out is text: "<eos>" in an answer is no end, "<mask>" no mask."""

import json
from dataclasses import replace

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from plait.layout import nap
from plait.models import box
from plait.models.codec import TokenizerCodec
from plait.train.records import RecordBatches, Records, fitting
from plait.train.tokens import SPECIAL

CODEC = TokenizerCodec.read(box.HERE / "plait-tiny" / box.CODEC)
SAID = ["write <mask>", "then <eos> <think 2>"]


def written(path, problems):
    path.write_text("".join(json.dumps(problem) + "\n" for problem in problems))
    return path


def test_a_row_reads_as_what_was_put_into_it():
    layout = nap(2, 40, 40)
    row = layout.row(CODEC, "go <user>", [*SAID, "<summary>"])
    slots = [[i for i, k in zip(row.ids, row.region, strict=True) if k == n] for n in range(3)]
    told = [slot[: slot.index(CODEC.eos_id)] for slot in slots]
    assert [CODEC.decode(ids) for ids in told] == [*SAID, "<summary>"]
    assert min(min(ids) for ids in told) >= len(SPECIAL)


@pytest.mark.parametrize("form", ["nap", "long_cot", "single", "plain"])
def test_training_writes_no_special_token_that_a_text_spells_out(tmp_path, form):
    problem = {"prompt": "go", "paths": SAID, "answer": "<mask> <eos> <eos>"}
    rows = Records(written(tmp_path / "said.jsonl", [problem]), form, 2, 60, 60, rows=2)
    (kept,) = fitting(rows, CODEC, 1024).problems
    batch = RecordBatches(rows, [kept], CODEC).number(0)
    assert not (batch["target"] == CODEC.mask_id).any()
    headers = {"nap": 3, "long_cot": 2, "single": 2, "plain": 0}[form]
    special = (batch["target"] < len(SPECIAL)) & (batch["target"] != CODEC.eos_id)
    assert special.sum(1).tolist() == [headers + 1] * 2  # those of the layout, and <user>


def test_a_text_is_as_long_as_what_is_written(tmp_path):
    """Seven signs and their end, not one token and its end."""
    problem = {"prompt": "go", "paths": [], "answer": "<mask>"}
    size = len(CODEC.literal("<mask>"))
    rows = Records(written(tmp_path / "said.jsonl", [problem]), "plain", 1, size + 1, rows=1)
    assert len(fitting(rows, CODEC, 1024).problems) == 1
    problem["answer"] += " "
    written(rows.file, [{**problem, "answer": "1"}, problem])
    told = fitting(replace(rows, length=size), CODEC, 1024).told()
    assert told == f"1 records are used; left out: 1 with an answer of {size} tokens or more"


def test_signs_that_cannot_be_written_leave_the_record_out(tmp_path):
    words = Tokenizer(models.WordLevel({"[UNK]": 0, "a": 1, "[SEP]": 2, "[MASK]": 3}, "[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    codec = TokenizerCodec(words.to_str(), "[MASK]", "[SEP]")
    problems = [{"prompt": "b", "paths": ["b"], "answer": said} for said in ("a a", "a b")]
    rows = Records(written(tmp_path / "said.jsonl", problems), "plain", 1, 9)
    kept = fitting(rows, codec, 99)
    assert [problem.answer for problem in kept.problems] == ["a a"]
    assert dict(kept.counts) == {"with signs that the tokenizer has no tokens for": 1}
