"""`plait train` with FSDP on a CPU, where accelerate does not shard unless told of a GPU."""

import sys

from accelerate import state

from plait.cli import main

_known = state.PartialState.__init__


def _told(self, *args, **settings):
    _known(self, *args, **settings)
    if self.distributed_type == state.DistributedType.MULTI_CPU:
        self.distributed_type = state.DistributedType.MULTI_GPU


if __name__ == "__main__":
    state.PartialState.__init__ = _told
    sys.argv = ["plait", "train", *sys.argv[1:]]
    sys.exit(main())
