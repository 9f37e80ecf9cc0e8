"""A round can be captured as a CUDA graph: nothing in it waits for the host."""

from dataclasses import replace

import pytest
import torch
from cached import CACHES, METHODS, canvas, model
from torch.utils._python_dispatch import TorchDispatchMode

from plait import cache as caches
from plait.canvas import Canvas
from plait.engine import loop
from plait.engine.rounds import Rounds
from plait.engine.sizes import bucket, doubled, together, widest
from plait.engine.weights import fused
from plait.nested import leaves

WAITS = ("_local_scalar_dense", "nonzero", "masked_select", "masked_scatter", "unique", "equal")


class Waits(TorchDispatchMode):
    """Notes operations whose result, or its shape, the host would have to wait for."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = str(func).split(".")[1]
        picked = args[1] if name in ("index", "index_put", "index_put_") else ()
        if name in WAITS or any(i is not None and i.dtype == torch.bool for i in picked):
            self.found.append(name)
        return func(*args, **(kwargs or {}))


def kinds(rounds: Rounds) -> list[tuple]:
    return [(x.shape, x.dtype) for x in leaves(rounds.now)]


def waits(decoder, layout, net) -> list[str]:
    with torch.inference_mode():
        rounds = Rounds(fused(net.net), decoder, canvas(layout))
        length = rounds.canvas.tokens.shape[1]
        before = kinds(rounds)
        with Waits() as noted:
            for _ in range(3):
                rounds.step(length, length)
    assert kinds(rounds) == before  # a graph copies what it leaves onto what it found
    return noted.found


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shift", [False, True])
def test_no_round_waits_for_the_host(method, shift):
    decoder, layout = METHODS[method]
    assert waits(decoder, layout, model("", shift)) == []


@pytest.mark.parametrize("name", CACHES)
def test_no_cache_waits_for_the_host(name):
    decoder, layout = METHODS["nap"]
    decoder, net = replace(decoder, cache=caches.load(name)), model(name)
    if loop.missing(net.net.config, decoder):
        pytest.skip("this cache runs in the plain loop only")
    assert waits(decoder, layout, net) == []


@torch.inference_mode()
def test_a_log_shares_no_memory_with_what_the_next_round_writes_over():
    decoder, layout = METHODS["nap"]
    rounds = Rounds(fused(model().net), decoder, canvas(layout))
    homes = {x.untyped_storage().data_ptr() for x in leaves(rounds.now)}
    log = rounds.step(*rounds.canvas.tokens.shape[1:] * 2)
    assert homes.isdisjoint(x.untyped_storage().data_ptr() for x in leaves(log))


@torch.inference_mode()
def test_graphs_are_captured_anew_for_the_first_row_with_padding(monkeypatch):
    def captured(self, *size):
        return lambda: None, self._round(self.now, *size)[1]

    monkeypatch.setattr(Rounds, "_captured", captured)
    decoder, layout = METHODS["confidence"]
    rounds = Rounds(fused(model().net), decoder, canvas(layout, ["12", "34"]), graphs=True)
    rounds.step(16, 16)
    slot, width = torch.tensor([0]), rounds.canvas.tokens.shape[1]
    rounds.join(slot, canvas(layout, ["56"]))
    assert rounds._replays
    rounds.join(slot, Canvas.stack([canvas(layout, ["5"]).row(0)], width))
    assert not rounds._replays


def test_at_least_one_row_goes_through_the_layers_at_once():
    assert [together(rows, 512) for rows in (1, 8, 9)] == [1, 8, 8]
    assert together(3, 5000) == 1


def test_waiting_is_noticed():
    with Waits() as noted:
        torch.ones(3)[torch.tensor([True, False, True])].sum().item()
    assert noted.found == ["index", "_local_scalar_dense"]


def test_rows_that_need_much_get_a_pass_of_their_own_where_that_is_less():
    assert widest([512], 512) == 0
    assert widest([512] * 8, 512) == 0
    assert widest([32] * 7 + [512], 512) == 1
    assert widest([512, 32, 32, 512, 32, 32, 32, 32], 512) == 4  # 8 * 32 + 4 * 512 < 8 * 512
    assert widest([512, 32], 512) == 1
    assert widest([40, 32, 32], 512) == 0  # 3 * 64 < 3 * 32 + 512
    assert widest([0, 0, 0], 512) == 0


def test_a_bucket_holds_its_count_and_grows_with_it():
    sizes = [bucket(n) for n in range(1, 3000)]
    assert all(size >= n for n, size in enumerate(sizes, 1))
    assert sizes == sorted(sizes)
    assert sorted(set(sizes))[:7] == [16, 32, 64, 128, 256, 288, 320]
    assert all(size < n + 128 for n, size in enumerate(sizes, 1))
    assert [doubled(n) for n in (0, 1, 16, 17, 1000, 1024)] == [16, 16, 16, 32, 1024, 1024]
