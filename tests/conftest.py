"""Shapes and types in signatures are checked in every test; users pay nothing for it."""

import hypothesis
import torch
from jaxtyping import install_import_hook

install_import_hook("plait", "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")
hypothesis.settings.register_profile("patient", deadline=None)  # a busy machine is no error
hypothesis.settings.load_profile("patient")
torch.set_num_threads(1)  # pytest runs one worker per core; threads on top would fight for them

from fixtures import model, plait  # noqa: E402, F401  (after the hook, or plait goes unchecked)
