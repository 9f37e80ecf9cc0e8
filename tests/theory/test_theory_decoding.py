import itertools
import json
import math
from fractions import Fraction

import pytest
import torch

from plait import methods
from plait.budget import Budget
from plait.cli import main
from plait.decode import Denoiser
from plait.theory import library, policies
from plait.theory.decoding import enumerated, outcome, sampled, survey
from plait.theory.denoiser import LawDenoiser
from plait.theory.laws import FiniteLaw, tv
from plait.theory.policies import random_law

LAWS = {
    "even-parity": library.even_parity(5),
    "one-hot": library.one_hot(5),
    "markov": library.markov(5),
    "permutations": library.permutations(3),
}


def decoder(name: str, per_round: int = 1):
    return methods.load(name, budget=Budget(per_round))


@pytest.mark.parametrize("seed", range(3))
def test_logits_are_the_log_of_the_exact_conditionals(seed):
    law = random_law(3, 3, seed)
    model = LawDenoiser(law)
    assert isinstance(model, Denoiser)
    for seen in itertools.product((0, 1, 2, model.mask_id), repeat=3):
        canvas = model.canvas([0])
        canvas = canvas.write(torch.ones(1, 3, dtype=torch.bool), torch.tensor([seen]))
        logits = model(canvas, canvas.masked)
        assert logits.shape == (seen.count(model.mask_id), model.vocab)
        shown = {i: s for i, s in enumerate(seen) if s != model.mask_id}
        fits = any(all(w[i] == s for i, s in shown.items()) for w in law.mass)
        masked = [i for i in range(3) if i not in shown]
        for i, row in zip(masked, logits, strict=True):
            want = [Fraction(1, 3)] * 3
            if fits:
                marginal = law.given(shown).marginal([i])
                want = [marginal[s,] for s in range(3)]
            assert torch.allclose(row[:3].exp(), torch.tensor([float(p) for p in want]).double())
            assert (row[3:].exp() == 0).all()


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("size", [1, 2, 3])
def test_left_to_right_decoding_writes_what_the_policy_says(name, size):
    """The engine, enumerated, against exact fractions from the policy: two roads, one number."""
    law = LAWS[name]
    found = enumerated(decoder("ar", size), LawDenoiser(law), None)
    exact = policies.distance(policies.follow(law, policies.in_blocks(law.n, size)))
    assert math.isclose(found.tv, exact, abs_tol=1e-6)
    assert found.mean_rounds == pytest.approx(math.ceil(law.n / size))
    assert (found.space, found.radius) == (law.n, 0)


def test_one_round_writes_the_product_of_the_marginals():
    law = library.markov(4)
    product = FiniteLaw(dict.fromkeys(itertools.product((0, 1), repeat=4), Fraction(1, 16)))
    for name in ("ar", "confidence"):
        found = enumerated(decoder(name, 4), LawDenoiser(law), None)
        assert math.isclose(found.tv, tv(law, product), abs_tol=1e-6)


def test_enumeration_and_sampling_agree():
    model = LawDenoiser(LAWS["markov"])
    exact = enumerated(decoder("confidence"), model, None)
    seen = sampled(decoder("confidence"), model, None, draws=3000, seed=0)
    assert abs(exact.tv - seen.tv) <= seen.radius < 0.2
    assert exact.mean_rounds == pytest.approx(seen.mean_rounds)


def test_what_is_written_over_counts_as_written():
    """`edit` takes nothing back: rounds after the last mask are there to write over."""
    found = sampled(methods.load("edit", block=2), LawDenoiser(library.markov(4)), None, 40, seed=0)
    assert found.mean_rounds > 4
    assert found.mean_writes > 4


def test_picking_the_surest_draw_is_biased_even_one_at_a_time():
    """A draw that is picked for being likely is likelier than the law says."""
    model = LawDenoiser(LAWS["markov"])
    assert enumerated(decoder("ar"), model, None).tv < 1e-6
    assert enumerated(decoder("confidence"), model, None).tv > 0.3


