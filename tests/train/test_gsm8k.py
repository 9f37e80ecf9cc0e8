"""Paths and variants of annotated word problems, on problems of our own."""

import json
import random
import re
import runpy
import sys
from fractions import Fraction
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"
QUESTION = "Mia buys 6 boxes of 24 pens. She gives away 40 pens. How many pens has she left?"
ANSWER = "Mia has 6 * 24 = <<6*24=144>>144 pens.\nShe keeps 144 - 40 = <<144-40=104>>104.\n#### 104"


@pytest.fixture
def names(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    return runpy.run_path(str(BENCH / "gsm8k_paths.py"))


@pytest.fixture
def problem(names):
    return names["worked"](QUESTION, ANSWER)


def test_paths_by_hand(names, problem):
    assert names["paths"](problem) == {
        "text": "Mia has 6 * 24 = 144 pens.\nShe keeps 144 - 40 = 104.",
        "equations": "6*24=144\n144-40=104",
        "backward": "a=b-40\nb=6*24\nb=144\na=104",
        "swapped": "24*6=144\n144-40=104",
    }


def test_independent_steps_change_places(names):
    answer = "<<2*3=6>> <<4*5=20>> <<6+20=26>>\n#### 26"
    found = names["paths"](names["worked"]("x", answer))
    assert found["swapped"] == "5*4=20\n3*2=6\n20+6=26"
    assert found["backward"] == "a=c+b\nb=4*5\nc=2*3\nc=6\nb=20\na=26"


@pytest.mark.parametrize(
    "left", ["2+3+4", "2*3*4", "7-2-1", "2*(3+4)/7", "100/(2*5)", "(2+3)*(4+5)-6", "8/4/2*3"]
)
def test_commuting_keeps_the_value(names, left):
    assert names["value_of"](names["commuted"](left)) == names["value_of"](left)


@pytest.mark.parametrize(
    "answer",
    [
        "<<6*24=145>>\n#### 145",  # not exact
        "<<6*24=144>>\n#### 143",  # another answer
        "<<6*x=144>>\n#### 144",  # no number
        "<<6/0=144>>\n#### 144",
        "144 pens\n#### 144",  # no annotation
    ],
)
def test_unsound_solutions_are_not_used(names, answer):
    assert names["worked"](QUESTION, answer) is None


def test_variants_recompute_everywhere(names, problem):
    rng = random.Random(0)
    for _ in range(200):
        other = names["varied"](problem, rng)
        boxes, pens, given = map(int, re.findall(r"\d+", other.question))
        assert [e.result for e in other.equations] == [boxes * pens, boxes * pens - given]
        assert other.final == str(boxes * pens - given)
        assert boxes * pens > given
        assert other.text == (
            f"Mia has {boxes} * {pens} = {boxes * pens} pens.\n"
            f"She keeps {boxes * pens} - {given} = {boxes * pens - given}."
        )


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("He has 6 boxes. How many pens?", "<<6*24=144>>\n#### 144"),  # 24 comes from nowhere
        ("He adds 6 and 6.", "<<6+6=12>>\n#### 12"),  # which 6?
        ("He has 6 bags of 3 and 18 more.", "<<6*3=18>> <<18+18=36>>\n#### 36"),  # 18 is two things
        ("It takes 6/8 of 16.", "<<6/8=0.75>> <<0.75*16=12>>\n#### 12"),
    ],
)
def test_numbers_that_may_mean_something_else_stay(names, question, answer):
    found = names["changeable"](names["worked"](question, answer))
    assert "6" not in found
    assert question.startswith("It") or not found


def test_a_text_with_a_number_of_its_own_is_not_retold(names):
    answer = ANSWER.replace("Mia has", "Mia, who is 9, has")
    other = names["varied"](names["worked"](QUESTION, answer), random.Random(0))
    assert not other.text
    assert "text" not in names["paths"](other)


def test_numbers_are_shown_as_people_write_them(names):
    shown = [names["shown"](Fraction(v)) for v in ("12", "5/2", "1/4", "100")]
    assert shown == ["12", "2.5", "0.25", "100"]


