"""Every sweep file that the project ships is one that the engine accepts."""

import pytest
from small_sweeps import SWEEPS


def test_there_are_sweeps():
    assert {"quickstart", "reference", "sample-loss", "memorization"} <= {path.stem for path in SWEEPS}


@pytest.mark.parametrize("sweep", SWEEPS, ids=lambda path: path.stem)
def test_it_plans(seedbed, data_folder, sweep):
    folder = {"mnist": "mnist", "cifar10": "cifar-10-batches-bin"}.get(sweep.stem.split("-")[0])
    sets = ["--set", f"data.path={data_folder / folder}"] if folder else []
    ended = seedbed("plan", sweep, *sets, timeout=300)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "trials " in ended.stdout and "memory " in ended.stdout
