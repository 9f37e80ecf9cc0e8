import torch
from hypothesis import given
from hypothesis import strategies as st

from plait.apportion import Split


@given(st.lists(st.integers(1, 60), min_size=1, max_size=7), st.integers(1, 9))
def test_no_stream_runs_ahead_or_behind_by_one(capacity, per_round):
    """|done_j - c w_j / N| < 1 for all j and c, and the shares add up."""
    weight = torch.tensor([capacity])
    split, left, total = Split.start(weight), weight.clone(), sum(capacity)
    c = 0
    while left.sum():
        n = min(per_round, int(left.sum()))
        quota, split = split.give(torch.tensor([n]), left)
        assert quota.sum() == n
        assert (quota >= 0).all()
        left, c = left - quota, c + n
        done = weight - left
        if (left > 0).all() or not left.any():
            assert (abs(done - c * weight / total) < 1 + 1e-9).all()
    assert (left == 0).all()


def test_three_equal_streams_take_turns():
    split, left, order = Split.start(torch.tensor([[4, 4, 4]])), torch.tensor([[4, 4, 4]]), []
    for _ in range(12):
        quota, split = split.give(torch.tensor([1]), left)
        left = left - quota
        order.append(int(quota.argmax()))
    assert all(sorted(order[i : i + 3]) == [0, 1, 2] for i in range(0, 12, 3))


def test_a_finished_stream_gives_its_share_to_the_others():
    split = Split.start(torch.tensor([[10, 10, 10]]))
    quota, _ = split.give(torch.tensor([6]), torch.tensor([[10, 0, 10]]))
    assert quota.tolist() == [[3, 0, 3]]


def test_rows_with_other_counts_do_not_meddle():
    weight = torch.tensor([[5, 3], [5, 3]])
    quota, _ = Split.start(weight).give(torch.tensor([4, 1]), weight)
    alone, _ = Split.start(weight[:1]).give(torch.tensor([4]), weight[:1])
    assert quota[0].tolist() == alone[0].tolist()
    assert quota[1].sum() == 1
