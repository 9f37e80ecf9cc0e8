"""The price of parallelism: KL(p || q) is the sum of total correlations, exactly.

For every adaptive policy without revision that draws from exact conditionals; the proof is in
docs/theory.md. Zero if and only if every round reveals what is independent given the rest.
"""

from typing import Any

from ..builders import within
from ..policies import at_random, distance, divergence, follow, random_law, total_price


def price(n: int = 4) -> list[dict[str, Any]]:
    """KL against the summed total correlations (nats), for random laws and random policies."""
    within("n", n, 2, 7)
    rows = []
    for seed in range(20):
        paths = follow(random_law(n, 2 + seed % 2, seed), at_random(n, seed))
        kl, summed = divergence(paths), total_price(paths)
        rows.append(
            {
                "seed": seed,
                "symbols": 2 + seed % 2,
                "kl": kl,
                "sum_of_total_correlations": summed,
                "difference": abs(kl - summed),
                "tv": float(distance(paths)),
            }
        )
    return rows
