"""Nested records of tensors: their rows are taken, chosen and written over."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from plait.nested import choose, leaves, mapped, overwrite, take


@dataclass(frozen=True)
class Record:
    first: Tensor
    rest: dict
    kind: str = "left alone"


def record(start: int) -> Record:
    numbers = torch.arange(start, start + 6).reshape(3, 2)
    return Record(numbers, {"pair": (numbers + 100, [numbers[:, 0]]), "none": None})


def test_tensors_come_in_the_order_of_fields_and_keys():
    found = [x.flatten()[0].item() for x in leaves(record(0))]
    assert found == [0, 100, 0]
    assert leaves(None) == leaves(Record) == []


def test_only_tensors_change():
    doubled = mapped(lambda x: 2 * x, record(1))
    assert [x.flatten()[0].item() for x in leaves(doubled)] == [2, 202, 2]
    assert doubled.kind == "left alone"
    assert doubled.rest["none"] is None
    assert isinstance(doubled.rest["pair"], tuple)


def test_rows_are_taken_everywhere():
    some = take(record(0), torch.tensor([2, 0]))
    assert some.first.tolist() == [[4, 5], [0, 1]]
    assert some.rest["pair"][1][0].tolist() == [4, 0]


def test_each_row_is_chosen_whole():
    mixed = choose(torch.tensor([True, False, True]), record(0), record(50))
    assert mixed.first.tolist() == [[0, 1], [52, 53], [4, 5]]
    assert mixed.rest["pair"][1][0].tolist() == [0, 52, 4]


def test_rows_are_written_in_place():
    home = record(0)
    places = [x.data_ptr() for x in leaves(home)]
    overwrite(home, torch.tensor([1]), take(record(50), torch.tensor([0])))
    assert home.first.tolist() == [[0, 1], [50, 51], [4, 5]]
    assert home.rest["pair"][0].tolist() == [[100, 101], [150, 151], [104, 105]]
    assert [x.data_ptr() for x in leaves(home)] == places


def test_records_of_another_kind_are_refused():
    with pytest.raises(ValueError, match="zip"):
        choose(torch.tensor([True]), (torch.zeros(1),), (torch.ones(1), torch.ones(1)))
