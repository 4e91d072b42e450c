"""Who writes to the results file makes no difference to what is in it: `results.writer`."""

import signal
import subprocess
import time

import pytest
from background import Job, wait_until
from command_line import LONG, TINY, assert_says, entries
from conftest import engine_environment, run_group
from contents import COMMITTED, RUNNING, assert_same_content, column, reproducible_content

SWEEP = """
name: written
data: {source: glyphs, train_count: 300, test_count: 100}
model: {kind: mlp, hidden: [24]}
train: {epochs: 4, batch_size: 20, learning_rate: 0.05}
metrics: {margins: {at: [init, end]}, weights: {}}
grid: {seed: 0..4, train.loss: [cross_entropy, mse]}
pairs: {across: seed}
"""
ROOT = ["--set", "results.writer=root"]


@pytest.fixture
def sweep(tmp_path):
    path = tmp_path / "written.yaml"
    path.write_text(SWEEP)
    return path


@pytest.fixture
def expected(seedbed, sweep, tmp_path):
    path = tmp_path / "each.h5"
    assert seedbed("run", sweep, "-o", path, "--set", "results.writer=each").returncode == 0
    return reproducible_content(path)


def content_of_sweep(content):
    """All but what says with which settings the file was made."""
    return {name: data for name, data in content.items() if not name.startswith("sweep/")}


def assert_same_results(path, expected, what):
    assert_same_content(content_of_sweep(reproducible_content(path)), content_of_sweep(expected), what)


@pytest.mark.parametrize("ranks", [None, 2, 3, 5])
def test_rows_that_rank_0_writes_for_all_have_the_same_bits(seedbed, sweep, tmp_path, expected, ranks):
    path = tmp_path / "root.h5"
    assert_says(seedbed("run", sweep, "-o", path, *ROOT, ranks=ranks), 0, "pairs compared")
    assert_same_results(path, expected, f"written by rank 0 of {ranks}")
    assert_says(seedbed("verify", path), 0, "as it was committed")
    if ranks:
        assert len(set(column(path, "rank"))) == ranks, "rank 0 did not only write, it trained all"


def test_a_file_system_that_refuses_other_ranks_makes_rank_0_write(seedbed, sweep, tmp_path, expected, preload):
    path = tmp_path / "refused.h5"
    environment = preload("no_independent_writes")
    ended = seedbed("run", sweep, "-o", path, ranks=3, env=environment)
    assert_says(ended, 0, "rank 0 writes for all")
    assert_same_results(path, expected, "where only rank 0 may write")
    assert len(set(column(path, "rank"))) > 1
    assert entries(tmp_path) == ["each.h5", "refused.h5", "written.yaml"]
    each = seedbed("run", sweep, "-o", tmp_path / "each2.h5", "--set", "results.writer=each", ranks=3, env=environment)
    assert_says(each, 1, "could not be written")
    assert_says(seedbed("run", sweep, "-o", tmp_path / "each2.h5", "--resume", ranks=2), 0)
    assert_same_results(tmp_path / "each2.h5", expected, "refused, then gone on with")


def test_kills_lose_nothing_that_rank_0_committed(seedbed, binary, sweep, tmp_path, expected):
    path = tmp_path / "killed.h5"
    sweep.write_text(SWEEP.replace("epochs: 4", "epochs: 40"))
    whole = tmp_path / "whole.h5"
    assert seedbed("run", sweep, "-o", whole).returncode == 0
    for goal in (2, 5, 8):
        with Job([binary, "run", sweep, "-o", path, "--resume", *ROOT], ranks=3) as job:
            assert wait_until(lambda: path.exists() and sum(column(path, "state") == COMMITTED) >= goal, timeout=60), job.output()
            job.kill(job.processes())
            job.wait()
        assert_says(seedbed("verify", path), 0, "as it was committed")
    assert_says(seedbed("run", sweep, "-o", path, "--resume", *ROOT, ranks=2), 0)
    assert_same_results(path, reproducible_content(whole), "killed while rank 0 wrote")


def test_a_rank_that_crashes_counts_though_it_does_not_write(seedbed, binary, tmp_path):
    sweep, path = tmp_path / "long.yaml", tmp_path / "long.h5"
    sweep.write_text(LONG.replace("epochs: 400", "epochs: 100000"))
    with Job([binary, "run", sweep, "-o", path, *ROOT], ranks=2) as job:
        assert wait_until(lambda: path.exists() and sum(column(path, "state") == RUNNING) == 2)
        time.sleep(0.5)  # rank 0 has written that the trial runs, and rank 1 hears of it
        job.kill([job.ranks()[1]], signal.SIGSEGV)
        assert job.wait() != 0
    assert sorted(column(path, "crashes"))[-2:] == [0, 1], "the crash of rank 1 alone was to be counted"


def test_where_survivors_go_on_a_rank_that_is_lost_takes_no_row_with_it(seedbed, binary, sweep, tmp_path):
    path, whole = tmp_path / "lost.h5", tmp_path / "whole.h5"
    sweep.write_text(SWEEP.replace("epochs: 4", "epochs: 40"))
    assert seedbed("run", sweep, "-o", whole).returncode == 0
    recovery = {"OMPI_MCA_orte_enable_recovery": "1", "SEEDBED_LEASE": "2"}
    with Job([binary, "run", sweep, "-o", path, *ROOT], ranks=3, settings=recovery) as job:
        assert wait_until(lambda: path.exists() and sum(column(path, "state") == COMMITTED) >= 2, timeout=60), job.output()
        job.kill([job.ranks()[2]])
        assert job.wait(timeout=120) == 0, job.output()
    assert_same_results(path, reproducible_content(whole), "without the rank that was lost")


def test_a_stop_is_in_good_order(binary, tmp_path):
    sweep, path = tmp_path / "long.yaml", tmp_path / "long.h5"
    sweep.write_text(LONG.replace("epochs: 400", "epochs: 100000"))
    with Job([binary, "run", sweep, "-o", path, *ROOT], ranks=3) as job:
        assert wait_until(lambda: path.exists() and sum(column(path, "state") == RUNNING) >= 3)
        job.kill([job.process.pid], signal.SIGUSR1)
        assert job.wait(timeout=30) == 75, job.output()


def test_another_word_is_a_fault(seedbed, tmp_path):
    sweep = tmp_path / "tiny.yaml"
    sweep.write_text(TINY + "results: {writer: rot}\n")
    assert_says(seedbed("plan", sweep), 1, "results.writer", "'root'", "auto, each, root")


HIDE = 'if [ "$OMPI_COMM_WORLD_RANK" = 1 ]; then mount -t tmpfs tmpfs "$0" || exit 9; fi; exec "$@"'


def test_a_folder_that_one_rank_does_not_see_ends_the_run(binary, sweep, tmp_path):
    """As with a node where the file system is not mounted: Open MPI alone hangs there."""
    if subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False).returncode:
        pytest.skip("no mounts of its own for a rank here (root and unshare)")
    folder = tmp_path / "hidden"
    folder.mkdir()
    command = ["mpirun", "-n", "2", "--oversubscribe", "--bind-to", "none", "unshare", "--mount", "sh", "-c", HIDE, folder]
    ended = run_group([*command, binary, "run", sweep, "-o", folder / "results.h5"], timeout=40, env=engine_environment())
    assert_says(ended, 1, "cannot be opened for writing by rank 1: No such file or directory: put it where every rank can")
