"""Recounting other projects' samples, against counts by hand."""

import json

import pytest
from data_files import lines
from data_files import write as write_data

from plait.eval.claim import Rule, count, recount
from plait.eval.source import Record

RULE = Rule(ends=frozenset({2}), fillers=frozenset({0, 1}))
PROMPT, ANSWER = [7, 8, 9], [11, 12, 13, 14]


def counted(rule: Rule = RULE, **values):
    found = count(Record("f", 1, values), rule)
    return found.prompt, found.answer, found.end, found.filler


def test_what_is_an_answer_token():
    assert counted(output_ids=ANSWER) == (0, 4, 0, 0)
    assert counted(output_ids=[*ANSWER, 2, 2, 2, 11]) == (0, 4, 4, 0)  # nothing after the end
    assert counted(output_ids=[11, 0, 12, 1, 2]) == (0, 2, 1, 2)  # padding and masks
    assert counted(output_ids=[2, *ANSWER]) == (0, 0, 5, 0)
    assert counted(generated_ids=[]) == (0, 0, 0, 0)


def test_prompts_never_count():
    assert counted(output_ids=[*PROMPT, *ANSWER, 2], prompt_ids=PROMPT) == (3, 4, 1, 0)
    assert counted(output_ids=[*ANSWER, 2], prompt_ids=PROMPT) == (3, 4, 1, 0)
    assert counted(output_ids=ANSWER, prompt_tokens=30) == (30, 4, 0, 0)


def test_texts_are_counted_by_their_tokenizer():
    rule = Rule(frozenset(), frozenset(), lambda text: [ord(sign) for sign in text])
    assert counted(rule, output="four") == (0, 4, 0, 0)
    assert counted(rule, resps=[["abc"]]) == (0, 3, 0, 0)


def samples(path, prompt=True):
    """Ten samples of 4 answer tokens on a canvas of 16, prompts of 3, half a second each."""
    rows = []
    for i in range(10):
        ids = [*(PROMPT if prompt else []), *ANSWER, *[2] * 12]
        rows.append(
            {"prompt_ids": PROMPT, "output_ids": ids, "seconds": 0.5, "correct": i % 2 == 0}
        )
    lines(path, rows)
    return path


def test_the_headline_is_traced_to_its_way_of_counting(tmp_path):
    found = recount(samples(tmp_path / "s.jsonl"), RULE, None, None)
    assert found.seconds == 5
    assert found.speeds() == {
        "answer tokens": 8.0,
        "whole canvas, padding and all": 32.0,
        "answer and prompt": 14.0,
        "whole canvas and prompt": 38.0,
    }
    assert found.behind(14.2) == "answer and prompt"
    assert found.behind(38) == "whole canvas and prompt"
    assert found.behind(100) is None
    assert (found.right.right, found.right.n) == (5, 10)


def test_the_command(plait, tmp_path):
    path = samples(tmp_path / "s.jsonl")
    claim = ("--tokens-per-second", 38, "--accuracy", 90)
    done = plait("check-claim", path, "--eos", "2", "--pad", "0,1", *claim)
    assert done.code == 0, done.err
    told = [[c.strip() for c in line.strip("| ").split("|")] for line in done.out.splitlines()]
    assert ["tokens per second", "38", "8.0", "it counts: whole canvas and prompt"] in told
    assert ["10", "30", "40", "120", "0", "160"] in told
    assert "50.0 % (23.7-76.3)" in done.out
    assert "outside of the 95 % interval" in done.out
    done = plait("check-claim", path, "--eos", "2", "--json", "--seconds", 10)
    assert json.loads(done.out)["speeds"]["answer tokens"] == 4.0


def test_answers_are_judged_anew(plait, tmp_path):
    data = write_data(tmp_path / "data")
    path = tmp_path / "s.jsonl"
    said = ["7 pens", "The answer is 12", "15"]  # of 7, 12, 14
    lines(path, [{"output": text, "correct": True, "seconds": 1} for text in said])
    words = tmp_path / "tokenizer.json"
    words.write_text(tokenizer())
    options = ("--task", "gsm8k", "--data-dir", data, "--tokenizer", words, "--accuracy", 100)
    done = plait("check-claim", path, *options)
    assert done.code == 0, done.err
    assert "66.7 %" in done.out
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    lines(path, [{**row, "id": f"test-{3 - i}"} for i, row in enumerate(rows)])
    assert "| 33.3 %" in plait("check-claim", path, *options).out  # 12 stays where it was


def tokenizer() -> str:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    made = Tokenizer(WordLevel({"?": 0}, unk_token="?"))
    made.pre_tokenizer = Whitespace()
    return made.to_str()


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ('{"x": 1}', (), "record 1: there are no token ids (output_ids"),
        ('{"output": "a"}', (), "record 1: it holds a text and no token ids"),
        ('{"output_ids": [1]}', (), "record 1: it holds token ids; give --eos"),
        (
            '{"output_ids": [1]}\n{"output_ids": ["a"]}',
            ("--eos", 2),
            "record 2: 'output_ids' is no",
        ),
        ('{"output_ids": [1], "prompt_tokens": -1}', ("--eos", 2), "'prompt_tokens' is no number"),
        ("{", (), "record 1: not valid JSON"),
        ("", (), "holds no samples"),
        ('{"output_ids": [1]}', ("--eos", "x"), "--eos: 'x' is no whole number"),
        ('{"output": "a"}', ("--tokenizer", "none.json"), "cannot be read as a tokenizer"),
        ('{"output_ids": [1]}', ("--eos", 2, "--task", "chian"), "did you mean 'chain'"),
    ],
)
def test_bad_input(text, options, said, plait, tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_text(text)
    done = plait("check-claim", path, *options)
    assert done.code == 2
    assert said in done.err.replace("\n", " ")
    assert done.err.count("\n") == 1


def test_no_file(plait):
    assert "there is no file 'gone.jsonl'" in plait("check-claim", "gone.jsonl").err


def test_samples_that_tell_nothing(plait, tmp_path):
    path = tmp_path / "s.jsonl"
    lines(path, [{"output_ids": ANSWER}])
    done = plait("check-claim", path, "--eos", 2)
    assert done.code == 0
    assert "neither seconds nor what is correct" in done.err
