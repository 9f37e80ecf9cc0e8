"""`plait train` on a CPU as on GPUs: with FSDP, in bfloat16 where BF16 is set.

accelerate does not shard there unless told of a GPU.
"""

import os
import sys

from accelerate import state

from plait.cli import main
from plait.train import run

_known = state.PartialState.__init__


def _told(self, *args, **settings):
    _known(self, *args, **settings)
    if self.distributed_type == state.DistributedType.MULTI_CPU:
        self.distributed_type = state.DistributedType.MULTI_GPU


_arguments = run.TrainingArguments


def _halved(**settings):
    return _arguments(**settings | {"bf16": True})


if __name__ == "__main__":
    if "shard=True" in sys.argv:
        state.PartialState.__init__ = _told
    if "BF16" in os.environ:
        run.TrainingArguments = _halved
    sys.argv = ["plait", "train", *sys.argv[1:]]
    sys.exit(main())
