"""Every faulty sweep file gets each of its faults with its place, and leaves nothing behind.

Beside each file lies what it must say: lines `line:column: text`, one for each fault, in order. Lines that begin with
`plan` are faults that show once data are there; their text stands anywhere in the line.
"""

from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "unit" / "config" / "faulty"
SWEEPS = sorted(FOLDER.glob("*.yaml"))


def expected_faults(sweep):
    """[(place and text, whether the text stands anywhere in the line)]"""
    lines = sweep.with_suffix(".expect").read_text().splitlines()
    return [(line[len("plan ") :], True) if line.startswith("plan ") else (line, False) for line in lines if line]


def says(line, sweep, fault, anywhere):
    line = line.partition("error: ")[2] or line
    if not anywhere:
        return line.startswith(f"{sweep}:{fault}")
    place, _, text = fault.partition(": ")
    return line.startswith(f"{sweep}:{place}: ") and text in line


def test_there_are_at_least_sixty():
    assert len(SWEEPS) >= 60
    assert all(expected_faults(sweep) for sweep in SWEEPS)


@pytest.mark.parametrize("command", ["plan", "run"])
@pytest.mark.parametrize("sweep", SWEEPS, ids=lambda sweep: sweep.stem)
def test_every_fault_is_printed_with_its_place(seedbed, sweep, command, tmp_path):
    before = sorted(FOLDER.iterdir())
    options = ["-o", tmp_path / "out.h5"] if command == "run" else []
    ended = seedbed(command, sweep, *options, cwd=tmp_path)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    faults, lines = expected_faults(sweep), ended.stderr.splitlines()
    printed = [line for line in lines if not line.startswith("seedbed: error: ") or len(lines) == 1]
    assert len(printed) == len(faults), ended.stderr
    for line, (fault, anywhere) in zip(printed, faults):
        assert says(line, sweep, fault, anywhere), f"expected {fault}, found {line}"
    assert not any(tmp_path.iterdir()) and sorted(FOLDER.iterdir()) == before
