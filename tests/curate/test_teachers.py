"""Teachers: how paths are grouped, and a model in this process."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from fixtures import write_model
from servers import QUESTIONS
from traces import trace

from plait.curate import teachers
from plait.curate.sample import Drawn, Question
from plait.curate.teachers.model import ended
from plait.errors import PlaitError


def test_paths_are_grouped_by_question_in_their_order():
    paths = [(3, "d"), (0, "a"), (2, "c"), (1, "b")]
    drawn = ((number, Drawn(text, 0)) for number, text in paths)
    found = [(q, [p.text for p in some]) for q, some in teachers.gathered(drawn, 2)]
    assert found == [(1, ["c", "d"]), (0, ["a", "b"])]


def test_a_model_writes_paths_that_differ_and_depend_on_their_question_alone(model):
    teacher = teachers.load("model", model=model, temperature=1.0, device="cpu")
    whole = dict(teacher(QUESTIONS, 3, 0))
    assert set(whole) == {0, 1, 2}
    assert whole[2] == dict(teacher(QUESTIONS[2:], 3, 0))[0]
    assert whole[0] != dict(teacher(QUESTIONS[:1], 3, 1))[0]
    seeds = Counter(path.seed for paths in whole.values() for path in paths)
    assert max(seeds.values()) == 1


def test_a_model_leaves_out_what_it_has_no_room_for(model):
    teacher = teachers.load("model", model=model, device="cpu")
    long = Question("What is 1 + " + "1 + " * 300 + "?", "300")
    found = dict(teacher([long, QUESTIONS[0]], 1, 0))
    assert found[0] == []
    assert len(found[1]) == 1


def test_a_text_that_filled_its_slot_has_no_end():
    """By hand: two slots of two positions; an end is token 0, and 1 is a word."""
    done = trace([[0, 1], [2, 3]], 4, region=[0, 0, 1, 1])
    for tokens, told in (([1, 0, 0, 0], True), ([1, 1, 1, 0], False), ([0, 1, 1, 1], False)):
        assert ended(replace(done, token=np.array(tokens))) is told


def test_a_model_teaches_the_problems_of_a_task(plait, model, tmp_path):
    out = tmp_path / "out"
    args = ["curate", "task:chain", "--limit", 2, "--levels", 2, "--teacher", "model", "--out", out]
    result = plait(*args, "--set", f"model={model}", "--set", "device=cpu", "--json")
    assert result.code in (0, 1), result.err  # random weights may end no text
    report = json.loads(result.out)
    assert report["sampled_paths"] == 6
    settings = json.loads((out / "settings.json").read_text())["settings"]
    assert (settings["temperature"], settings["tokens_per_round"]) == (1.0, 1)
    (one, _) = [json.loads(line) for line in (out / "samples.jsonl").read_text().splitlines()]
    assert len(one["paths"]) == 3
    assert not any(path["correct"] is None for path in one["paths"])


@pytest.mark.parametrize(
    ("setting", "said"),
    [("model=nobody", "unknown model 'nobody'"), ("method=nobody", "unknown method 'nobody'"),
     ("ask=Solve it.", "has no {prompt}"), ("temperature=hot", "must be a number")],
)  # fmt: skip
def test_faulty_settings_of_a_model(plait, model, tmp_path, setting, said):
    args = ["curate", "task:chain", "--limit", 1, "--teacher", "model", "--out", tmp_path / "o"]
    result = plait(*args, "--set", f"model={model}", "--set", setting)
    assert result.code == 2
    assert said in result.err


def test_an_autoregressive_model_writes_left_to_right(tmp_path):
    """Greedy, it is `generate` by `ar`, one token per round, in one slot; and all paths agree."""
    import plait as p

    folder = write_model(tmp_path / "ar")
    settings = json.loads((folder / "config.json").read_text())
    slots = {"streams": 0, "length": 12, "summary": 1, "most": 0}
    causal = settings | {"attention": "causal", "shift": True, "layout": slots}
    (folder / "config.json").write_text(json.dumps(causal))
    prompts = [question.prompt for question in QUESTIONS]

    def drawn(**options):
        teacher = teachers.load("model", model=str(folder), length=12, device="cpu", **options)
        return {n: [path.text for path in some] for n, some in teacher(QUESTIONS, 2, 0)}

    loaded = p.load(str(folder), device="cpu")
    chosen = {"method": "ar", "layout": p.plain(12), "tokens_per_round": 1}
    wanted = [answer.raw.strip() for answer in p.generate(loaded, prompts, **chosen)]
    assert drawn(temperature=0.0) == {n: [text, text] for n, text in enumerate(wanted)}
    with pytest.raises(PlaitError, match="is 0; it must be >= 1"):
        teachers.load("model", model=str(folder), length=0, device="cpu")
    sampled = drawn()
    assert any(one != other for one, other in sampled.values())
