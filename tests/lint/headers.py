"""Every header compiles on its own: all of them as C17, the public ones also as C++17.   headers.py CC CXX GENERATED FLAGS..."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from common import ROOT, files, finish, place


def compile_alone(command, header):
    """-> None, or the compiler's words"""
    source = f'#include "{header}"\n'
    ended = subprocess.run([*command, "-fsyntax-only", "-"], input=source, capture_output=True, text=True, timeout=60)
    return None if ended.returncode == 0 else f"{place(header)}: {ended.stderr.strip()}"


def main():
    c_compiler, cpp_compiler, generated, *paths = sys.argv[1:]
    common = ["-Wall", "-Wextra", "-Werror", f"-I{ROOT}/include", f"-I{ROOT}/src", f"-I{generated}"]
    common += [f"-isystem{path}" for path in paths if path]
    as_c = [c_compiler, "-x", "c", "-std=c17", "-D_GNU_SOURCE", *common]
    as_cpp = [cpp_compiler, "-x", "c++", "-std=c++17", *common]
    public = files("include/seedbed/*.h")
    jobs = [(as_c, header) for header in public + files("src/**/*.h")] + [(as_cpp, header) for header in public]
    with ThreadPoolExecutor(2) as pool:
        faults = [fault for fault in pool.map(lambda job: compile_alone(*job), jobs) if fault]
    finish(faults, f"{len(jobs)} compilations")


if __name__ == "__main__":
    main()
