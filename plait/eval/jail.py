"""Runs one Python program where it can reach nothing: started by `sandbox`, and never imported.

    python -I -S jail.py '{"folders": [...], "seconds": 10, ...}' < program

Linux gives the program namespaces of its own: it sees the folders of Python read-only, an empty
`/tmp` in memory, no network, no `/proc`, and no process but those that it starts. All of them end
with it. Exit code 99 and a line on stderr say that this machine grants no namespaces.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from typing import Any, NoReturn

USER, MOUNT, UTS, IPC, PID, NET = (1 << bit for bit in (28, 17, 26, 27, 29, 30))
BIND, RECURSIVE, PRIVATE, NO_SETUID, NO_DEVICES = 1 << 12, 1 << 14, 1 << 18, 2, 4
SET_ATTRIBUTES, HERE, DETACH = 442, -100, 2  # a system call, and arguments of others
DIE_WITH_PARENT, DUMPABLE, NO_NEW_PRIVILEGES = 1, 4, 38  # of prctl(2)
NOBODY, REFUSED = 65534, 99
ROOT = "/sys"  # there is one everywhere, and nothing in it is needed
DEVICES = ("null", "zero", "random", "urandom")

libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: Any) -> None:
    """Make a system call; OSError if it fails."""
    given = [a.encode() if isinstance(a, str) else a for a in arguments]
    if getattr(libc, name)(*given) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def own_user(process: int, user: int, group: int) -> None:
    """Enter a user namespace as nobody: no rights outside, and processes counted apart."""
    call("unshare", USER)
    lines = {"setgroups": "deny", "uid_map": f"{NOBODY} {user} 1", "gid_map": f"{NOBODY} {group} 1"}
    for name, line in lines.items():
        file = os.open(name, os.O_WRONLY, dir_fd=process)
        os.write(file, line.encode())
        os.close(file)


def read_only(place: str) -> None:
    """Make a mount and all below it read-only, without devices and without set-uid."""
    attributes = (ctypes.c_uint64 * 4)(1 | NO_SETUID | NO_DEVICES, 0, 0, 0)
    size = ctypes.sizeof(attributes)
    call("syscall", SET_ATTRIBUTES, HERE, place, 0x8000, ctypes.byref(attributes), size)


def new_root(folders: list[str], disk: int, program: bytes) -> None:
    """Make the world that the program sees, and turn to it."""
    call("mount", None, "/", None, RECURSIVE | PRIVATE, None)
    call("mount", "tmpfs", ROOT, "tmpfs", NO_SETUID | NO_DEVICES, f"size={disk},mode=755")
    for folder in folders:
        os.makedirs(os.path.dirname(ROOT + folder), exist_ok=True)
        if os.path.islink(folder):
            os.symlink(os.readlink(folder), ROOT + folder)
            continue
        os.makedirs(ROOT + folder, exist_ok=True)
        call("mount", folder, ROOT + folder, None, BIND | RECURSIVE, None)
        read_only(ROOT + folder)
    os.makedirs(f"{ROOT}/dev", exist_ok=True)
    for name in DEVICES:
        os.close(os.open(f"{ROOT}/dev/{name}", os.O_CREAT))
        call("mount", f"/dev/{name}", f"{ROOT}/dev/{name}", None, BIND, None)
    for name in ("tmp", "old"):
        os.makedirs(f"{ROOT}/{name}", exist_ok=True)
    os.chmod(f"{ROOT}/tmp", 0o1777)
    with open(f"{ROOT}/program.py", "wb") as file:
        file.write(program)
    call("pivot_root", ROOT, f"{ROOT}/old")
    os.chdir("/tmp")
    call("umount2", "/old", DETACH)


def run_program(asked: dict[str, Any], beside: int) -> NoReturn:
    """Become the program, within its limits; `beside` are our processes that count with its."""
    for kind, value in (
        (resource.RLIMIT_CPU, asked["seconds"] + 1),
        (resource.RLIMIT_AS, asked["memory"]),
        (resource.RLIMIT_FSIZE, asked["disk"]),
        (resource.RLIMIT_NPROC, asked["processes"] + beside),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (value, value))
    os.setsid()
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    os.execve(sys.executable, [sys.executable, "-I", "-S", "-B", "/program.py"], {})


def inside(asked: dict[str, Any], program: bytes, root: bool) -> NoReturn:
    """Be the first process of the new world: what dies with it is all that the program started."""
    process = os.open("/proc/self", os.O_DIRECTORY)
    new_root(asked["folders"], asked["disk"], program)
    if root:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        call("prctl", DUMPABLE, 1, 0, 0, 0)  # or the files of this process stay root's
        own_user(process, NOBODY, NOBODY)
    os.close(process)
    call("prctl", DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    call("prctl", NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    child = os.fork()
    if child == 0:
        run_program(asked, 1 if root else 2)
    while True:
        ended, status = os.wait()
        if ended == child:
            os._exit(min(abs(os.waitstatus_to_exitcode(status)), 90))


def main() -> NoReturn:
    """Read the program, build the new world and wait for its end."""
    asked, program = json.loads(sys.argv[1]), sys.stdin.buffer.read()
    root = os.getuid() == 0
    try:
        if not root:
            process = os.open("/proc/self", os.O_DIRECTORY)
            own_user(process, os.getuid(), os.getgid())
        call("unshare", MOUNT | UTS | IPC | PID | NET)
        first = os.fork()
        if first == 0:
            inside(asked, program, root)
    except OSError as error:
        print(error.strerror or error, file=sys.stderr)
        os._exit(REFUSED)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]) % 256)


if __name__ == "__main__":
    main()
