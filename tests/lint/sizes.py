"""No function over 80 lines, no file over 500 (a test: 700); prints the median and the ninth decile of functions."""

import re
import statistics

from common import c_files, files, finish, place

FUNCTION_LINES, FILE_LINES, TEST_FILE_LINES = 80, 500, 700
PYTHON_FUNCTION = re.compile(r"^( *)(?:async )?def (\w+)")


def c_functions(lines):
    """Functions of a file in this project's layout, braces in column one -> [(first line, lines)]"""
    found, start = [], None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            found.append((start, number - start + 1))
            start = None
    return found


def python_functions(lines):
    """-> [(first line, lines)]"""
    found, last = [], len(lines)
    for number in range(len(lines), 0, -1):
        match = PYTHON_FUNCTION.match(lines[number - 1])
        if match:
            body = next((i for i in range(number, last) if lines[i].strip() and not inside(lines[i], match[1])), last)
            found.append((number, body - number + 1))
    return found


def inside(line, indent):
    return line.startswith((indent + " ", indent + ")"))


def main():
    faults, lengths = [], []
    sources = c_files()
    for path in sources + files("tools/**/*.py", "tests/**/*.py"):
        lines = path.read_text().splitlines()
        functions = python_functions(lines) if path.suffix == ".py" else c_functions(lines)
        most = TEST_FILE_LINES if place(path).startswith("tests/") else FILE_LINES
        if len(lines) > most:
            faults.append(f"{place(path)}: {len(lines)} lines, at most {most}")
        faults += [f"{place(path, start)}: a function of {size} lines, at most {FUNCTION_LINES}"
                   for start, size in functions if size > FUNCTION_LINES]
        if path.suffix == ".c" and "src" in path.parts:
            lengths += [size for _, size in functions]
    if len(lengths) > 1:
        tenth = statistics.quantiles(lengths, n=10)[8]
        print(f"{len(lengths)} functions in src: median {statistics.median(lengths):g} lines, nine in ten up to {tenth:g}")
    finish(faults, f"{len(sources)} C files")


if __name__ == "__main__":
    main()
