"""`plait curate` from problems to a folder: resumed, refused, read by training."""

import json
import resource
from collections import Counter
from pathlib import Path

import pytest

from plait.curate import run, teachers
from plait.curate.questions import read
from plait.curate.sample import Drawn, Question, digest
from plait.curate.store import opened
from plait.errors import Notice, PlaitError
from plait.train import records as training


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def written(path: Path, *rows: dict) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


CHAIN = ("curate", "task:chain", "--levels", "3")


def test_a_task_becomes_records_that_training_reads(plait, tmp_path):
    out = tmp_path / "out"
    result = plait(*CHAIN, "--limit", 5, "--paths", 4, "--out", out, "--json")
    assert result.code == 0, result.err
    report = json.loads(result.out)
    assert report == json.loads((out / "report.json").read_text())
    assert (report["problems"], report["sampled_paths"], report["right_paths"]) == (5, 20, 1)
    for name, count in {"records.jsonl": 3, "long_cot.jsonl": 1}.items():
        for keep in ("all", "correct"):
            problems = training.read(out / name, keep)
            assert [len(problem.paths) for problem in problems] == [count] * 5
    whole, joined = lines(out / "records.jsonl"), lines(out / "long_cot.jsonl")
    for one, other in zip(whole, joined, strict=True):
        assert other["paths"][0]["text"] == "\n".join(path["text"] for path in one["paths"])
    assert not list(out.glob("*.part"))


def test_more_problems_continue_and_other_filters_ask_nobody(plait, tmp_path):
    out = tmp_path / "out"
    assert plait(*CHAIN, "--limit", 3, "--out", out).code == 0
    first = (out / "samples.jsonl").read_bytes()
    assert plait(*CHAIN, "--limit", 5, "--out", out).code == 0
    assert (out / "samples.jsonl").read_bytes().startswith(first)
    more = (out / "samples.jsonl").read_bytes()
    none = plait(*CHAIN, "--limit", 5, "--out", out, "--filter", "length=2")
    assert none.code == 1
    assert "no record came out" in none.err
    assert (out / "samples.jsonl").read_bytes() == more
    report = json.loads((out / "report.json").read_text())
    assert report["paths_left_out"] == {"length=2": 15}
    assert report["problems_left_out"] == {"fewer than 3 paths left": 5}
    assert (out / "records.jsonl").read_text() == ""
    other = plait(*CHAIN, "--limit", 5, "--out", out, "--seed", 1)
    assert other.code == 2
    assert "seed=0" in other.err


