from dataclasses import replace
from itertools import islice

import pytest
import torch

from plait.data.problem import split
from plait.data.tasks import load
from plait.errors import PlaitError
from plait.models import box
from plait.models.box import Slots
from plait.models.codec import TokenizerCodec
from plait.train.canvas_data import CanvasBatches, Drawer, Rows, excluded, favour_hard

CODEC = TokenizerCodec.read(box.HERE / "plait-tiny" / box.CODEC)
ROWS = Rows(positions=8 * 384)


def parts(row) -> dict[int, list[int]]:
    """Token ids per region, the prompt under -1, the headers under -2."""
    found: dict[int, list[int]] = {}
    for token, region in zip(row.ids, row.region, strict=True):
        found.setdefault(region, []).append(token)
    return found


def text(ids: list[int]) -> str:
    return CODEC.decode(ids[: ids.index(CODEC.eos_id)])


@pytest.fixture
def drawn(monkeypatch) -> list:
    """The problems that a drawer makes rows of, in order."""
    problems, make = [], Drawer._row

    def note(self, task, problem, rng):
        row = make(self, task, problem, rng)
        problems.extend([problem] if row else [])
        return row

    monkeypatch.setattr(Drawer, "_row", note)
    return problems


def test_rows_hold_prompt_streams_and_answer(drawn):
    for row in islice(Drawer(ROWS, CODEC, seed=1), 300):
        problem, found = drawn[-1], parts(row)
        given = found.pop(-1) + found.pop(-2)
        streams = len(found) - 1
        assert 1 <= streams <= 4
        headers = [f"<think {j}>" for j in range(1, streams + 1)] + ["<summary>"]
        assert given == CODEC.prompt(problem.prompt) + [CODEC.encode(h)[0] for h in headers]
        assert all(text(ids) for ids in found.values())
        assert text(found[streams]) == problem.answer
        assert load(problem.task).verify(problem, text(found[streams]))
        assert not any(CODEC.mask_id in ids for ids in found.values())
        assert len({len(found[k]) for k in range(streams)}) == 1  # streams are equally long
    assert {problem.task for problem in drawn} == set(ROWS.tasks)


def test_test_problems_and_excluded_problems_never_appear(drawn):
    list(islice(Drawer(ROWS, CODEC, 0), 200))
    assert {split(problem.key) for problem in drawn} == {"train"}
    keys = frozenset(problem.key for problem in drawn)
    drawn.clear()
    list(islice(Drawer(ROWS, CODEC, 0, keys), 200))
    assert len(drawn) == 200
    assert not keys & {problem.key for problem in drawn}


def test_texts_that_do_not_fit_are_drawn_again_and_counted():
    tight = Rows(usual=0.0, lengths=(20, 30))
    drawer = Drawer(tight, CODEC, 0)
    rows = list(islice(drawer, 50))
    assert drawer.counts["rows"] == 50
    assert sum(drawer.counts.values()) > 60
    assert all(CODEC.eos_id in ids for row in rows for k, ids in parts(row).items() if k >= 0)
    with pytest.raises(PlaitError, match="do not fit"):
        next(iter(Drawer(Rows(usual=0.0, lengths=(2, 3)), CODEC, 0)))


def test_an_answer_that_does_not_fit_the_summary_is_drawn_again_and_counted():
    rows = Rows(
        tasks={"countdown": 1.0},
        slots=Slots(1, 60, 12, 1),
        streams=(1.0,),
        usual=0.5,
        lengths=(24, 90),
        widths=(112,),
    )
    drawer = Drawer(rows, CODEC, 0)
    made = list(islice(drawer, 200))
    assert drawer.counts["redrawn countdown"] > 10
    slots = [parts(row)[1] for row in made]
    assert min(map(len, slots)) == 12 < max(map(len, slots))
    assert all(slot[-1] == CODEC.eos_id for slot in slots)


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_way_has_its_stream_where_paths_are_not_shuffled(shuffle):
    """Kinds of `multiply` by name: plain ones (=) come before those that carry (+)."""
    rows = replace(ROWS, tasks={"multiply": 1.0}, streams=(0, 0, 1), shuffle=shuffle)
    signs = set()
    for row in islice(Drawer(rows, CODEC, 0), 40):
        found = parts(row)
        signs.add("".join("+" if "+" in text(found[k]) else "=" for k in range(3)))
    assert signs == ({"=++", "+=+", "++="} if shuffle else {"=++"})


def test_batches_are_full_and_corrupted():
    widths = set()
    for batch in islice(CanvasBatches(ROWS, CODEC), 8):
        tokens, target, masked = batch["tokens"], batch["target"], batch["masked"]
        rows, width = tokens.shape
        widths.add(width)
        assert rows == ROWS.positions // width
        assert tokens[masked].eq(CODEC.mask_id).all()
        assert tokens[~masked].equal(target[~masked])
        assert not target.eq(CODEC.mask_id).any()
        assert not (masked & ~batch["free"]).any()
        assert masked.any()
    assert widths <= set(ROWS.widths)
    assert len(widths) > 1


def test_rows_are_repeated_with_other_masks():
    one, two = islice(CanvasBatches(replace(ROWS, repeats=2), CODEC), 2)
    assert one["target"].equal(two["target"])
    assert not one["masked"].equal(two["masked"])


def test_seeds_reproduce_and_differ():
    def first(seed: int) -> list[dict[str, torch.Tensor]]:
        return list(islice(CanvasBatches(ROWS, CODEC, seed=seed), 3))

    def same(one, other) -> bool:
        return all(torch.equal(a[k], b[k]) for a, b in zip(one, other, strict=True) for k in a)

    assert same(first(0), first(0))
    assert not any(
        a["target"].shape == b["target"].shape and a["target"].equal(b["target"])
        for a, b in zip(first(0), first(1), strict=True)
    )


def test_workers_make_different_batches():
    loader = torch.utils.data.DataLoader(CanvasBatches(ROWS, CODEC), batch_size=None, num_workers=2)
    one, other = islice(loader, 2)
    assert one["target"].shape != other["target"].shape or not one["target"].equal(other["target"])


def test_hard_levels_are_frequent():
    levels = favour_hard(load("countdown"))
    assert levels == sorted(levels)
    assert levels.count(max(levels)) > levels.count(min(levels))


def test_external_files_become_keys(tmp_path):
    file = tmp_path / "cd.jsonl"
    file.write_text('{"input": "3,4,5", "output": "12"}\n')
    assert len(excluded([f"countdown={file}"])) == 1
    with pytest.raises(PlaitError, match="TASK=FILE"):
        excluded(["countdown"])
