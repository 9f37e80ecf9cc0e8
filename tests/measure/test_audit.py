"""Corpora, diversity, calibration and the audit of a training set."""

import json
import math

import numpy as np
import pytest
from traces import trace

from plait.errors import PlaitError
from plait.measure.audit import audit, contamination, words
from plait.measure.calibration import calibration, confidence
from plait.measure.corpus import Record, correct, read
from plait.measure.dependence import Settings, examine, summaries, text_of
from plait.measure.diversity import diversity, similarity


def written(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_records_of_several_forms(tmp_path):
    path = written(
        tmp_path / "c.jsonl",
        {"question": "Q", "answer": "A text."},
        {"prompt": "P", "paths": ["one", {"text": "two"}], "answer": "3", "summary": "so 3"},
        {"problem": "R", "solutions": [{"model": "m", "reasoning": "three"}]},
        {"text": "no prompt"},
    )
    one, two, three, four = read(path)
    assert (one.line, one.prompt, one.text, one.whole()) == (1, "Q", "A text.", "A text.")
    assert (two.paths, two.text, two.whole()) == (["one", "two"], "", "one\ntwo\nso 3")
    assert three.paths == ["three"]
    assert (four.prompt, four.text) == ("", "no prompt")


FAULTS = {
    "not valid JSON": "{",
    "is a JSON object": "[1]",
    "there is no text to measure": '{"prompt": "P"}',
    "'text' is not a text": '{"text": 5}',
    "a path is a text": '{"paths": [3]}',
}


@pytest.mark.parametrize("said", FAULTS)
def test_faults_name_file_and_line(tmp_path, said):
    path = tmp_path / "c.jsonl"
    path.write_text('{"text": "good"}\n\n' + FAULTS[said] + "\n")
    with pytest.raises(PlaitError, match=r"c\.jsonl, line 3: ") as caught:
        read(path)
    assert said in str(caught.value)


def test_no_file_and_an_empty_one(tmp_path):
    with pytest.raises(PlaitError, match="there is no file"):
        read(tmp_path / "c.jsonl")
    (tmp_path / "c.jsonl").write_text("\n")
    with pytest.raises(PlaitError, match="holds no records"):
        read(tmp_path / "c.jsonl")
    (tmp_path / "c.jsonl.gz").write_bytes(b"no gzip")
    with pytest.raises(PlaitError, match="cannot be read"):
        read(tmp_path / "c.jsonl.gz")


def test_similarity_by_hand():
    """Runs of 3 words: {abc, bcd} and {abc, bce} share one of three."""
    assert similarity("a b c d", "A b c e") == pytest.approx(1 / 3)
    assert similarity("a b c d", "a b c d") == 1
    assert similarity("a b", "c d") == 0


def test_diversity_by_hand():
    found = diversity(["a b c d", "a  b c d", "x y z w"])
    assert found["similarity"] == pytest.approx(1 / 3)
    assert (found["duplicates"], found["near_duplicates"]) == (1, 1)
    assert found["distinct_1"] == 8 / 12
    assert found["distinct_2"] == 6 / 9
    assert math.isnan(diversity(["one"])["similarity"])
    assert diversity(["one two one"])["distinct_1"] == 2 / 3
    assert math.isnan(diversity(["one"])["distinct_2"])


def test_calibration_by_hand():
    found = calibration([0.9, 0.9, 0.9, 0.9, 0.2, 0.2], [1, 1, 1, 0, 0, 0])
    assert found["error"] == pytest.approx((4 * abs(0.75 - 0.9) + 2 * 0.2) / 6)
    assert found["brier"] == pytest.approx((3 * 0.01 + 0.81 + 2 * 0.04) / 6)
    assert calibration([0.0, 1.0], [False, True])["error"] == 0
    with pytest.raises(PlaitError, match="give one each"):
        calibration([0.5], [])
    with pytest.raises(PlaitError, match="outside"):
        calibration([1.5], [True])
    with pytest.raises(PlaitError, match="a verdict lies outside"):
        calibration([0.5], [2])


def test_a_calibrated_oracle_has_little_error():
    rng = np.random.default_rng(0)
    sure = rng.random(20_000)
    assert calibration(sure, rng.random(20_000) < sure)["error"] < 0.02


def test_confidence_is_that_of_the_last_region():
    t = trace([[0], [1], [2]], 3, [0, 1, 1])
    t.score[:] = np.log([0.1, 0.5, 0.5])
    assert confidence(t) == pytest.approx(0.5)
    assert confidence(t, 0) == pytest.approx(0.1)


def test_audit_by_hand():
    records = [
        Record(1, "one", paths=["so 2", "thus 3"], values={"gold": "2"}),
        Record(2, " ONE ", paths=["it is 5", "it is 5", "5 = 5"], values={"answer": 5}),
        Record(3, "two", text="free text here"),
    ]
    found = audit(records, words)
    assert found["records_with_paths"] == 2
    assert found["paths_per_record"] == {2: 1, 3: 1}
    assert found["repeated_prompts"] == 1
    assert found["repeated_texts"] == 1
    assert found["duplicate_paths"] == 1
    assert found["text_tokens"] == [2, 3, 3, 3]
    assert found["checked_records"] == 2
    assert found["right_texts"] == 4 / 5
    assert (found["records_all_wrong"], found["records_all_right"]) == (0, 1)


def test_an_audit_judges_as_curation_does():
    """1/2 is 0.5 and not the 2 on which it ends; of a word nothing is said."""
    half = Record(
        1, "p", paths=["it is 0.5", "so 2", "\\boxed{\\frac{1}{2}}"], values={"gold": "1/2"}
    )
    word = Record(2, "p", paths=["It is Paris.", "London"], values={"answer": "Paris"})
    told = Record(3, "p", text="so 18", values={"answer": "2 * 9 = 18\n#### 18"})
    found = audit([half, word, told], words)
    assert (found["checked_records"], found["right_texts"]) == (2, 3 / 4)


def test_an_empty_path_takes_its_own_flag_along_and_no_other(tmp_path):
    inside = [{"text": t, "correct": c} for t, c in (("a", True), ("", False), ("b", True))]
    path = written(
        tmp_path / "c.jsonl",
        {"prompt": "P", "paths": inside},
        {"prompt": "Q", "paths": ["a", "b", ""], "correct": [True, False, True]},
    )
    records = read(path)
    assert [correct(record) for record in records] == [[True, True], [True, False]]
    found = audit(records, words)
    assert (found["empty_paths"], found["checked_records"], found["right_texts"]) == (2, 2, 3 / 4)


def test_contamination_by_words():
    test = "A farmer has twelve red hens and sells nine of them for four dollars each today."
    records = [
        Record(1, test.upper(), text="x"),
        Record(
            2, "other", text="We know: a farmer has twelve red hens and sells nine of them for 4"
        ),
        Record(3, "A farmer has twelve hens", text="and sells nine of them"),
    ]
    found = contamination(records, [Record(1, test), Record(2, "short one")])
    assert (found["same_prompt"], found["shared_13_words"], found["lines"]) == (1, 1, [1])
    records[1] = Record(2, "o", text=f"Once: {test}")
    assert contamination(records, [Record(1, test)])["lines"] == [1, 2]


class Flat:
    """Log 2 per token, whatever stands before."""

    def __call__(self, trees):
        return [
            [np.full(len(p.ids) if p.scored and p.after is not None else 0, -math.log(2))
             for p in tree] for tree in trees
        ]  # fmt: skip


def letters(text):
    return [ord(c) for c in text]


def test_a_corpus_goes_on_where_it_stopped():
    records = [Record(n, "p", text="first line is here\nsecond line is here") for n in (1, 2, 4)]
    rows = list(examine(records, letters, Flat(), Settings(), frozenset({2})))
    assert [row["line"] for row in rows] == [1, 4]
    assert rows[0]["joint"] == pytest.approx([-19 * math.log(2), -19 * math.log(2)], abs=1e-6)
    assert {"shuffled", "swapped", "order"} <= rows[0].keys()
    (joint, *_) = summaries(rows, "bits")
    assert joint["seqdep"] == 0


class Counting(Flat):
    """Keeps how many texts came together; refuses long ones."""

    def __init__(self):
        self.sizes = []

    def __call__(self, trees):
        self.sizes.append(len(trees))
        if any(len(p.ids) > 30 for tree in trees for p in tree):
            raise PlaitError("too long")
        return super().__call__(trees)


def test_batches_give_the_same_rows_and_name_the_same_line():
    texts = ["first line is here\nsecond line is here", "one line", "and a third\nline of it all"]
    records = [Record(n, "p", text=text) for n, text in enumerate(texts, 1)]
    rows = {}
    for batch in (1, 3, 100):
        scorer = Counting()
        rows[batch] = list(examine(records, letters, scorer, Settings(), batch=batch))
        assert max(scorer.sizes) == {1: 1, 3: 3, 100: 8}[batch]
    assert rows[1] == rows[3] == rows[100]
    records.append(Record(9, "p", text="a line that is much too long for the scorer\nand more"))
    for batch in (1, 100):
        with pytest.raises(PlaitError, match="line 9: too long"):
            list(examine(records, letters, Counting(), Settings(controls=()), batch=batch))


def test_the_swapped_control_shows_the_next_record():
    class Reading(Flat):
        def __call__(self, trees):
            read.append({p.ids for tree in trees for p in tree})
            return super().__call__(trees)

    read: list = []
    texts = ["aaaaaaaa\nbbbbbbbb", "cccccccc\ndddddddd", "eeeeeeee\nffffffff"]
    records = [Record(n, "p", text=text) for n, text in enumerate(texts, 1)]
    list(examine(records, letters, Reading(), Settings(controls=("swapped",)), batch=3))
    for ids, other in zip(read, "cea", strict=True):
        assert tuple(letters(f"{other * 8}\n")) in ids


def test_bits_are_nats_over_log_2():
    rows = [{"tokens": [3, 4], "alone": [-9.0, -8.0], "joint": [-9.0, -6.0]}]
    assert summaries(rows)[0]["seqdep"] == 2
    assert summaries(rows, "bits")[0]["seqdep"] == pytest.approx(2 / math.log(2))
    assert summaries(rows, "bits")[0]["tokens_per_segment"] == 4
    assert summaries(rows)[0]["per_token"] == 0.5


def test_what_has_no_dependence_is_a_sentence():
    one = Record(7, "p", text="a single line")
    rows = list(examine([one], letters, Flat(), Settings()))
    assert rows[0]["alone"] == []
    with pytest.raises(PlaitError, match="no record has two segments"):
        summaries(rows)
    with pytest.raises(PlaitError, match=r"the corpus, line 7: .* the record has 0"):
        list(examine([one], letters, Flat(), Settings("path")))
    with pytest.raises(PlaitError, match="no segmenter"):
        Settings("paths")
    with pytest.raises(PlaitError, match="unknown control"):
        Settings(controls=("mixed",))


def test_headers_and_prompts_are_written_as_told():
    record = Record(1, "Q", paths=["ab", "cd"])
    text = text_of(record, letters, Settings("path", "<{prompt}>", "#"))
    assert (text.prompt, text.header) == (letters("<Q>"), letters("#"))
    assert text.segments == [letters("ab"), letters("cd")]
    summed = Record(1, "Q", paths=["ab", "cd"], summary="so x")
    assert text_of(summed, letters, Settings("path")).segments[2:] == [letters("so x")]
    assert summed.whole() == "ab\ncd\nso x"


def test_a_record_that_says_which_paths_are_right_is_believed(tmp_path):
    """Of an equation no last number can tell."""
    told = [{"text": "1+2", "correct": True}, {"text": "1*2", "correct": False}]
    path = written(
        tmp_path / "c.jsonl",
        {"prompt": "P", "paths": told, "answer": "1 + 2"},
        {"prompt": "Q", "paths": ["a", "b"], "correct": [True, True], "answer": "2"},
        {"prompt": "R", "paths": ["so 2", "so 3"], "answer": "2"},
    )
    found = audit(read(path), words)
    assert (found["checked_records"], found["records_all_right"]) == (3, 1)
    assert found["right_texts"] == pytest.approx(4 / 6)