def test_a_killed_run_goes_on_to_the_same_records(plait, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert plait(*CHAIN, "--limit", 4, "--out", whole).code == 0
    assert plait(*CHAIN, "--limit", 4, "--out", killed).code == 0
    rows = (killed / "samples.jsonl").read_bytes().splitlines(keepends=True)
    (killed / "samples.jsonl").write_bytes(b"".join(rows[:2]) + rows[2][:30])
    (killed / "records.jsonl").unlink()
    assert plait(*CHAIN, "--limit", 4, "--out", killed).code == 0
    for name in ("samples.jsonl", "records.jsonl", "long_cot.jsonl"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes()


def test_problems_of_a_file_are_asked_once_and_never_if_a_test_holds_them(tmp_path):
    asked = Counter()

    def teacher(questions, count, seed):
        for number, question in enumerate(questions):
            asked[question.prompt] += 1
            yield number, [Drawn(f"way {i} gives 3", i) for i in range(count)]

    from plait.curate.build import Plan
    from plait.measure.audit import words
    from plait.measure.corpus import Record

    source = written(
        tmp_path / "p.jsonl",
        {"question": "One and two?", "answer": "#### 3"},
        {"question": "one and  two?", "answer": "#### 3"},
        {"question": "Held back?", "answer": "5"},
        {"question": "Nine?", "answer": "9"},
    )
    found, tests = read(str(source)), {"t": [Record(1, "HELD back?")]}
    usable = run.clean(found.items, tests)
    came = run.Came(usable, found.repeated, len(found.items) - len(usable))
    with opened(tmp_path / "out", {}) as store:
        list(run.sampled(store, usable, teacher, 2, 0))
        report = run.finish(store, came, tests, Plan({}, 2), "hand", words)
    assert asked == {"One and two?": 1, "Nine?": 1}
    assert (report["problems"], report["repeated"], report["contaminated"]) == (4, 1, 1)
    assert report["right_paths"] == 0.5
    flags = {r["gold"]: [p["correct"] for p in r["paths"]]
             for r in lines(tmp_path / "out/records.jsonl")}  # fmt: skip
    assert flags == {"3": [True, True], "9": [False, False]}


def test_a_path_that_holds_a_test_problem_is_left_out(tmp_path):
    from plait.curate.build import Plan
    from plait.measure.audit import words
    from plait.measure.corpus import Record

    text = "a b c d e f g h i j k l m n"
    with opened(tmp_path / "out", {}) as store:
        found = [Question("One?", "1"), Question("Two?", "2")]

        def teacher(questions, count, seed):
            yield 0, [Drawn(f"first {text}", 0), Drawn("1", 1)]
            yield 1, [Drawn("2", 0), Drawn("2 ", 1)]

        list(run.sampled(store, found, teacher, 2, 0))
        tests = {"t": [Record(1, text)]}
        report = run.finish(store, run.Came(found, 0, 0), tests, Plan({}, 2), "hand", words)
    assert report["problems_left_out"] == {"holds a test problem": 1}
    for name in ("records.jsonl", "long_cot.jsonl"):
        assert [row["gold"] for row in lines(tmp_path / "out" / name)] == ["2"]


def test_a_test_set_needs_prompts_alone(plait, tmp_path):
    assert plait(*CHAIN, "--limit", 2, "--out", tmp_path / "out").code == 0
    one, other = lines(tmp_path / "out" / "records.jsonl")
    rows = ({"prompt": one["prompt"], "answer": 4}, {"question": other["prompt"]})
    tests = [written(tmp_path / f"{i}.jsonl", row) for i, row in enumerate(rows)]
    against = [part for test in tests for part in ("--against", test)]
    result = plait(*CHAIN, "--limit", 3, "--out", tmp_path / "out", *against, "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out)["contaminated"] == 2
    checked = plait("audit", tmp_path / "out" / "long_cot.jsonl", *against, "--json")
    assert checked.code == 0, checked.err


def test_a_problem_that_repeats_with_another_answer_is_said(tmp_path):
    source = written(
        tmp_path / "p.jsonl",
        {"prompt": "One half?", "answer": "1/2"},
        {"prompt": "one  half?", "answer": "0.5"},
        {"prompt": "ONE half?", "answer": "2"},
        {"prompt": "Two?", "answer": "2"},
        {"prompt": "two?", "answer": "2.0"},
        {"prompt": "Two?", "answer": "3"},
    )
    said = r"another right answer: 2 \(first .*p\.jsonl, record 3: '2' and before '1/2'\)"
    with pytest.warns(Notice, match=said):
        found = read(str(source))
    assert [question.gold for question in found.items] == ["1/2", "2"]
    assert (found.repeated, found.contradictory) == (4, 2)


def test_a_silent_teacher_is_said_and_what_it_said_before_is_kept(tmp_path):
    questions = [Question(f"q {i}?", "1") for i in range(20)]

    def teacher(some, count, seed):
        yield from ((i, [Drawn("1" if i == 0 else " ", 0)] * count) for i in range(len(some)))

    silent = pytest.raises(PlaitError, match="no text to 16 problems in a row")
    with opened(tmp_path / "out", {}) as store, silent:
        list(run.sampled(store, questions, teacher, 2, 0))
    with opened(tmp_path / "out", {}) as store:
        assert [store.has(q) for q in questions] == [True] + [False] * 19
        with pytest.raises(PlaitError, match="choose another folder"):
            store.has(Question("q 0?", "2"))


def test_problems_that_cannot_be_asked_are_no_silence(tmp_path):
    """As they are too long: others are answered, and a second run does not end on them."""
    questions = [Question(f"q {i}?", "1") for i in range(20)]

    def teacher(some, count, seed):
        answers = {"q 19?": [Drawn("1", 0)] * count}
        yield from ((i, answers.get(question.prompt, [])) for i, question in enumerate(some))

    for _ in range(2):
        with opened(tmp_path / "out", {}) as store:
            todo = [question for question in questions if not store.has(question)]
            list(run.sampled(store, todo, teacher, 2, 0))
            assert [store.has(q) for q in questions] == [False] * 19 + [True]
    with opened(tmp_path / "other", {}) as store, pytest.raises(PlaitError, match="to 2 problems"):
        list(run.sampled(store, questions[:2], teacher, 2, 0))


def test_an_interrupted_run_keeps_each_sample_as_soon_as_it_is_done(plait, tmp_path, monkeypatch):
    from plait.curate.teachers import task

    whole = task.solve

    def stopped(questions, count, seed):
        for number, paths in whole(questions, count, seed):
            yield number, paths
            if number == 1:
                raise KeyboardInterrupt

    out = tmp_path / "out"
    monkeypatch.setattr(task, "solve", stopped)
    result = plait(*CHAIN, "--limit", 4, "--out", out)
    assert result.code == 130
    assert result.err.count("\n") == 1
    assert "run the same command again" in result.err
    assert len(lines(out / "samples.jsonl")) == 2
    monkeypatch.undo()
    assert plait(*CHAIN, "--limit", 4, "--out", out).code == 0
    assert len(lines(out / "records.jsonl")) == 4


def test_a_full_disk_is_one_sentence_and_a_rerun_completes(plait, tmp_path):
    whole, out = tmp_path / "whole", tmp_path / "out"
    assert plait(*CHAIN, "--limit", 8, "--out", whole).code == 0
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1500, limits[1]))
    try:
        full = plait(*CHAIN, "--limit", 8, "--out", out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert full.code == 2
    assert "samples.jsonl cannot be written" in full.err
    assert full.err.count("\n") == 1
    assert sorted(path.name for path in out.iterdir()) == ["samples.jsonl", "settings.json"]
    assert plait(*CHAIN, "--limit", 8, "--out", out).code == 0
    for name in ("samples.jsonl", "records.jsonl"):
        assert (out / name).read_bytes() == (whole / name).read_bytes()


FAULTS = [
    (["task:chain"], "say how many problems with --limit"),
    (["task:none", "--limit", "1"], "unknown task 'none'"),
    (["none.jsonl"], "there is no file 'none.jsonl'"),
    (["gold.jsonl"], "record 2: there is no right answer"),
    (["prompt.jsonl"], "record 1: there is no prompt"),
    (["good.jsonl"], "solves problems of a task"),
    (["good.jsonl", "--levels", "3"], "levels are of tasks"),
    (["good.jsonl", "--paths", "2"], "fewer than --streams 3"),
    (["good.jsonl", "--teacher", "nobody"], "unknown teacher 'nobody'"),
    (["good.jsonl", "--teacher", "openai"], "needs its model: give --set model=..."),
    (["good.jsonl", "--teacher", "task", "--set", "x=1"], "unknown option of teacher 'task'"),
    (["good.jsonl", "--filter", "correkt"], "did you mean 'correct'"),
    (["good.jsonl", "--against", "none.jsonl"], "there is no file"),
    (["good.jsonl", "--summary", "so"], "has no {answer}"),
    (["good.jsonl", "--filter", "length=-3"], "takes positions of a slot, 2 or more, not -3"),
    (["good.jsonl", "--filter", "length=nan"], "takes positions of a slot, 2 or more, not nan"),
    (["good.jsonl", "--filter", "near_duplicates=0"], "keeps no two paths at all"),
    (["half.jsonl"], "record 1: prompt or right answer holds half of a surrogate pair"),
    (["nan.jsonl"], "record 1: there is no right answer"),
    (["good.jsonl", "--against", "prompt.jsonl"], "line 1: there is no prompt"),
]


@pytest.mark.parametrize(("args", "said"), FAULTS, ids=[said for _, said in FAULTS])
def test_faults_are_one_sentence_and_leave_no_records(plait, tmp_path, monkeypatch, args, said):
    monkeypatch.chdir(tmp_path)
    written(Path("good.jsonl"), {"prompt": "One?", "answer": "1"})
    written(Path("gold.jsonl"), {"prompt": "One?", "answer": "1"}, {"prompt": "Two?"})
    written(Path("prompt.jsonl"), {"answer": "1"})
    written(Path("half.jsonl"), {"prompt": "One?", "answer": "1\ud83d"})
    written(Path("nan.jsonl"), {"prompt": "One?", "answer": float("nan")})
    result = plait("curate", *args)
    assert result.code == 2
    assert said in result.err
    assert result.err.count("\n") == 1
    assert not list(Path().glob("curated/records*"))


def test_what_does_not_change_the_text_does_not_bar_resuming(plait, model, tmp_path):
    def again(*settings):
        given = [part for setting in settings for part in ("--set", setting)]
        return plait(*CHAIN, "--limit", 1, "--teacher", "model", "--out", tmp_path / "out", *given)

    assert again(f"model={model}", "batch=2").code in (0, 1)
    assert again(f"model={model}", "batch=3", "device=cpu").code in (0, 1)
    other = again(f"model={model}", "temperature=0.5")
    assert other.code == 2
    said = "was made with settings.temperature=1.0 and this run has settings.temperature=0.5"
    assert said in other.err


def test_settings_by_which_nothing_was_made_bar_nothing(plait, tmp_path):
    source = written(tmp_path / "p.jsonl", {"prompt": "One?", "answer": "1"})
    args = ["curate", source, "--out", tmp_path / "out"]
    assert plait(*args).code == 2  # a task's solver solves no file
    silent = plait(*args, "--teacher", "model", "--set", "model=nobody")
    assert "unknown model 'nobody'" in silent.err


@pytest.mark.parametrize("name", teachers.names())
def test_every_teacher_tells_its_settings(name):
    given = {"model": "m", "url": "u"}
    assert set(teachers.settings_of(name, given)) == set(teachers.options_of(name))


def test_ids_are_hashes_of_words():
    assert Question("One  AND two", "3").id == digest("one and two")
