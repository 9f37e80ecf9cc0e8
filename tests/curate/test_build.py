"""Filters, the choice of paths, and records: laws, and cases worked out by hand."""

from collections import Counter
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.curate import filters
from plait.curate.build import Plan, build
from plait.curate.check import judged
from plait.curate.questions import gold
from plait.curate.sample import Drawn, Question, Sample, digest, seed_of
from plait.errors import PlaitError
from plait.eval.tasks import math500
from plait.measure.audit import words
from plait.measure.corpus import Record


def sample(*paths, name="q"):
    """A sample of paths that are texts, with + before a right one."""
    drawn = tuple(Drawn(p.lstrip("+"), i, correct=p[:1] == "+") for i, p in enumerate(paths))
    return Sample(name, f"How much is {name}?", "3", drawn)


def made(*samples, streams=2, **plan):
    names = plan.pop("filters", ["keep_all"])
    found = {name: filters.load(name, words) for name in names}
    return build(samples, Plan(found, streams, **plan), "hand")


def texts(record):
    return [path["text"] for path in record["paths"]]


@pytest.mark.parametrize("name", filters.names())
def test_every_filter_is_loaded_and_keeps_what_is_fine(name):
    chosen = filters.load(
        {"max_wrong": "max_wrong=0", "length": "length=9", "diversity": "diversity=0.5"}.get(
            name, name
        ),
        words,
    )
    good = [Drawn("one two three", 0, correct=True), Drawn("four five six", 1, correct=True)]
    if isinstance(chosen, filters.Each):
        assert all(map(chosen.keeps, good))
    else:
        assert chosen.keeps(good)


DROPS = {
    "correct": ["+a b c", "d e f"],
    "one_correct": ["a b c", "d e f"],
    "max_wrong=0.4": ["+a b c", "d e f"],
    "length=4": ["+a b c", "+a b c d"],  # 4 words and an end are 5
    "near_duplicates": ["+a b c d", "+A b  c d"],
    "diversity=0.3": ["+a b c d", "+a b c e"],  # alike by 1/3
}


@pytest.mark.parametrize("name", DROPS)
def test_a_filter_drops_what_it_is_for_and_the_report_names_it(name):
    built = made(sample(*DROPS[name]), filters=[name])
    assert not built.records
    told = {**built.paths, **built.questions}
    assert name in told
    assert len(made(sample(*DROPS[name])).records) == 1  # keep_all drops nothing
    allowed = {"max_wrong=0.4": "max_wrong=0.5", "length=4": "length=5"}
    if name in allowed:
        assert made(sample(*DROPS[name]), filters=[allowed[name]]).records


def test_the_chosen_paths_pass_together_whenever_some_can():
    """Of four paths one is right: with one_correct it is always among the two."""
    for seed in range(20):
        built = made(sample("a", "b", "+c", "d"), filters=["one_correct"], seed=seed)
        assert "c" in texts(built.records[0])
    free = Counter("c" in texts(made(sample("a", "b", "+c", "d"), seed=s).records[0])
                   for s in range(40))  # fmt: skip
    assert free[False]


def test_diverse_takes_the_least_alike():
    built = made(sample("a b c d", "a b c e", "x y z w"), choose="diverse", streams=2)
    assert "x y z w" in texts(built.records[0])
    alone = made(sample("a b c", "d e f"), choose="diverse", streams=1)
    assert len(texts(alone.records[0])) == 1


@pytest.mark.parametrize("right", [8, 9, 15])
def test_right_paths_among_many_are_found(right):
    """Of 12,870 choices one to all but half hold right paths alone: each problem has its record."""
    names = [f"+{i}" for i in range(right)] + [f"{i}" for i in range(right, 16)]
    built = made(*(sample(*names, name=f"q{i}") for i in range(5)), streams=8, filters=["correct"])
    together = made(
        *(sample(*names, name=f"q{i}") for i in range(5)), streams=8, filters=["max_wrong=0"]
    )
    assert len(built.records) == len(together.records) == 5
    firsts = {texts(record)[0] for record in together.records}
    assert len(firsts) > 1  # not all begin with the path that a shuffle put first


def test_the_order_of_paths_is_uniform():
    """600 questions, 6 orders: each about 100 times (5 standard deviations: 46)."""
    built = made(*(sample("a", "b", "c", name=f"q{i}") for i in range(600)), streams=3)
    seen = Counter("".join(texts(record)) for record in built.records)
    assert set(seen) == {"".join(order) for order in permutations("abc")}
    assert all(abs(n - 100) < 46 for n in seen.values())


