"""Every sweep file of the project plans."""

from pathlib import Path

import pytest

SWEEPS = sorted((Path(__file__).resolve().parents[2] / "sweeps").glob("*.yaml"))


@pytest.mark.parametrize("sweep", SWEEPS, ids=lambda path: path.stem)
def test_it_plans(seedbed, data_folder, sweep):
    folder = {"mnist": "mnist", "cifar10": "cifar-10-batches-bin"}.get(sweep.stem.split("-")[0])
    sets = ["--set", f"data.path={data_folder / folder}"] if folder else []
    ended = seedbed("plan", sweep, *sets)
    assert ended.returncode == 0, ended.stderr
    assert "trials " in ended.stdout and "memory " in ended.stdout