@pytest.fixture
def data(tmp_path):
    """A folder with three training problems, of which one is held out, and a test problem."""
    folder = tmp_path / "gsm8k"
    folder.mkdir()
    rows = [{"question": QUESTION.replace("Mia", name), "answer": ANSWER} for name in "ABC"]
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "test.jsonl").write_text(json.dumps({"question": "other", "answer": "#### 1"}))
    held = rows[1]["question"].upper()
    (folder / "icot_valid_questions.txt").write_text(f"{held}||<<6*24=144>> #### 104\n")
    return tmp_path


@pytest.fixture
def records(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    for name in ("gsm8k_paths", "gsm8k_mistakes", "gsm8k_records"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return runpy.run_path(str(BENCH / "gsm8k_records.py"))


@pytest.fixture
def slips(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    monkeypatch.delitem(sys.modules, "gsm8k_paths", raising=False)
    return runpy.run_path(str(BENCH / "gsm8k_mistakes.py"))


def told(steps):
    return [f"{step.left}={step.result}" for step in steps]


def test_what_follows_a_mistake_is_computed_from_it(slips, names):
    answer = "<<2*30=60>> <<60-5=55>> <<55+60=115>>\n#### 115"
    right = names["worked"]("Of 2, 30 and 5", answer).equations
    followed = slips["followed"]
    assert told(followed(right, 0, "2+30")) == ["2+30=32", "32-5=27", "27+32=59"]
    assert told(followed(right, 1, "60*5")) == ["2*30=60", "60*5=300", "300+60=360"]
    assert followed(right, 1, "60/7") == ()  # no whole number where one was
    assert followed(right, 0, "2-30") == ()  # below zero
    assert followed(right, 0, "2/0") == ()


def test_mistakes_change_the_answer_and_stay_sound_arithmetic(slips, names, problem):
    found = [slips["mistaken"](problem, random.Random(seed)) for seed in range(60)]
    wrong = [other for other in found if other]
    assert len(wrong) > 50
    for other in wrong:
        assert other.question == problem.question
        assert Fraction(other.final) == other.equations[-1].result != Fraction(problem.final)
        for step in other.equations:
            assert names["value_of"](step.left) == step.result
            assert step.result > 0
            assert step.result.denominator == 1
    texts = {"\n".join(told(other.equations)) for other in wrong}
    assert "6*24=144" in texts  # a solution that ends a step early
    assert any("+" in text for text in texts)  # another operation
    alone = names["worked"]("x 3", "<<3=3>>\n#### 3")
    assert slips["mistaken"](alone, random.Random(0)) is None  # nothing can go wrong


class Letters:
    """A codec that counts signs."""

    def encode(self, text):
        return list(text)


def written(records, data, **changes):
    fields = {"kinds": ("equations",), "codec": Letters(), "length": 60, "most": 3} | changes
    counts = records["write"](data / "records.jsonl", data, **fields)
    lines = (data / "records.jsonl").read_text().splitlines()
    return counts, [json.loads(row) for row in lines]


def test_what_is_held_out_is_measured_and_never_trained_on(records, data):
    counts, rows = written(records, data)
    assert counts["held out"] == 1
    assert counts["records"] == 2
    assert not any(" B " in row["prompt"] or row["prompt"].startswith("B ") for row in rows)
    (only,) = records["asked"](data, "valid")
    assert only.question.startswith("B ")
    assert only.right("So it is 104.0 pens")
    assert not only.right("104 or 105")
    assert [item.question for item in records["asked"](data, "test")] == ["other"]


def test_variants_are_new_questions_and_the_same_for_all_kinds(records, data):
    _, rows = written(records, data)
    _, wide = written(records, data, kinds=("text", "equations", "backward", "swapped"))
    assert [row["prompt"] for row in rows] == [row["prompt"] for row in wide]
    assert len({row["prompt"] for row in rows}) == len(rows) > 2
    assert all(len(row["paths"]) == 1 for row in rows)
    assert all(len(row["paths"]) == 4 for row in wide)


def test_paths_longer_than_a_slot_are_left_out_and_counted(records, data):
    counts, rows = written(records, data, kinds=("text", "equations"), length=50, most=0)
    assert counts["records"] == 2
    assert all(len(row["paths"]) == 1 for row in rows)  # the text has more signs
    _, first = written(records, data, kinds=("text", "equations"), length=90, most=0, keep=1)
    assert all(row["paths"][0].startswith("Mia has 6") for row in first)
    assert all(len(row["paths"]) == 1 for row in first)
    with_none = {"length": 20, "most": 0}
    assert written(records, data, **with_none)[0]["records with too few paths that fit"] == 2


def test_records_say_which_paths_went_wrong(records, data):
    _, right = written(records, data, kinds=("equations", "backward", "swapped"))
    counts, rows = written(records, data, kinds=("equations", "backward", "swapped"), wrong=0.5)
    assert [row["prompt"] for row in rows] == [row["prompt"] for row in right]
    assert not any("correct" in row for row in right)
    pairs = [
        (new == old, flag)
        for row, before in zip(rows, right, strict=True)
        for new, old, flag in zip(row["paths"], before["paths"], row["correct"], strict=True)
    ]
    assert all(same == flag for same, flag in pairs)
    assert counts["wrong paths"] == sum(not flag for _, flag in pairs) > 0
    assert counts["right paths"] == sum(flag for _, flag in pairs) > 0
    assert all(row["answer"] == old["answer"] for row, old in zip(rows, right, strict=True))
    for row in rows:
        ends = [path.rpartition("=")[2] == row["answer"] for path in row["paths"]]
        assert ends == row["correct"]


@pytest.mark.parametrize(
    ("file", "text"), [("test.jsonl", QUESTION), ("icot_valid_questions.txt", "")]
)
def test_splits_that_are_not_apart_are_refused(records, data, file, text):
    line = json.dumps({"question": text.replace("Mia", "a"), "answer": "#### 1"}) if text else "zzz"
    path = data / "gsm8k" / file
    path.write_text(path.read_text() + "\n" + line + "\n")
    with pytest.raises(SystemExit):
        written(records, data)


def test_the_causal_arm_has_a_loss_on_path_and_answer_alone(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(BENCH))
    from plait.models import box
    from plait.models.codec import TokenizerCodec
    from plait.train.records import RecordBatches, Records, read

    path = tmp_path / "records.jsonl"
    made = [
        {"prompt": f"{a} + 1?", "paths": [f"{a}+1={a + 1}"], "answer": str(a + 1)} for a in (3, 45)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in made))
    codec = TokenizerCodec.read(box.HERE / "plait-tiny" / box.CODEC)
    rows = Records(path, form="single", streams=1, length=16, rows=2)
    names = runpy.run_path(str(BENCH / "nap_text_ar.py"))
    batch = next(iter(names["Rows"](RecordBatches(rows, read(path), codec))))
    told = set()
    for ids, labels, seen in zip(*(batch[n].tolist() for n in batch), strict=True):
        trained = [token for token in labels if token >= 0]
        real = ids[: sum(seen)]
        assert real[len(real) - len(trained) :] == trained
        assert trained[-1] == codec.eos_id
        assert seen == [1] * len(real) + [0] * (len(ids) - len(real))
        told.add((codec.decode(real[: -len(trained)]).strip(), codec.decode(trained)))
    assert told == {("3 + 1?", "3+1=4\n#### 4"), ("45 + 1?", "45+1=46\n#### 46")}


def test_every_arm_has_a_recipe(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(BENCH))
    given = "--model m --data-dir d --rate 1e-3 --warmup 7 --shift --length 64 --variants 0"
    monkeypatch.setattr(
        sys, "argv", ["nap_text.py", "--optimiser", "muon", *given.split(), "--out", str(tmp_path)]
    )
    args = runpy.run_path(str(BENCH / "nap_text.py"))["parse"]()
    names = runpy.run_path(str(BENCH / "nap_text_arms.py"))
    for kind in ("all", "equations", "text", "equations-backward-swapped"):
        (tmp_path / f"records-{kind}-64-0.jsonl").touch()
    for arm in names["ARMS"].values():
        made = names["recipe"](arm, args)
        found = made.optimiser
        assert (found.kind, found.rate, found.warmup, found.betas) == (
            "muon",
            1e-3,
            7,
            (0.9, 0.95),
        )
        assert made.model.shift == "yes"
        assert made.rows.shuffle
        assert made.rows.streams == (1 if arm.form == "single" else 3)
