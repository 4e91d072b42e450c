"""A control group whose processes have little memory between them, made by the test and removed by it."""

import os
import signal
from contextlib import contextmanager
from pathlib import Path

from background import send, wait_until

LIMITS = ("memory.max", "memory.limit_in_bytes")
SWAP_LIMITS = ("memory.swap.max", "memory.memsw.limit_in_bytes")
# Where control groups with a limit on memory may be made: version 2, version 1.
MOUNTS = [Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/memory")]


def make_group():
    """The folder of a group that can limit memory; None where this process may make none."""
    for mount in MOUNTS:
        folder = mount / f"seedbed-test-{os.getpid()}"
        try:
            folder.mkdir()
        except OSError:
            continue
        if any((folder / name).exists() for name in LIMITS):
            return folder
        folder.rmdir()
    return None


def members(folder):
    return [int(word) for word in (folder / "cgroup.procs").read_text().split()]


@contextmanager
def memory_group(megabytes):
    """What to pass to a process's start so that it and its children have so much memory; None where that cannot be had."""
    folder = make_group()
    if folder is None:
        yield None
        return
    try:
        for name in LIMITS + SWAP_LIMITS:
            if (folder / name).exists():
                swap = name == "memory.swap.max"
                (folder / name).write_text("0" if swap else str(megabytes << 20))
        yield lambda: (folder / "cgroup.procs").write_text(str(os.getpid()))
    finally:
        send(members(folder), signal.SIGKILL)
        wait_until(lambda: not members(folder))
        folder.rmdir()


def kills():
    """How many processes of this machine the kernel has ended for lack of memory; None where it does not count them."""
    lines = Path("/proc/vmstat").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)
