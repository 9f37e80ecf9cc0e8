"""A trial of kernels before they are relied on."""

import warnings
from collections.abc import Callable

from ..errors import Notice


def runs(trial: Callable[[], object], lost: str = "") -> bool:
    """Does the trial run? If not, a notice says what is lost, and why; none where `lost` is empty.

    Anything may be missing: Triton, a C compiler, a driver that is new, memory of a multiprocessor.
    """
    try:
        trial()
    except Exception as error:
        if lost:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            warnings.warn(f"{lost}: {reason}", Notice, 3)
        return False
    return True
