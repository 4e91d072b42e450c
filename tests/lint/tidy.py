"""clang-tidy over src/, in parallel; a file is looked at again only when it, a header or .clang-tidy changed.   tidy.py BUILD"""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from common import ROOT, files, finish, place, skip
from format import VERSION, find


def stamp_of(build, source):
    return build / "tidy" / "-".join(source.relative_to(ROOT).with_suffix(".ok").parts)


def is_clean(stamp, source, newest_header):
    return stamp.exists() and stamp.stat().st_mtime > max(newest_header, source.stat().st_mtime)


def tidy(tool, build, source):
    """-> None, or what clang-tidy says"""
    command = [tool, "-p", str(build), "--quiet", "--warnings-as-errors=*", "--extra-arg=-UNDEBUG", "--extra-arg=-Wno-unknown-warning-option",
               "--extra-arg=-Wno-ignored-optimization-argument", str(source)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if ended.returncode == 0:
        stamp_of(build, source).touch()
        return None
    words = [line for line in ended.stdout.splitlines() if ": error:" in line or ": warning:" in line]
    return "\n".join(words).replace(f"{ROOT}/", "") or f"{place(source)}: {ended.stderr.strip()}"


def main():
    build = Path(sys.argv[1]).resolve()
    tool = find("clang-tidy")
    if not tool:
        skip(f"needs clang-tidy {VERSION}")
    (build / "tidy").mkdir(exist_ok=True)
    known = {entry["file"] for entry in json.loads((build / "compile_commands.json").read_text())}
    sources = [source for source in files("src/**/*.c") if str(source) in known]
    inputs = files("src/**/*.h", "include/**/*.h", ".clang-tidy")
    newest = max(path.stat().st_mtime for path in inputs)
    waiting = [source for source in sources if not is_clean(stamp_of(build, source), source, newest)]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        faults = [fault for fault in pool.map(lambda source: tidy(tool, build, source), waiting) if fault]
    finish(faults, f"{len(sources)} files ({len(sources) - len(waiting)} unchanged)")


if __name__ == "__main__":
    main()
