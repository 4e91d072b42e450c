"""A trial that takes more memory than there is: the kernel ends its process, and that counts as a crash of the trial."""

import os
import signal
from pathlib import Path

import pytest
from background import Job, name_of, process_table, wait_until
from contents import COMMITTED, column, messages, outcomes
from small_memory import kills, memory_group

MEGABYTES = 1000
SWEEP = """
name: glutton
data: {source: glyphs, train_count: 200, test_count: 100}
model: {kind: mlp}
train: {epochs: 600, batch_size: 20, learning_rate: 0.1}
grid: {model.hidden: [[16], [24], [7], [32], [40]]}
limits: {retries: 1}
"""
GLUTTON = 2  # the trial of 7 units: too few for any way to multiply but BLAS


@pytest.fixture(scope="module")
def little_memory():
    """What puts a process into a group with little memory."""
    with memory_group(MEGABYTES) as enter:
        if enter is None or kills() is None:
            pytest.skip("no control group with a limit on memory can be made here, or the kernel does not count its kills")
        yield enter


@pytest.fixture
def start(binary, preload, little_memory, tmp_path):
    """start(ranks, settings, options...) -> a Job whose third trial takes all memory that there is."""
    (tmp_path / "glutton.yaml").write_text(SWEEP)

    def run(ranks=None, settings=None, *options):
        command = [binary, "run", tmp_path / "glutton.yaml", "-o", tmp_path / "glutton.h5", "--resume", *options]
        settings = {"GLUTTON": "7", **(settings or {})}
        return Job(command, ranks, settings, env=preload("glutton"), preexec_fn=little_memory)

    return run


@pytest.fixture
def killed(little_memory):
    """killed() -> how many processes the kernel has ended in this test: the memory of one may be on its way back when it
    looks for another, whose trial then counts a crash as well."""
    before = kills()
    return lambda: kills() - before


def assert_failed_for_memory(path, killed):
    assert outcomes(path) == ["done", "done", "failed", "done", "done"]
    crashes = column(path, "crashes")
    assert crashes[GLUTTON] == 2 and column(path, "attempt")[GLUTTON] == 2 and crashes.sum() <= killed()
    assert "memory" in messages(path)[GLUTTON] and "retries" in messages(path)[GLUTTON]


def witnesses(path):
    """Of the engines that write this file."""
    return {process for process, *_ in process_table() if name_of(process) == "seedbed-witness" and writes(process, path)}


def writes(process, path):
    try:
        return os.fsencode(path) in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


def test_a_trial_that_the_kernel_ends_for_memory_is_tried_no_more_than_the_retries_say(start, killed, tmp_path):
    path = tmp_path / "glutton.h5"
    for _ in range(2):
        with start() as job:
            assert job.wait() == -signal.SIGKILL and column(path, "state")[GLUTTON] != COMMITTED, job.output()
    with start() as job:
        assert job.wait() == 3, job.output()
    assert_failed_for_memory(path, killed)


def test_under_mpirun_the_next_starts_come_past_it(start, killed, tmp_path):
    path = tmp_path / "glutton.h5"
    for tries in range(4):
        with start(2) as job:
            if job.wait() == 3:
                break
            assert column(path, "state")[GLUTTON] != COMMITTED, job.output()
    assert tries >= 2
    assert_failed_for_memory(path, killed)


def test_in_recovery_mode_the_run_comes_past_it(start, killed, tmp_path):
    """Rank 0 only serves, so that it takes no such trial; a run whose rank 0 the kernel ends all the same starts again."""
    path, word = tmp_path / "glutton.h5", tmp_path / "glutton.h5.exit"
    for _ in range(4):
        with start(4, {"OMPI_MCA_orte_enable_recovery": "1", "SEEDBED_LEASE": "2"}, "--set", "schedule.rank0=serve") as job:
            assert job.wait() == 0, job.output()
        if word.exists() and word.read_text() == "3\n":
            break
    assert word.read_text() == "3\n"
    assert_failed_for_memory(path, killed)


def test_no_witness_outlives_its_rank(start, tmp_path):
    with start(2) as job:
        assert wait_until(lambda: len(witnesses(tmp_path)) == 2)
        job.wait()
        assert wait_until(lambda: not witnesses(tmp_path), timeout=5)


def test_a_worker_that_leaves_because_rank_0_died_is_not_blamed(start, killed, tmp_path):
    """Rank 0 takes the trial, being the first; the others train for long."""
    path = tmp_path / "glutton.h5"
    (tmp_path / "glutton.yaml").write_text(SWEEP.replace("[[16], [24], [7], [32], [40]]", "[[7], [24], [32], [40]]").replace("600", "20000"))
    with start(3, {"OMPI_MCA_orte_enable_recovery": "1", "SEEDBED_LEASE": "2"}, "--order", "fifo") as job:
        job.wait()
        assert "rank 0 has died" in job.output(), job.output()
    assert column(path, "crashes")[0] == 1 and column(path, "attempt").sum() == 3, job.output()
    assert column(path, "crashes").sum() <= killed()
