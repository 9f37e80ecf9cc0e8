"""A two-layer bidirectional transformer with random, sharp weights, for tests."""

import torch

from plait.canvas import Canvas

MASK, EOS, VOCAB = 16, 0, 17


class Tiny(torch.nn.Module):
    vocab = VOCAB

    def __init__(self, width: int = 16, layers: int = 2, seed: int = 0, sharp: float = 25.0):
        super().__init__()
        torch.manual_seed(seed)
        self.sharp = sharp
        self.token = torch.nn.Embedding(VOCAB, width)
        self.place = torch.nn.Embedding(128, width)
        self.qkv = torch.nn.ModuleList(torch.nn.Linear(width, 3 * width) for _ in range(layers))
        self.head = torch.nn.Linear(width, VOCAB)

    def __call__(self, canvas: Canvas, where: torch.Tensor) -> torch.Tensor:
        return self.attend(canvas, where)[0]

    def attend(self, canvas: Canvas, where: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits, and the attention averaged over layers."""
        states, attention = self._run(canvas, self.token(canvas.tokens))
        return self.read(states[where]), attention

    def blend(self, canvas: Canvas, where: torch.Tensor, mixture) -> torch.Tensor:
        weight = mixture.weight[..., None].to(self.token.weight.dtype)
        mixed = (weight * self.token(mixture.tokens)).sum(2)
        x = (1 - weight.sum(2)) * self.token(canvas.tokens) + mixed
        return self.read(self._run(canvas, x)[0][where])

    def states(self, canvas: Canvas) -> torch.Tensor:
        return self._run(canvas, self.token(canvas.tokens))[0]

    @torch.no_grad()
    def read(self, states: torch.Tensor) -> torch.Tensor:
        return self.sharp * self.head(states)

    def embedded(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.token(tokens)

    @torch.no_grad()
    def _run(self, canvas: Canvas, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        seen = []
        x = x + self.place(canvas.pos)
        hidden = ~canvas.visible()
        for layer in self.qkv:
            q, k, v = layer(torch.nn.functional.layer_norm(x, x.shape[-1:])).chunk(3, -1)
            score = (3 * q @ k.transpose(1, 2) / x.shape[-1] ** 0.5).masked_fill(hidden, -1e30)
            seen.append(score.softmax(-1))
            x = x + seen[-1] @ v
        return x, torch.stack(seen).mean(0) * canvas.real[:, :, None]


class Digits:
    """A codec for tests: token n is the character n of 0123456789abcdef, 0 ends."""

    mask_id, eos_id, stop_ids = MASK, EOS, frozenset({EOS})

    def encode(self, text: str) -> list[int]:
        return [int(c, 16) for c in text]

    def literal(self, text: str) -> list[int]:
        return self.encode(text)

    def decode(self, ids) -> str:
        return "".join(f"{i:x}" for i in ids if i != EOS)

    prompt = encode
