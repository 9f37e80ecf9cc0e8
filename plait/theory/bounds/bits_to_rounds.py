"""Bits to rounds: a word of much information takes many rounds of little (arXiv:2511.21103).

For any run without revision, -log q(x) is the sum of what its rounds drew, so the rounds are at
least -log q(x) over the largest of them. The paper's abstract gives the form; the derivation
from the identity is ours. It bounds decoders that commit what they are sure of, not laws: coins
have much information and depth 1.
"""

import math
from typing import Any

from .. import library
from ..builders import within
from ..laws import FiniteLaw, log
from ..policies import Policy, Seen, follow


def bits_to_rounds(n: int = 6) -> list[dict[str, Any]]:
    """Mean rounds of a threshold decoder against its mean bound, by threshold (nats)."""
    within("n", n, 2, 10)
    rows = []
    for name in ("markov", "hidden_markov", "even_parity", "copies"):
        law: FiniteLaw = getattr(library, name)(n)
        for sure in (0.6, 0.8, 0.95):
            paths = follow(law, threshold(law, sure)).values()
            bounds = [math.fsum(p.information) / max(p.information) for p in paths]
            rows.append(
                {
                    "law": name,
                    "n": n,
                    "threshold": sure,
                    "mean_rounds": math.fsum(float(p.p) * p.rounds for p in paths),
                    "mean_bound": math.fsum(
                        float(p.p) * b for p, b in zip(paths, bounds, strict=True)
                    ),
                    "holds": all(p.rounds >= b - 1e-9 for p, b in zip(paths, bounds, strict=True)),
                    "identity_error": max(abs(math.fsum(p.information) + log(p.q)) for p in paths),
                }
            )
    return rows


def threshold(law: FiniteLaw, sure: float) -> Policy:
    """Reveal all positions whose likeliest symbol has probability `sure`, or else the surest."""

    def pick(seen: Seen) -> frozenset[int]:
        left = law.given(seen)
        masked = [i for i in range(law.n) if i not in seen]
        top = {i: max(left.marginal([i]).mass.values()) for i in masked}
        best = max(masked, key=lambda i: (top[i], -i))
        return frozenset([best, *(i for i in masked if top[i] >= sure)])

    return pick
