"""No unfinished work, no paths of somebody's machine, no tabs or trailing blanks in what people wrote."""

import re

from common import ROOT, files, finish, place

PATTERNS = ["*.md", "*.txt", "*.json", ".ci/*", "cmake/*", "docs/**/*", "include/**/*", "src/**/*", "sweeps/**/*", "tests/**/*",
            "tools/**/*"]
ENDINGS = {".c", ".h", ".in", ".py", ".sh", ".md", ".txt", ".cmake", ".yaml", ".json", ".toml", ""}
FORBIDDEN = [
    (re.compile(r"\b(TODO|FIXME|XXX|HACK)\b"), "unfinished work"),
    (re.compile(r"\bfor now\b|\bplaceholder\b|not (yet )?implemented", re.IGNORECASE), "unfinished work"),
    (re.compile(r"(?<![\w.$}])/(work|root|home)/\w"), "a path of one machine"),
    (re.compile(r"[ \t]+$"), "blanks at the end of a line"),
    (re.compile(r"^ *\t"), "a tab"),
]
LEFT_OUT = {"tests/lint/words.py"}


def wanted(path):
    parts = path.relative_to(ROOT).parts
    name = "/".join(parts)
    if name in LEFT_OUT or "__pycache__" in parts or "corpus" in parts or "faulty" in parts:
        return False
    return path.suffix in ENDINGS


def main():
    checked = [path for path in dict.fromkeys(files(*PATTERNS)) if wanted(path)]
    faults = []
    for path in checked:
        try:
            lines = path.read_text().splitlines()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(lines, 1):
            faults += [f"{place(path, number)}: {what}: {line.strip()[:80]}" for pattern, what in FORBIDDEN if pattern.search(line)]
    finish(faults, f"{len(checked)} files")


if __name__ == "__main__":
    main()
