"""What a file system may do to a results file while a run writes it."""

import os
import signal

import pytest
from background import Job, wait_until
from command_line import LONG, TINY, assert_says
from contents import COMMITTED, RUNNING, column, reproducible_content
from small_disk import disk, may_mount, remount

# Trials short enough that each rank soon starts another.
STEADY = LONG.replace("epochs: 400", "epochs: 200").replace("0..7", "0..199")


def move(path):
    path.rename(path.with_suffix(".moved"))


def remove(path):
    path.unlink()


def replace(path):
    path.rename(path.with_suffix(".moved"))
    path.write_bytes(b"something else")


def cut(path):
    os.truncate(path, 20000)


def rows_are_written(path):
    return path.exists() and COMMITTED in column(path, "state")


@pytest.mark.parametrize("ranks", [None, 3])
@pytest.mark.parametrize(
    "disturb, said", [(move, "moved"), (remove, "removed"), (replace, "replaced by another file"), (cut, "to 20000 bytes")]
)
def test_a_file_that_is_disturbed_ends_the_run_at_once(seedbed, binary, tmp_path, ranks, disturb, said):
    sweep, path, moved = tmp_path / "steady.yaml", tmp_path / "steady.h5", tmp_path / "steady.moved"
    sweep.write_text(STEADY)
    with Job([binary, "run", sweep, "-o", path], ranks) as job:
        assert wait_until(lambda: rows_are_written(path)), job.output()
        disturb(path)
        assert job.wait(timeout=30) == 1, job.output()
        assert said in job.output() and str(path) in job.output(), job.output()
    if moved.exists():
        assert_says(seedbed("verify", moved), 0, "as it was committed")
    if disturb is replace:
        assert path.read_bytes() == b"something else"
    if disturb is cut:
        assert_says(seedbed("status", path), 1, "damaged")


@pytest.mark.skipif(not may_mount(), reason="no file system may be mounted here")
@pytest.mark.parametrize("ranks", [None, 2])
def test_a_read_only_disk_is_named(seedbed, tmp_path, ranks):
    sweep = tmp_path / "tiny.yaml"
    sweep.write_text(TINY)
    with disk(tmp_path / "disk", 8 * 1024) as folder:
        path = folder / "tiny.h5"
        assert seedbed("run", sweep, "-o", path, "--order", "fifo").returncode == 0
        before = reproducible_content(path)
        remount(folder, "ro")
        for words in (["-o", path, "--resume"], ["-o", folder / "other.h5"]):
            assert_says(seedbed("run", sweep, *words, ranks=ranks), 1, "Read-only file system")
        assert_says(seedbed("status", path), 0, "4")
        assert_says(seedbed("verify", path), 0, "as it was committed")
        assert reproducible_content(path) == before
        assert list(folder.iterdir()) == [path]


def test_a_file_that_changed_before_it_was_locked_is_read_again(seedbed, binary, tmp_path, preload):
    """A run that reads what is left to do, while another ends: what it has read is no longer so."""
    sweep, path, late = tmp_path / "long.yaml", tmp_path / "long.h5", tmp_path / "late"
    sweep.write_text(LONG)
    with Job([binary, "run", sweep, "-o", path]) as job:
        assert wait_until(lambda: rows_are_written(path)), job.output()
        job.kill(job.processes(), signal.SIGTERM)
        assert job.wait() == 75, job.output()
    with Job([binary, "run", sweep, "-o", path, "--resume"], env={**preload("late_lock"), "LATE_LOCK": str(late)}) as job:
        assert wait_until(late.with_suffix(".reached").exists), job.output()
        assert seedbed("run", sweep, "-o", path, "--resume").returncode == 0
        before = path.read_bytes()
        late.with_suffix(".go").touch()
        assert job.wait() == 1 and "start again" in job.output(), job.output()
    assert path.read_bytes() == before
    assert_says(seedbed("run", sweep, "-o", path, "--resume"), 0, "8 trials, 0 to do")


def test_a_process_that_ends_may_take_the_folder_of_temporary_files_with_it(seedbed, tmp_path, preload):
    """Without mpirun a user's processes on one host share it: a race that is met when many start and end."""
    sweep, path = tmp_path / "tiny.yaml", tmp_path / "tiny.h5"
    sweep.write_text(TINY)
    ended = seedbed("run", sweep, "-o", path, env=preload("lost_folder"))
    assert ended.returncode == 0, ended.stderr
    assert sorted(tmp_path.iterdir()) == [path, sweep]


def test_without_locks_a_second_run_is_refused_while_the_first_lives(seedbed, binary, tmp_path, preload):
    sweep, path = tmp_path / "long.yaml", tmp_path / "long.h5"
    sweep.write_text(LONG.replace("epochs: 400", "epochs: 100000"))
    with Job([binary, "run", sweep, "-o", path], env=preload("no_locks")) as job:
        assert wait_until(lambda: path.exists() and RUNNING in column(path, "state"))
        assert "has no locks" in job.output()
        ended = seedbed("run", sweep, "-o", path, "--resume", env=preload("no_locks"))
        assert_says(ended, 1, "no locks", f"process {job.process.pid}", os.uname().nodename)
        assert job.running()
        job.kill(job.processes())
        job.wait()
    with Job([binary, "run", sweep, "-o", path, "--resume"], env=preload("no_locks")) as job:
        assert wait_until(lambda: 2 in column(path, "attempt"), timeout=8), job.output()