@given(st.lists(st.tuples(st.text(max_size=6), st.booleans(), st.booleans()), max_size=6))
def test_every_path_is_used_whole_or_counted(paths):
    drawn = tuple(Drawn(t, i, correct=c, ended=e) for i, (t, c, e) in enumerate(paths))
    one = Sample("q", "How much?", "3", drawn)
    built = build([one], Plan({"keep_all": filters.load("keep_all", words)}, 2), "hand")
    good = [p.text.strip() for p in drawn if p.text.strip() and p.ended]
    assert sum(built.paths.values()) == len(drawn) - len(good)
    if len(good) < 2:
        assert not built.records
        assert built.questions == {"fewer than 2 paths left": 1}
    else:
        (record,) = built.records
        assert set(texts(record)) <= set(good)
        assert not built.questions


def test_records_tell_where_paths_are_from():
    built = made(sample("+a b", "c d"), summary="I concluded that it is {answer}.")
    (record,), (joined,) = built.records, built.long_cot
    assert record["answer"] == "I concluded that it is 3."
    assert (record["gold"], record["teacher"], record["prompt"]) == ("3", "hand", "How much is q?")
    flags = {path["text"]: (path["correct"], path["seed"]) for path in record["paths"]}
    assert flags == {"a b": (True, 0), "c d": (False, 1)}
    assert [path["hash"] for path in record["paths"]] == [digest(t) for t in texts(record)]
    assert texts(joined) == ["\n".join(texts(record))]
    assert joined["paths"][0]["of"] == [path["hash"] for path in record["paths"]]
    assert not joined["paths"][0]["correct"]


def test_a_choice_depends_on_its_sample_alone():
    samples = [sample("a", "b", "c", name=f"q{i}") for i in range(5)]
    assert made(*samples).records[3:] == made(*samples[3:]).records
    assert made(*samples).records != made(*samples, seed=1).records


def test_judges_read_numbers_mathematics_and_tasks():
    numbers = judged(Question("?", "1,200"), [Drawn("so $1200.00", 0), Drawn("12", 1)])
    assert [path.correct for path in numbers] == [True, False]
    maths = judged(Question("?", "\\frac{1}{2}"), [Drawn("so \\boxed{0.5}", 0), Drawn("none", 1)])
    assert [path.correct for path in maths] == [True, False]
    words = judged(Question("?", "sNaN"), [Drawn("so \\boxed{sNaN}", 0), Drawn("so 3", 1)])
    assert [path.correct for path in words] == [True, False]
    (kept,) = judged(Question("?", "3"), [Drawn("4", 0, correct=True)])
    assert kept.correct


def test_mathematics_without_math_verify_is_not_judged_by_numbers(monkeypatch):
    monkeypatch.setattr(math500, "find_spec", lambda _: None)
    with pytest.raises(PlaitError, match="judging mathematics needs math-verify"):
        judged(Question("?", "1/2"), [Drawn("so 2", 0)])


def test_gold_answers():
    assert gold({"answer": "2+1=3\n#### 3"}) == "3"
    assert gold({"answer": 3}) == gold({"gold": "3", "answer": "long"}) == "3"
    assert gold({"solution": "thus \\boxed{\\frac{1}{2}}"}) == "\\frac{1}{2}"
    assert gold({"gold": float("inf"), "answer": "1 is #### 1"}) == "1"
    assert gold({"answer": "  "}) == gold({"solution": "none"}) == gold({}) == ""


def test_seeds_differ_by_question_and_path():
    one, same, other = Question("A b", "1"), Question("a  B", "1"), Question("c", "1")
    assert one.id == same.id != other.id
    seeds = {seed_of(0, q, i) for q in (one, other) for i in range(50)}
    assert len(seeds) == 100
    assert all(0 <= seed < 2**31 for seed in seeds)


FAULTS = {
    "unknown filter 'rigth'": "rigth",
    "takes no number": "correct=1",
    "is no number": "length=long",
    "needs its slot": "length",
    "from 0 to 1, not 2": "max_wrong=2",
}


@pytest.mark.parametrize("said", FAULTS)
def test_faulty_filters(said):
    with pytest.raises(PlaitError, match=said):
        filters.load(FAULTS[said], words)


def test_faulty_plans():
    with pytest.raises(PlaitError, match=r"no \{answer\}"):
        Plan(summary="the end")
    with pytest.raises(PlaitError, match="must be >= 1"):
        Plan(streams=0)


def test_records_have_the_form_of_a_corpus():
    """What is written can be audited: paths and gold answer are found."""
    from plait.measure.audit import audit

    record = made(sample("+so 3", "so 4")).records[0]
    corpus = Record(1, record["prompt"], paths=texts(record), values=record)
    assert audit([corpus], words)["right_texts"] == 0.5
