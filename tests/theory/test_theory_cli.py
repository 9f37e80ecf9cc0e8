"""`plait theory methods` on a terminal."""

import json


def test_methods_that_cannot_run_are_named_once_below_the_table(plait):
    """At 80 columns no reason may squeeze the numbers; JSON keeps a row for each budget."""
    call = ["theory", "methods", "--law", "one-hot", "--n", "3", "--draws", "20"]
    shown = plait(*call).out
    rows = json.loads(plait(*call, "--json").out)
    skipped = {row["method"] for row in rows if "skipped" in row}
    assert "guided" in skipped
    below = [line.split()[0] for line in shown.splitlines() if " did not run: " in line]
    assert sorted(below) == sorted(skipped)
    ran = {row["method"] for row in rows if "skipped" not in row}
    assert ran <= {line.split()[0] for line in shown.splitlines() if line}
