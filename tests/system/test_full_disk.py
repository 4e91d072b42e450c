"""The disk fills up at any point: a clear message, nothing that was committed is lost, and room lets it go on.

SEEDBED_TEST_DISKS says how many sizes of disks are tried."""

import os
import random
import signal

import numpy as np
import pytest
from background import Job, wait_until
from conftest import engine_environment
from contents import COMMITTED, RUNNING, assert_rows_among, assert_same_content, column, committed_rows, reproducible_content
from small_disk import disk, may_mount, remount, used_kilobytes

DISKS = int(os.environ.get("SEEDBED_TEST_DISKS", "4"))
SEED = int(os.environ.get("SEEDBED_TEST_SEED", "20240"))
ROOMY = 64 * 1024

SWEEP = """
name: full
data: {source: glyphs, train_count: 300, test_count: 100}
model: {kind: mlp, hidden: [24]}
train: {epochs: 3, batch_size: 20, learning_rate: 0.05}
metrics: {margins: {at: [init, end]}, weights: {at: [init, end]}}
grid: {seed: 0..7}
"""

pytestmark = pytest.mark.skipif(not may_mount(), reason="no file system may be mounted here")


@pytest.fixture
def sweep(tmp_path):
    path = tmp_path / "full.yaml"
    path.write_text(SWEEP)
    return path


@pytest.fixture
def undisturbed(seedbed, sweep, tmp_path):
    """(content, rows, kilobytes of the new file, of the whole one) of a run with room enough."""
    with disk(tmp_path / "roomy", ROOMY) as folder:
        path = folder / "full.h5"
        ended = seedbed("run", sweep, "-o", path)
        assert ended.returncode == 0, ended.stderr
        rows = committed_rows(path)
        whole = used_kilobytes(folder)
        row_kilobytes = sum(len(data) for data in rows[0].values()) * len(rows) // 1024
        return sweep_content(path), rows, whole - row_kilobytes, whole


@pytest.fixture
def tight(preload):
    """An environment in which the engine believes that every disk has room, and so begins."""
    return preload("room_for_all")


def sweep_content(path):
    """All that is reproducible but the settings that the file was made with."""
    return {name: data for name, data in reproducible_content(path).items() if not name.startswith("sweep/")}


def disk_sizes(new, whole):
    """Half of them end before the file is made, half of them while rows are written; in kilobytes, whole pages."""
    half = max(DISKS // 2, 1)
    sizes = [*np.linspace(8, new, half), *np.linspace(new + 16, whole - 8, DISKS - half)]
    return [int(size) // 4 * 4 for size in sizes]


def check_stop(ended, folder, path, rows):
    """What a full disk leaves: exit 1 or 75, a message, and a file that opens or none -> committed trials."""
    text = ended.stdout + ended.stderr
    assert ended.returncode in (1, 75), text
    assert "disk is full" in text and "free space" in text, text
    others = [entry for entry in folder.rglob("*") if entry != path]
    assert not others or any(entry.is_file() for entry in others), f"an empty folder: {others}"
    assert not any(entry.suffix == ".writing" for entry in others), others
    if not path.exists():
        return 0
    assert_rows_among(committed_rows(path), rows, "on a full disk")
    return int(np.sum(column(path, "state") == COMMITTED))


def test_room_lets_a_run_go_on_that_a_full_disk_stopped(seedbed, sweep, tmp_path, undisturbed, tight):
    content, rows, new, whole = undisturbed
    chance = random.Random(SEED)
    left = []
    for size in disk_sizes(new, whole):
        ranks, writer = chance.choice([None, 2, 3]), chance.choice([[], ["--set", "results.writer=root"]])
        with disk(tmp_path / "small", size) as folder:
            path = folder / "full.h5"
            left.append(check_stop(seedbed("run", sweep, "-o", path, *writer, ranks=ranks, env=tight), folder, path, rows))
            if path.exists() and chance.random() < 0.5:
                check_stop(seedbed("run", sweep, "-o", path, "--resume", *writer, ranks=ranks, env=tight), folder, path, rows)
            print(f"{size} of {whole} kB, {ranks or 'no'} ranks: {left[-1]} of {len(rows)} committed")
            remount(folder, f"size={ROOMY}k")
            ended = seedbed("run", sweep, "-o", path, "--resume", ranks=ranks)
            assert ended.returncode == 0, ended.stderr
            assert_same_content(sweep_content(path), content, f"after a disk of {size} kB")
    assert min(left) == 0 and max(left) > 0, "no disk was full before and none after the first rows"


def test_a_checkpoint_that_finds_no_room_leaves_nothing(binary, sweep, tmp_path, undisturbed, tight):
    sweep.write_text(SWEEP.replace("epochs: 3", "epochs: 100000").replace("margins: {at: [init, end]}, ", ""))
    with disk(tmp_path / "small", ROOMY) as folder:
        path = folder / "full.h5"
        with Job([binary, "run", sweep, "-o", path], env=tight) as job:
            assert wait_until(lambda: path.exists() and any(column(path, "state") == RUNNING)), job.output()
            remount(folder, f"size={used_kilobytes(folder) + 4}k")
            job.kill(job.processes(), signal.SIGTERM)
            assert job.wait() == 75 and "goes on without a checkpoint" in job.output(), job.output()
        assert list(folder.iterdir()) == [path]


def test_a_disk_that_is_too_small_from_the_start_is_told_before_anything_is_written(seedbed, sweep, tmp_path):
    with disk(tmp_path / "small", 64) as folder:
        ended = seedbed("run", sweep, "-o", folder / "full.h5")
        assert ended.returncode == 1 and "are free" in ended.stderr, ended.stderr
        assert list(folder.iterdir()) == []


def test_a_full_temporary_folder_makes_each_rank_load_the_data(seedbed, sweep, tmp_path, undisturbed):
    with disk(tmp_path / "temporary", 64) as folder:
        environment = {**engine_environment(), "TMPDIR": str(folder), "OMPI_MCA_orte_tmpdir_base": str(tmp_path)}
        path = tmp_path / "full.h5"
        ended = seedbed("run", sweep, "-o", path, ranks=2, env=environment)
        assert ended.returncode == 0, ended.stderr
        assert "each rank loads its own copy" in ended.stderr and "No space left" in ended.stderr, ended.stderr
        assert list(folder.iterdir()) == []
    assert_same_content(sweep_content(path), undisturbed[0], "with a full temporary folder")
