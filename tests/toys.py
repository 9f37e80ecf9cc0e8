"""Small auxiliary models over the token ids of `tiny`."""

import torch
from tiny import EOS, MASK, VOCAB


class ToyCausal:
    """A random bigram model: the next token depends on the last one."""

    vocab = VOCAB

    def __init__(self, seed: int = 0, sharp: float = 3.0) -> None:
        rng = torch.Generator().manual_seed(seed)
        self.table = sharp * torch.randn(VOCAB, VOCAB, generator=rng)

    def __call__(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.table[tokens]

    def greedy(self, prompt: list[int], length: int) -> list[int]:
        """The greedy text after `prompt`, `length` tokens, the mask never chosen."""
        text = list(prompt)
        for _ in range(length):
            logits = self.table[text[-1]].clone()
            logits[MASK] = -torch.inf
            text.append(int(logits.argmax()))
        return text[len(prompt) :]


class ToyDrafter:
    """Proposes the digits of positions, and nothing at every third."""

    def __call__(self, canvas) -> torch.Tensor:
        return torch.where(canvas.pos % 3 == 0, canvas.mask_id, 1 + canvas.pos % 9)


__all__ = ["EOS", "ToyCausal", "ToyDrafter"]
