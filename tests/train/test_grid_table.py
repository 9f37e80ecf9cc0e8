"""The tables and claims of the comparison of NAP with its baselines."""

import numpy as np
import pytest


def cell(signs: str, arness: float = 0.5) -> dict:
    """A finished cell, as far as tables read it."""
    right = signs.count("1") / len(signs)
    each = " ".join([f"{1000 * arness:.0f}"] * len(signs))
    return {"rights": signs, "accuracy": right, "arness_per_mille": each}


def test_cells_are_averaged_over_seeds_and_compared_on_the_same_problems(bench):
    table = bench("nap_table")
    here = {0: cell("1110"), 1: cell("1010")}
    there = {0: cell("0110"), 1: cell("0010")}
    assert table.accuracy(here).startswith("62.5 (")
    assert table.accuracy(here).endswith("; 50.0-75.0, 2 seeds)")
    assert table.paired(here, there).startswith("+25.0 (")
    assert table.paired(there, here).startswith("-25.0 (")
    assert table.paired(here, {0: there[0]}).startswith("+25.0 (")  # the seed that both have
    assert table.paired(here, {}) == "not run"


def test_a_seed_is_rounded_once(bench):
    """159 of 1,319 are 12.05 %, which the cell keeps as 0.1205."""
    one = {"rights": "1" * 159 + "0" * 1160, "accuracy": 0.1205}
    assert bench("nap_table").accuracy({0: one, 1: one}).endswith("; 12.1-12.1, 2 seeds)")


def test_an_interval_knows_seeds_that_differ(bench):
    claims, rng = bench("nap_claims"), np.random.default_rng(0)
    alike = {seed: rng.choice([-1.0, 0.0, 1.0], 400) for seed in range(3)}
    far = {seed: values + seed - 1 for seed, values in alike.items()}
    mean, low, high = claims.interval(alike)
    assert mean == pytest.approx(np.mean(list(alike.values())))
    plain = 2 * 1.96 * (2 / 3 / 1200) ** 0.5
    assert plain < high - low < 2 * plain  # drawing both axes anew is cautious: up to sqrt(3)
    _, low, high = claims.interval(far)
    assert high - low > 1


def claimed(bench, changes: dict[str, dict[str, dict]]) -> list[str]:
    """The claims of results in which every cell is alike but for `changes`."""
    table, half = bench("nap_table"), "10" * 50
    results = {}
    for arm in ("base", "long_cot", "nap"):
        keys = [
            f"{c}|{m}|{b}" for c in ("own", "nap") for m in ("confidence", "nap") for b in (1, 8)
        ]
        results[arm, 0] = {"cells": {key: cell(half) for key in keys} | changes.get(arm, {})}
    return bench("nap_claims").claims(results, table.cells)


def test_claims_that_hold_are_confirmed(bench):
    low, high = "1" * 20 + "0" * 80, "1" * 90 + "0" * 10
    changes = {
        "long_cot": {"own|confidence|1": cell("10" * 50, arness=0.7)},
        "nap": {"own|nap|8": cell(high), "own|nap|1": cell(low)},
        "base": {"nap|nap|1": cell(low), "nap|nap|8": cell(low)},
    }
    found = claimed(bench, changes)
    assert len(found) == 4
    assert all("Confirmed here" in claim for claim in found)
    assert "+0.200 (+0.200 to +0.200) at 1 per round" in found[0]
    assert "Forced minus confidence: -30.0 (" in found[2]


def test_claims_that_do_not_hold_are_not_confirmed(bench):
    high = "1" * 90 + "0" * 10
    changes = {
        "long_cot": {"own|confidence|1": cell("10" * 50, arness=0.3)},
        "nap": {"own|nap|1": cell(high)},
    }
    found = claimed(bench, changes)
    assert ["Refuted" in claim for claim in found] == [True, True, True, False]
    assert "Open here" in found[3]


def test_claims_without_results_say_so(bench):
    table = bench("nap_table")
    found = bench("nap_claims").claims({("base", 0): {"cells": {}}}, table.cells)
    assert all(claim.endswith("Not run.") for claim in found)


def test_a_cell_tells_the_range_of_seeds_where_there_are_several(bench):
    table, seeds = bench("nap_table"), {seed: cell("1110") for seed in range(3)}
    told = "75.0 (30.1-95.4"
    assert table.accuracy({0: seeds[0]}) == f"{told}; 1 seed)"
    assert table.accuracy({0: seeds[0], 1: seeds[1]}) == f"{told}; 75.0-75.0, 2 seeds)"
    assert table.accuracy(seeds) == f"{told}; 75.0-75.0)"
    assert table.paired({0: seeds[0]}, seeds) == "+0.0 (+0.0 to +0.0; 1 seed)"
    assert table.paired(seeds, seeds) == "+0.0 (+0.0 to +0.0)"


def test_variants_are_compared_with_nap_by_either_decoder(bench):
    """A mean over budgets is there where all budgets are."""
    table = bench("nap_table")
    all_wrong, all_right = cell("0000"), cell("1111")
    keys = [f"own|{m}|{b}" for m in ("confidence", "nap") for b in (1, 8)]
    results = {("nap", 0): {"cells": dict.fromkeys(keys, all_wrong)}}
    found = dict.fromkeys(keys, all_wrong) | {"own|nap|8": all_right}
    results["nap_2", 0] = {"cells": found}
    results["nap_6", 0] = {"cells": {"own|nap|1": all_right}}
    (text,) = table.variants(results, ["nap", "nap_2", "nap_6"], ["1", "8"])
    head, _, *rows = text.splitlines()
    assert head == "| variant, method | 1 per round | 8 per round | mean |"
    zero, one = "+0.0 (+0.0 to +0.0; 1 seed)", "+100.0 (+100.0 to +100.0; 1 seed)"
    assert rows == [
        f"| nap_2, confidence | {zero} | {zero} | {zero} |",
        f"| nap_2, nap | {zero} | {one} | +50.0 (+50.0 to +50.0; 1 seed) |",
        f"| nap_6, nap | {one} | not run | not run |",
    ]
    assert table.variants(results, ["nap", "base"], ["1", "8"]) == []
