"""Every ```python block of the README and of docs/ runs, with `path` set to a finished results file."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def snippets():
    """(place, code) of each block; several blocks of one file may build on each other only if they are one block."""
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]:
        if not page.exists():
            continue
        text = page.read_text()
        for match in BLOCK.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            yield pytest.param(match[1], id=f"{page.name}:{line}")


@pytest.mark.parametrize("code", snippets())
def test_the_snippet_runs(code, small_results, tmp_path):
    if "xarray" in code:
        pytest.importorskip("xarray", reason="xarray is not installed: its snippet is left out")
    if "torch" in code:
        pytest.importorskip("torch", reason="PyTorch is not installed: its snippet is left out")
    script = tmp_path / "snippet.py"
    script.write_text(f"path = {str(small_results)!r}\n{code}")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tools"), "MPLBACKEND": "Agg"}
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120, cwd=tmp_path, env=environment)
    assert ended.returncode == 0, f"{ended.stdout}{ended.stderr}"


def test_the_readme_has_snippets():
    """One that no longer matches would leave nothing to run, and nothing to fail."""
    assert BLOCK.search((ROOT / "README.md").read_text())
