"""Runs a model's program without trusting it: no network, no files, no time and memory to speak of.

Linux namespaces do the work (`jail.py`); where the machine grants none, nothing is run at all.
"""

import functools
import json
import os
import secrets
import selectors
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import PlaitError

REFUSED = 99  # the exit code of jail.py
SHARED = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64")  # shared libraries


@dataclass(frozen=True)
class Limits:
    """What a program may use."""

    seconds: int = 10
    memory: int = 512 << 20  # bytes of address space, for each of its processes
    processes: int = 8  # and threads
    disk: int = 16 << 20  # bytes of all its files, which lie in memory
    output: int = 64 << 10  # bytes


@dataclass(frozen=True)
class Outcome:
    """How a program ended. `passed`: it reached its last line, in time and without an error."""

    passed: bool
    why: str  # of what did not pass
    output: str


def run(program: str, limits: Limits = Limits()) -> Outcome:
    """Run a Python program, which may use the standard library, and say how it ended.

    PlaitError if this machine cannot shut a program in.
    """
    end = secrets.token_hex(16)
    text = f"{program}\nprint({end!r}, flush=True)\n"
    asked = asdict(limits) | {"folders": folders()}
    command = [python(), "-I", "-S", str(Path(__file__).with_name("jail.py")), json.dumps(asked)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={},
        cwd="/",
        start_new_session=True,
    ) as process:
        try:
            output, fault = _watch(process, text.encode(errors="replace"), limits)
        finally:
            process.kill()
    if process.returncode == REFUSED:
        raise PlaitError(
            "code can be judged only where a program can be shut in, and this machine grants no "
            f"namespaces ({output.strip()}); use Linux with user namespaces, or leave such tasks "
            "out"
        )
    if not fault and process.returncode == 0 and output.rstrip().endswith(end):
        return Outcome(True, "", output.rstrip().removesuffix(end))
    last = output.strip().splitlines()[-1:] or [""]
    left = "it ended before its last line" if process.returncode == 0 else last[0][:200]
    return Outcome(False, fault or left or f"it was ended by signal {process.returncode}", output)


def _watch(process: subprocess.Popen[bytes], text: bytes, limits: Limits) -> tuple[str, str]:
    """Return what it wrote, and what it did too much of."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(text)
        process.stdin.close()
    except BrokenPipeError:  # it was refused before it read
        pass
    deadline, output = time.monotonic() + limits.seconds, b""
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            if not ready.select(left):
                continue
            part = os.read(process.stdout.fileno(), 1 << 16)
            output += part
            if len(output) > limits.output:
                return output[: limits.output].decode(errors="replace"), "it wrote too much"
            if not part:
                process.wait()
                return output.decode(errors="replace"), ""
    return output.decode(errors="replace"), f"it ran longer than {limits.seconds} s"


def python() -> str:
    """The interpreter without its virtual environment, whose packages a program has no use for."""
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))


@functools.cache
def folders() -> list[str]:
    """What Python needs to run: its own folder and the shared libraries."""
    own = {os.path.realpath(sys.base_prefix), os.path.realpath(sys.base_exec_prefix)}
    here = sorted(own | {place for place in SHARED if os.path.exists(place)})
    return [f for f in here if not any(f != up and f.startswith(f"{up}/") for up in here)]


def check() -> None:
    """Raise PlaitError if this machine cannot shut a program in."""
    outcome = run("pass")
    if not outcome.passed:
        raise PlaitError(f"the sandbox cannot run Python here: {outcome.why}")
