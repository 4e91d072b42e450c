"""shellcheck over every shell script of the project."""

import shutil
import subprocess

from common import ROOT, files, finish, skip


def is_shell(path):
    with open(path, "rb") as file:
        return path.suffix == ".sh" or (path.suffix == "" and file.readline().startswith(b"#!/usr/bin/env bash"))


def main():
    tool = shutil.which("shellcheck")
    if not tool:
        skip("needs shellcheck")
    scripts = [path for path in files("tools/*", "jobs/*", ".ci/*", "tests/**/*") if is_shell(path)]
    ended = subprocess.run([tool, "--external-sources", "--format=gcc", *map(str, scripts)], capture_output=True, text=True, cwd=ROOT)
    finish(ended.stdout.replace(f"{ROOT}/", "").splitlines() + ended.stderr.splitlines(), f"{len(scripts)} scripts")


if __name__ == "__main__":
    main()
