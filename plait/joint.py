"""Several tokens from one forward pass, each knowing those before: a layer before the head.

ADJUST (arXiv:2509.22738): the model's last states are kept, and one small layer corrects them for
what was written since. Training it is another matter; here is what it is and how it is used.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Bool, Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from .canvas import Canvas
from .decode import Decoder, Round, State, act, observe
from .errors import PlaitError
from .judge import then
from .models.attention import Sight, visibility
from .models.transformer import Block, Config, Turn
from .nested import choose
from .offers import layered
from .parts import Denoiser

Correct = Callable[[Tensor, Tensor, Canvas], Tensor]  # states, embeddings of what is new, canvas


class JointHead(nn.Module):
    """One transformer layer over the states of a forward pass and the tokens written since.

    Its outputs start at nought: untrained it changes nothing.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        each = width // heads
        self.config = Config(1, width, 1, heads, kv_heads=heads, hidden=4 * width, head_dim=each)
        self.enter, self.block = nn.Linear(width, width), Block(self.config, 0)
        for name in ("enter", "block.attention.out", "block.mlp.down"):
            for weight in self.get_submodule(name).parameters():
                nn.init.zeros_(weight)

    def forward(
        self, states: Float[Tensor, "B L W"], new: Float[Tensor, "B L W"], canvas: Canvas
    ) -> Float[Tensor, "B L W"]:
        """Return the states, corrected; `new` holds embeddings, and zeros where nothing is new."""
        seen = visibility(self.config, 0, canvas.visible(), canvas.pos, canvas.pos)
        turn = Turn.at(canvas.pos, self.config.turned, self.config.rope_base, None)
        corrected: Tensor = self.block(states + self.enter(new), Sight(seen, turn))
        return corrected

    def save(self, path: Path) -> None:
        """Write the weights as a safetensors file."""
        weights = {k: v.contiguous() for k, v in self.state_dict().items()}
        save_file(weights, path, metadata={"heads": str(self.config.heads)})

    @staticmethod
    def read(path: str) -> "JointHead":
        """Read what `save` wrote; PlaitError if it is something else."""
        try:
            with safe_open(path, "pt") as file:
                weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                heads = int((file.metadata() or {})["heads"])
            head = JointHead(len(weights["enter.weight"]), heads)
            head.load_state_dict(weights)
        except (OSError, KeyError, ValueError, RuntimeError, SafetensorError, PlaitError) as error:
            reason = " ".join(str(error).split())
            raise PlaitError(f"'{path}' holds no joint head: {reason}") from error
        return head.eval().requires_grad_(False)


@dataclass(frozen=True)
class Corrected:
    """A denoiser made of one forward pass: the states of `base`, corrected for what is new."""

    model: Denoiser
    head: Correct | None  # None: the marginals of the forward pass
    base: Canvas
    states: Float[Tensor, "B L W"]
    vocab: int

    def __call__(self, canvas: Canvas, where: Bool[Tensor, "B L"]) -> Float[Tensor, "N V"]:
        """Return logits at `where`."""
        model, states = layered(self.model), self.states
        new = canvas.tokens != self.base.tokens
        if self.head is not None and new.any():
            added = model.embedded(canvas.tokens) * new[..., None]
            states = self.head(states, added.to(states.dtype), canvas)
        return model.read(states[where])


@dataclass(frozen=True)
class Jointly:
    """One forward pass, then up to `tokens` steps of the decoder on its corrected states.

    The layer's passes are not counted as forwards.
    """

    head: Correct | None
    tokens: int
    needs = frozenset[str]()
    replays = True

    def __post_init__(self) -> None:
        if self.tokens < 1:
            raise PlaitError(f"tokens is {self.tokens}; it must be >= 1")

    def init(self, canvas: Canvas) -> None:
        """No memory."""
        del canvas

    def round(
        self, model: Denoiser, decoder: Decoder, canvas: Canvas, state: State, seed: int
    ) -> tuple[Round, State]:
        """Look once, act several times."""
        states = layered(model).states(canvas)
        if isinstance(self.head, nn.Module):
            self.head.to(states)
        source = Corrected(model, self.head, canvas, states, model.vocab)
        done, after = act(decoder, *observe(source, decoder, canvas, state, seed))
        for _ in range(self.tokens - 1):
            going = done.canvas.masked.any(1)
            if not going.any():
                break
            onward, later = act(decoder, *observe(source, decoder, done.canvas, after, seed))
            done, after = choose(going, then(done, onward), done), choose(going, later, after)
        return done, after
