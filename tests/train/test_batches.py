"""Batches: where rows are cut, what is hidden or filled, and who sees whom."""

import torch
from tiny import Digits

from plait.layout import Row, nap
from plait.train.batches import (
    HIDDEN,
    Ends,
    batch,
    canvas,
    cut,
    filled,
    hide,
    picked,
    real_lengths,
)

EOS = Digits.eos_id
HEADERS = ("e", "f")  # the codec knows no words


def row(ids: list[int], region: list[int]) -> Row:
    return Row(ids, region, [max(r, -1) for r in region])


# A prompt of 1, a slot with two tokens and two ends, a slot with one token and two ends.
ROW = row([5, 3, 4, EOS, EOS, 7, EOS, EOS], [-1, 0, 0, 0, 0, 1, 1, 1])


def test_cut_by_hand():
    assert real_lengths(ROW, EOS) == [3, 2]
    short = cut(ROW, [2, 1])
    assert short.ids == [5, 3, 4, 7]
    assert short.region == [-1, 0, 0, 1]
    assert cut(ROW, [9, 9]) == ROW
    full = row([5, 3, 4], [-1, 0, 0])
    assert real_lengths(full, EOS) == [2]  # no end: the slot's length


def test_random_cut_takes_the_lengths_of_one_row():
    other = row([5, 3, 4, 6, EOS, EOS, EOS, EOS], [-1, 0, 0, 0, 0, 1, 1, 1])
    found = set()
    for seed in range(20):
        rng = torch.Generator().manual_seed(seed)
        a, b = Ends(cut="row")([ROW, other], EOS, 0, rng)
        assert a.region == b.region
        found.add(tuple(a.ids))
    assert found == {(5, 3, 4, EOS, 7, EOS), (5, 3, 4, EOS, EOS, 7)}


def test_hiding_by_hand():
    assert hide(ROW, EOS, 1).region == [-1, 0, 0, 0, HIDDEN, 1, 1, HIDDEN]
    assert hide(ROW, EOS, 4).region == [-1, 0, 0, 0, HIDDEN, 1, 1, 1]
    assert hide(ROW, EOS, 8) == ROW
    assert hide(ROW, EOS, 1).ids == ROW.ids


def test_filled_rows_need_no_mask():
    short = filled(row([5, 3, EOS], [-1, 0, 0]), 8, EOS)
    assert (short.ids, short.region) == ([5, 3, *[EOS] * 6], [-1, *[0] * 7])
    some = batch([ROW, short], Digits(), torch.Generator().manual_seed(0))
    assert "visible" not in some
    assert some["free"][1, 1:].all()
    assert filled(ROW, 8, EOS) == ROW


def test_blocked_streams_do_not_see_each_other():
    layout = nap(2, 4, 3, *HEADERS, cross="blocked")
    rows = [layout.row(Digits(), "12", ["34", "567", "8"])]
    some = batch(rows, Digits(), torch.Generator().manual_seed(0), blocked=True)
    region = torch.tensor(rows[0].region)
    one, two, last = (torch.where(region == k)[0] for k in range(3))
    seen = some["visible"][0]
    assert not seen[one][:, two].any()
    assert not seen[two][:, one].any()
    assert seen[last].all()
    assert seen[one][:, :2].all()  # the prompt
    assert not seen[one][:, last].any()
    drawn = layout.build(Digits(), ["12"])
    assert seen.equal(drawn.visible()[0])  # as it is decoded


def test_a_batch_is_the_canvas_that_is_decoded():
    layout = nap(2, 4, 3, *HEADERS)
    made = canvas([layout.row(Digits(), "12", ["34", "567", "8"])], Digits(), blocked=False)
    drawn = layout.build(Digits(), ["12"])
    assert made.region.equal(drawn.region)
    assert made.pos.equal(drawn.pos)
    assert made.tokens[made.region < 0].equal(drawn.tokens[drawn.region < 0])


def test_few_sizes_hold_all_masked_positions():
    masked = torch.zeros(4, 10, dtype=torch.bool)
    sizes = []
    for number in range(41):
        masked.view(-1)[torch.randperm(40)[:number]] = True
        places = picked({"masked": masked})["picked"]
        assert set(masked.flatten().nonzero().flatten().tolist()) <= set(places.tolist())
        assert len(set(places.tolist())) == len(places)
        sizes.append(len(places) - int(masked.sum()))
        masked.zero_()
    assert max(sizes[1:]) < 3
