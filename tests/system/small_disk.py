"""Disks of a size that the test chooses: tmpfs in a mount namespace of the test's own process, gone when it ends."""

import ctypes
import functools
import os
import subprocess
from contextlib import contextmanager

CLONE_NEWNS = 0x20000


@functools.cache
def may_mount():
    """Whether this process could leave the machine's mounts and have its own; what it starts shares them."""
    if os.geteuid() != 0 or ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        return False
    private = ["mount", "--make-rprivate", "/"]
    return subprocess.run(private, capture_output=True, check=False).returncode == 0


def mount(*words):
    subprocess.run(["mount", *map(str, words)], check=True)


@contextmanager
def disk(folder, kilobytes, options=""):
    """A tmpfs at folder, which is made; the path."""
    folder.mkdir(parents=True, exist_ok=True)
    mount("-t", "tmpfs", "-o", f"size={kilobytes}k{options}", "tmpfs", folder)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def remount(folder, options):
    mount("-o", f"remount,{options}", folder)


def used_kilobytes(folder):
    info = os.statvfs(folder)
    return (info.f_blocks - info.f_bfree) * info.f_frsize // 1024
