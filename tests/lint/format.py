"""C files are as .clang-format says. Only version 14 decides: others break some lines elsewhere."""

import re
import shutil
import subprocess

from common import ROOT, c_files, finish, skip

VERSION = "14"


def find(tool):
    """The tool of the version that decides; None when there is none."""
    for name in (f"{tool}-{VERSION}", tool):
        path = shutil.which(name)
        if path and re.search(rf"version {VERSION}\.", subprocess.run([path, "--version"], capture_output=True, text=True).stdout):
            return path
    return None


def main():
    tool = find("clang-format")
    if not tool:
        skip(f"needs clang-format {VERSION}")
    paths = c_files()
    ended = subprocess.run([tool, "--dry-run", "-Werror", *map(str, paths)], capture_output=True, text=True)
    faults = [line.replace(f"{ROOT}/", "") for line in ended.stderr.splitlines() if ": error:" in line]
    if ended.returncode and not faults:
        faults = [ended.stderr]
    finish(faults, f"{len(paths)} files")


if __name__ == "__main__":
    main()
