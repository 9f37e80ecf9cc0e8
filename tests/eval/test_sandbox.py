"""Programs that mean harm are shut in, and the next one runs as if nothing had been."""

import json
import os
import re
import subprocess
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from plait.errors import PlaitError
from plait.eval import sandbox
from plait.eval.sandbox import Limits, run

SHORT = Limits(seconds=2)
USER = ("setpriv", "--reuid=1234", "--regid=1234", "--clear-groups")
MARK = "left-behind-by-a-program"

HOSTILE = {
    "fork bomb": "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
    "infinite loop": "while True: pass",
    "memory": "x = []\nwhile True: x.append(bytearray(1 << 24))",
    "memory of many processes": (
        "import os, time\nfor _ in range(6):\n    if os.fork() == 0: break\n"
        "x = bytearray(1 << 29)\ntime.sleep(60)"
    ),
    "writes outside": "open('{outside}/hacked', 'w').write('x')",
    "writes over the library": (
        "import os\nplace = os.__file__\nopen(place, 'a').write('# hacked')\n"
    ),
    "fills the disk": "f = open('/tmp/x', 'wb')\nwhile True: f.write(bytes(1 << 20))",
    "network": "import socket\nsocket.create_connection(('127.0.0.1', {port}), 2)",
    "reads the environment": (
        "import os\nassert 'SECRET' in os.environ or "
        "any('SECRET' in open(f'/proc/{{p}}/environ').read() for p in os.listdir('/proc'))"
    ),
    "deletes files": (
        "import shutil, os\nshutil.rmtree('{outside}')\nassert not os.path.exists('{outside}')"
    ),
    "deletes everything": (
        "import os\nfor top, _, names in os.walk('/'):\n    for n in names:\n"
        "        try: os.remove(os.path.join(top, n))\n        except OSError: pass\nassert 0"
    ),
    "huge output": "while True: print('x' * 10000)",
    "signals": (
        "import os, signal\nfor p in (os.getppid(), 1, {pid}):\n"
        "    try: os.kill(p, signal.SIGKILL)\n    except OSError: pass\n"
        "os.kill(-1, signal.SIGKILL)\nassert 0"
    ),
    "children left behind": (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        sleep = 'import time; time.sleep(99)'\n"
        "        os.execv('{python}', ['{python}', '-c', sleep, '{mark}'])\n"
        "    os._exit(0)\ntime.sleep(0.3)\nos._exit(0)"
    ),
    "leaves early": "import os\nos._exit(0)",
    "becomes root": "import os\nos.setuid(0)",
    "new namespace": (
        "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "assert libc.unshare(0x10000000 | 0x20000) == 0\n"
        "assert libc.mount(None, b'/usr', None, 32 | 4096, None) == 0\n"
        "open('/usr/lib/hacked', 'w')"
    ),
}


STOPPED_BY = {  # and not by chance, or by the clock
    "fork bomb": "ran longer than 2 s",
    "infinite loop": "ran longer than 2 s",
    "memory": "MemoryError",
    "memory of many processes": "MemoryError",
    "writes outside": "No such file",
    "fills the disk": "No space left|File too large",
    "network": "Network is unreachable",
    "reads the environment": "No such file|AssertionError",
    "deletes files": "No such file",
    "huge output": "wrote too much",
    "leaves early": "before its last line",
    "becomes root": "Operation not permitted|Invalid argument",
}


@pytest.fixture(scope="module", autouse=True)
def available():
    try:
        sandbox.check()
    except PlaitError as error:
        pytest.skip(str(error))