def test_random_order_is_found_out_and_sampled():
    model = LawDenoiser(LAWS["one-hot"])
    found, how = outcome(decoder("random"), model, None, draws=2000, seed=0)
    assert how == "sampled: the method uses random numbers of its own"
    assert found.tv <= found.radius


def test_streams_are_free_when_the_paths_are_independent():
    """One token of each path per round costs nothing; one more, or no streams, does."""
    law = library.paths(7)
    model, streams = LawDenoiser(law), library.streams("paths", 7)
    nap = {k: enumerated(decoder("nap", k), model, streams) for k in (1, 3, 6)}
    assert nap[1].tv < 1e-6
    assert nap[3].tv < 1e-6
    assert nap[3].most_rounds == 3
    assert nap[6].tv > 0.1
    assert enumerated(decoder("ar", 3), model, streams).tv > 0.1


def test_every_method_has_rows_and_those_that_cannot_run_say_why():
    rows = survey(library.even_parity(5), None, [2], draws=40, seed=0)
    assert {row["method"] for row in rows} == set(methods.names())
    skipped = {row["method"]: row["skipped"] for row in rows if "skipped" in row}
    assert "use another method, such as 'confidence'" in skipped["nap"]
    assert not {"ar", "confidence", "llada", "random"} & set(skipped)
    for row in rows:
        assert "skipped" in row or 0 <= row["tv"] <= 1


def test_the_command_line(capsys, tmp_path):
    def rows(*args: str) -> list[dict]:
        assert main(["theory", *args, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    assert [r["length"] for r in rows("compile", "adder", "--n", "2")] == [15, 12, 6]
    assert {r["tv"] for r in rows("run", "majority", "--n", "3")} == {"0"}
    assert rows("run", "parity_revision", "--n", "5")[0]["rounds"] == 2
    sampled_run = rows("run", "parity-revision", "--n", "40", "--draws", "2000")[0]
    assert sampled_run["tv"] <= sampled_run["radius"]
    assert rows("bounds", "one-hot-rounds", "--n", "3")[-1]["least"] == 3
    assert len(rows("bounds")) >= 8
    assert {r["kind"] for r in rows("gallery")} == {"law", "circuit", "program", "bound"}
    file = tmp_path / "half.txt"
    file.write_text("x = input\ny = coin\nz = and x y\noutput z\n")
    assert rows("run", str(file), "--input", "1", "--mode", "cot")[0]["tv"] == "0"
    assert main(["theory", "gallery"]) == 0
    assert "parity-tree" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["compile"], "say what to compile"),
        (["run", "parity-remsk"], "did you mean 'parity-remask'"),
        (["compile", "adder", "--mode", "revise"], "unknown mode 'revise'; did you mean"),
        (["run", "parity-tree", "--n", "40"], "39 coins have as many outcomes"),
        (["run", "parity-remask", "--n", "5"], "n is 5; the construction works on pairs"),
        (["methods", "--law", "even-party"], "did you mean 'even-parity'"),
        (["compile", "nothere.txt"], "nothere.txt: No such file"),
        (["bounds", "k-local", "--n", "1"], "n is 1; it must lie between 2 and 64"),
    ],
)
def test_mistakes_on_the_command_line_are_one_sentence(args, sentence, capsys):
    assert main(["theory", *args]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("law", ["even-parity", "one-hot", "markov", "paths"])
def test_the_table_of_methods_on_the_command_line(law, capsys):
    assert main(["theory", "methods", "--law", law, "--draws", "100", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["method"] for row in rows} == set(methods.names())
    exact = {(r["method"], r["tokens_per_round"]): r.get("tv") for r in rows}
    assert exact["ar", 1] < 1e-6
    assert exact["ar", 4] > 0.1
    if law == "paths":
        assert exact["nap", 3] < 1e-6 < 0.1 < exact["nap", 7]
