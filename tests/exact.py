"""Does a decoder, run on exact conditionals, reproduce the law they come from?"""

from collections import Counter
from fractions import Fraction
from itertools import product

import torch

from plait.decode import Decoder, init, step
from plait.theory.denoiser import LawDenoiser
from plait.theory.laws import FiniteLaw


def knotted(n: int = 3, symbols: int = 3) -> FiniteLaw:
    """Every word is possible, and every position tells about every other."""
    words = list(product(range(symbols), repeat=n))
    weight = [(1 + 3 * i * i + 7 * len(set(w)) ** 2) % 17 + 1 for i, w in enumerate(words)]
    return FiniteLaw({w: Fraction(m, sum(weight)) for w, m in zip(words, weight, strict=True)})


def draws(decoder: Decoder, law: FiniteLaw, count: int, seed: int = 0) -> torch.Tensor:
    """`count` texts, decoded in one batch: [count, n]."""
    model = LawDenoiser(law)
    canvas = model.canvas(range(count))
    state = init(decoder, canvas)
    texts = canvas.tokens.clone()
    while canvas.masked.any():
        done, state = step(model, decoder, canvas, state, seed)
        canvas = done.canvas
        texts[canvas.key] = canvas.tokens
        busy = canvas.masked.any(1).nonzero()[:, 0]
        canvas, state = canvas.rows(busy), state.rows(busy)
    return texts


def p_value(texts: torch.Tensor, law: FiniteLaw) -> float:
    """Pearson's chi-square test of the texts against the law (0 if a text is impossible)."""
    seen = Counter(map(tuple, texts.tolist()))
    if any(word not in law.mass for word in seen):
        return 0.0
    expected = {word: float(p) * len(texts) for word, p in law.mass.items()}
    assert min(expected.values()) >= 5
    square = sum((seen[word] - e) ** 2 / e for word, e in expected.items())
    freedom = torch.tensor((len(expected) - 1) / 2, dtype=torch.float64)
    return float(torch.special.gammaincc(freedom, torch.tensor(square / 2, dtype=torch.float64)))