def processes() -> str:
    return "".join(
        path.read_bytes().decode(errors="replace")
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if path.exists()
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_harm_is_contained(name, tmp_path, monkeypatch):
    import socket

    monkeypatch.setenv("SECRET", "1")
    (tmp_path / "kept").write_text("kept")
    with socket.create_server(("127.0.0.1", 0)) as server:
        text = HOSTILE[name].format(
            outside=tmp_path,
            port=server.getsockname()[1],
            pid=os.getpid(),
            python=sandbox.python(),
            mark=MARK,
        )
        # filling memory takes its time on a busy machine, and must not end by the clock
        limits = replace(SHORT, seconds=20) if "memory" in name else SHORT
        before = time.monotonic()
        outcome = run(text, limits)
    assert not outcome.passed, outcome
    assert re.search(STOPPED_BY.get(name, "."), outcome.why), outcome
    assert len(outcome.output) <= limits.output
    assert time.monotonic() - before < limits.seconds + 3
    assert [p.name for p in tmp_path.iterdir()] == ["kept"]
    assert "hacked" not in Path(os.__file__).read_text()
    assert not Path("/usr/lib/hacked").exists()
    time.sleep(0.1)
    assert MARK not in processes()
    assert run("assert sum(range(4)) == 6").passed


def test_a_program_may_use_the_standard_library_and_its_own_folder():
    text = (
        "import math, json, collections, re, heapq, threading, typing, hashlib, random\n"
        "open('x', 'w').write('1'); assert open('x').read() == '1'\n"
        "t = threading.Thread(target=print); t.start(); t.join()\nprint('said')"
    )
    outcome = run(text)
    assert outcome.passed, outcome
    assert outcome.output.strip() == "said"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("assert 1 == 2, 'no'", "AssertionError: no"),
        ("x = (", "SyntaxError"),
        ("raise SystemExit", "before its last line"),
        ("import os; os.kill(os.getpid(), 11)", "signal"),
        ("input()", "EOFError"),
        ("def f(): f()\nf()", "RecursionError"),
    ],
)
def test_why_a_program_failed(text, why):
    outcome = run(text, SHORT)
    assert not outcome.passed
    assert why in outcome.why, outcome


def test_a_program_has_few_processes():
    text = (
        "import os, time\nmade = 0\n"
        "for _ in range(50):\n    try:\n        if os.fork() == 0: time.sleep(9)\n"
        "        made += 1\n    except OSError: pass\nassert made == 7, made"
    )
    assert run(text, SHORT).passed


def test_programs_do_not_meet():
    run("open('/tmp/x', 'w').write('1')")
    assert run("import os; assert not os.path.exists('/tmp/x')").passed


def test_it_works_without_being_root():
    """An ordinary user: the same walls, and the user's own files are as safe as others'."""
    if os.getuid() != 0:
        pytest.skip("already so")
    system = "/usr/bin/python3"
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        place = Path(folder)
        jail = place / "jail.py"
        jail.write_text(Path(sandbox.__file__).with_name("jail.py").read_text())
        own = place / "own"
        own.mkdir()
        os.chown(own, 1234, 1234)
        place.chmod(0o755)
        asked = asdict(SHORT) | {"folders": ["/usr", "/lib", "/lib64", str(own)]}
        text = (
            "import os\nprint('in', os.getuid(), os.getpid(), os.listdir('/tmp'))\n"
            f"open('{own}/x', 'w')"
        )
        done = subprocess.run(
            [*USER, system, "-I", "-S", str(jail), json.dumps(asked)],
            input=text.encode(),
            capture_output=True,
            check=False,
            cwd="/",
        )
        if not Path(system).exists() or done.returncode == sandbox.REFUSED:
            pytest.skip(f"not on this machine: {done.stderr.decode()}")
        assert not any(own.iterdir())
    assert done.stdout.decode().startswith("in 65534 2 ["), done
    assert "Read-only file system" in done.stderr.decode(), done


def test_a_machine_without_namespaces_is_named(monkeypatch, tmp_path):
    broken = tmp_path / "jail.py"
    broken.write_text("import sys; print('not permitted'); sys.exit(99)")
    monkeypatch.setattr(sandbox, "__file__", str(tmp_path / "sandbox.py"))
    with pytest.raises(PlaitError, match=r"grants no namespaces \(not permitted\)"):
        run("pass")
