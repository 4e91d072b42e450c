"""What the checks of the source share. A check prints every fault as `file:line: text` and exits 1 if there is one."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SKIPPED = 77  # ctest's SKIP_RETURN_CODE


def files(*patterns):
    """Files below the root that match a pattern such as "src/**/*.c", sorted."""
    return sorted(path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file())


def c_files():
    return files("src/**/*.[ch]", "include/**/*.h", "tests/**/*.[ch]")


def place(path, line=None):
    name = path.relative_to(ROOT)
    return str(name) if line is None else f"{name}:{line}"


def finish(faults, checked):
    """Ends the check."""
    for fault in faults:
        print(fault)
    print(f"{checked} checked, {len(faults)} faults")
    sys.exit(1 if faults else 0)


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)
