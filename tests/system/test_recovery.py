"""Where MPI lets the ranks go on without one that died: the sweep ends by itself, whole, with the same bits.

SEEDBED_TEST_LOSSES says how often it is disturbed at random."""

import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from background import EPOCHS, Job, name_of, process_table, rank_of, wait_until
from conftest import mpirun_command
from contents import COMMITTED, RUNNING, assert_same_content, column, messages, outcomes, reproducible_content

RUNS = int(os.environ.get("SEEDBED_TEST_LOSSES", "3"))
SEED = int(os.environ.get("SEEDBED_TEST_SEED", "20240"))
LEASE = 2
RECOVERY = {"OMPI_MCA_orte_enable_recovery": "1", "SEEDBED_LEASE": str(LEASE)}

SWEEP = f"""
name: lost
data: {{source: glyphs, train_count: 500, test_count: 200, label_noise: {{kind: symmetric, rate: 0}}}}
model: {{kind: mlp, hidden: [32]}}
train: {{batch_size: 16, learning_rate: 0.02}}
metrics:
  margins: {{at: [init, end]}}
  weights: {{at: [end]}}
grid: {{seed: 0..2, data.label_noise.rate: [0, 0.4]}}
zip: [{{train.epochs: [{2 * EPOCHS}, {4 * EPOCHS}], train.loss: [cross_entropy, mse]}}]
pairs: {{across: seed}}
"""


@pytest.fixture
def sweep(tmp_path):
    path = tmp_path / "lost.yaml"
    path.write_text(SWEEP)
    return path


@pytest.fixture(scope="module")
def expected(seedbed, tmp_path_factory):
    """What the sweep run to its end in peace holds."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "lost.yaml").write_text(SWEEP)
    ended = seedbed("run", folder / "lost.yaml", "-o", folder / "lost.h5")
    assert ended.returncode == 0, ended.stderr
    return reproducible_content(folder / "lost.h5")


def said_at_the_end(path):
    """The engine's exit code, from the file that rank 0 leaves: mpirun ends with 0 whatever happened."""
    word = path.with_name(path.name + ".exit")
    return int(word.read_text()) if word.exists() else None


def begun(path):
    """Trials begun so far; 0 until the first runs."""
    return int(np.sum(column(path, "state") != 0)) if path.exists() else 0


def wait_for_work(job, path, count=1):
    assert wait_until(lambda: begun(path) >= count or not job.running(), timeout=60), job.output()
    assert job.running(), job.output()


def assert_whole(job, path, expected):
    assert job.wait(timeout=120) == 0, job.output()
    assert said_at_the_end(path) == 0, job.output()
    assert set(outcomes(path)) == {"done"} and np.all(column(path, "state") == COMMITTED)
    assert_same_content(reproducible_content(path), expected, job.output())


def assert_resumed(seedbed, sweep, path, expected):
    ended = seedbed("run", sweep, "-o", path, "--resume", ranks=2)
    assert ended.returncode == 0, ended.stderr
    assert_same_content(reproducible_content(path), expected, "resumed")


def disturb(job, path, chance):
    """Kills or stops workers at random moments, up to all of them; of the stopped ones some go on later -> what it did"""
    workers = {rank: process for rank, process in job.ranks().items() if rank != 0}
    victims, done = chance.sample(sorted(workers), chance.randint(1, len(workers))), []
    for rank in victims:
        time.sleep(chance.expovariate(4))
        number = chance.choice([signal.SIGKILL, signal.SIGSTOP])
        job.kill([workers[rank]], number)
        done.append(f"{signal.Signals(number).name} to rank {rank} after {begun(path)} trials")
        if number == signal.SIGSTOP and chance.random() < 0.5:
            time.sleep(chance.choice([0.3, 1.2]) * LEASE)
            job.kill([workers[rank]], signal.SIGCONT)
            done.append("and SIGCONT")
    return ", ".join(done)


def test_without_its_workers_the_sweep_ends_whole(binary, sweep, tmp_path, expected):
    print(f"SEEDBED_TEST_SEED={SEED}")
    chance = random.Random(SEED)
    for attempt in range(RUNS):
        path = tmp_path / f"lost-{attempt}.h5"
        with Job([binary, "run", sweep, "-o", path], ranks=chance.choice([2, 3, 4, 4]), settings=RECOVERY) as job:
            wait_for_work(job, path)
            print(f"run {attempt}: {disturb(job, path, chance)}", flush=True)
            assert_whole(job, path, expected)
        path.unlink()


def test_without_a_loss_nothing_differs_but_the_exit_file(binary, sweep, tmp_path, expected):
    path = tmp_path / "peace.h5"
    with Job([binary, "run", sweep, "-o", path], ranks=3, settings=RECOVERY) as job:
        assert_whole(job, path, expected)
        assert "lost" not in job.output().replace("lost.h5", "").replace("lost:", "")
    assert list(column(path, "attempt")) == [1] * 12
    with Job([binary, "run", sweep, "-o", path, "--resume"], ranks=3) as job:
        assert job.wait() == 0
    assert said_at_the_end(path) == 0, "a run that is not in recovery mode has no say in it"


def test_a_lost_trial_is_trained_by_another_rank(binary, sweep, tmp_path, expected):
    """And the work of the others is not touched."""
    path = tmp_path / "lost.h5"
    with Job([binary, "run", sweep, "-o", path], ranks=3, settings=RECOVERY) as job:
        wait_for_work(job, path, 4)
        job.kill([job.ranks()[2]])
        assert_whole(job, path, expected)
        assert "rank 2 was lost" in job.output()
    assert sorted(column(path, "attempt"))[-2:] in ([1, 2], [1, 1]) and np.all(column(path, "crashes") == 0)


def test_when_rank_0_dies_the_others_leave_and_resume_is_right(binary, seedbed, sweep, tmp_path, expected):
    for number in (signal.SIGKILL, signal.SIGSTOP):
        path = tmp_path / f"{number.name}.h5"
        with Job([binary, "run", sweep, "-o", path], ranks=3, settings=RECOVERY) as job:
            wait_for_work(job, path)
            ranks = job.ranks()
            job.kill([ranks.pop(0)], number)
            assert wait_until(lambda: not set(ranks.values()) & set(job.processes()), timeout=5 * LEASE), job.output()
        assert said_at_the_end(path) is None
    assert_resumed(seedbed, sweep, path, expected)


def test_where_rank_0_only_serves_the_loss_of_all_others_stops_the_run(binary, seedbed, sweep, tmp_path, expected):
    path = tmp_path / "served.h5"
    sweep.write_text(SWEEP + "schedule: {rank0: serve}\n")
    with Job([binary, "run", sweep, "-o", path], ranks=2, settings=RECOVERY) as job:
        wait_for_work(job, path)
        job.kill([job.ranks()[1]])
        assert job.wait() == 0 and said_at_the_end(path) == 75, job.output()
        assert "every rank that trained was lost" in job.output()
    ended = seedbed("run", sweep, "-o", path, "--resume", ranks=2)
    assert ended.returncode == 0 and set(outcomes(path)) == {"done"}, ended.stderr


@pytest.mark.parametrize("locks", [True, False])
def test_a_run_that_is_refused_leaves_the_last_word_to_the_one_that_has_the_file(binary, sweep, tmp_path, preload, locks):
    """Else the supervisor of the one would take the other's word for its own, and end a run that is well."""
    path, faulty = tmp_path / "taken.h5", tmp_path / "faulty.yaml"
    sweep.write_text(SWEEP.replace("[40, 80]", "[40000, 80000]"))
    faulty.write_text(SWEEP.replace("epochs", "epoch"))
    settings = {**({} if locks else preload("no_locks")), **RECOVERY}
    with Job([binary, "run", sweep, "-o", path], ranks=2, settings=settings) as job:
        wait_for_work(job, path)
        for command in ([sweep, "-o", path], [faulty, "-o", path, "--resume"]):
            with Job([binary, "run", *command], ranks=2, settings=settings) as other:
                assert other.wait() == 0 and "error" in other.output() and f"{path}.exit is not written" in other.output()
            assert said_at_the_end(path) is None
        job.kill([job.ranks()[0]], signal.SIGUSR1)
        assert job.wait(timeout=60) == 0 and said_at_the_end(path) == 75, job.output()
    with Job([binary, "run", sweep, "-o", path], ranks=2, settings=settings) as late:
        assert late.wait() == 0 and said_at_the_end(path) == 1, "nobody has the file now"


def engines(path):
    """{rank: process} of those that write this file, whoever started them; not those beside them."""
    found = {}
    for process, _, _, state in process_table():
        if state not in "ZX" and name_of(process) != "seedbed-witness" and os.fsencode(path) in command_of(process):
            found[rank_of(process)] = process
    return found


def command_of(process):
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def test_the_supervisor_starts_again_when_rank_0_was_lost(binary, root, sweep, tmp_path, expected):
    path = tmp_path / "supervised.h5"
    settings = {"SEEDBED": str(binary), "SEEDBED_LAUNCH": " ".join(map(str, mpirun_command(3))), "SEEDBED_LEASE": str(LEASE)}
    with Job([root / "tools" / "run-until-done", sweep, path], settings=settings) as job:
        try:
            wait_for_work(job, path)
            job.kill([engines(path)[0]])
            assert job.wait() == 0, job.output()
            assert "ended with 70" in job.output() and not engines(path)
        finally:
            job.kill(engines(path).values())
    assert said_at_the_end(path) is None and column(path, "session").max() == 1
    assert_same_content(reproducible_content(path), expected, "started again")


def test_the_supervisor_learns_of_an_end_before_there_is_a_file(binary, root, sweep, tmp_path):
    sweep.write_text(SWEEP.replace("epochs", "epoch"))
    settings = {"SEEDBED": str(binary), "SEEDBED_LAUNCH": " ".join(map(str, mpirun_command(2)))}
    with Job([root / "tools" / "run-until-done", sweep, tmp_path / "none.h5"], settings=settings) as job:
        assert job.wait() == 1 and job.output().count("1 fault in") == 1, job.output()
    assert not list(tmp_path.glob("none.h5*"))


@pytest.mark.parametrize("words, settings", [(["--order", "last"], {}), (["--oder", "lpt"], {}), ([], {"SEEDBED_LEASE": "never"})])
def test_the_supervisor_does_not_repeat_what_is_refused(binary, root, sweep, tmp_path, words, settings):
    settings = {"SEEDBED": str(binary), "SEEDBED_LAUNCH": " ".join(map(str, mpirun_command(2))), **settings}
    with Job([root / "tools" / "run-until-done", sweep, tmp_path / "none.h5", *words], settings=settings) as job:
        assert job.wait() == 2 and job.output().count("error: ") <= 2, job.output()
    assert not list(tmp_path.glob("none.h5*"))


def test_a_job_that_is_suspended_whole_goes_on_whole(binary, sweep, tmp_path, expected):
    path = tmp_path / "suspended.h5"
    with Job([binary, "run", sweep, "-o", path], ranks=3, settings=RECOVERY) as job:
        wait_for_work(job, path, 2)
        ranks = job.ranks()
        job.kill(ranks.values(), signal.SIGSTOP)
        time.sleep(1.5 * LEASE)
        job.kill([ranks.pop(0)], signal.SIGCONT)
        time.sleep(0.2)
        job.kill(ranks.values(), signal.SIGCONT)
        assert_whole(job, path, expected)
        assert "was lost" not in job.output() and "leaving" not in job.output()


def test_a_rank_lost_before_the_first_trial_ends_the_run(binary, tmp_path, seedbed, sweep, expected):
    """Ranks that read the sweep and open the file together wait for each other."""
    folder = tmp_path / "early"
    folder.mkdir()
    path = folder / "early.h5"
    with Job([binary, "run", sweep, "-o", path], ranks=3, settings=RECOVERY) as job:
        assert wait_until(lambda: any(folder.iterdir()), pause=0)
        job.kill([job.ranks()[1]], signal.SIGSTOP)
        assert wait_until(lambda: set(job.processes()) <= {job.process.pid}, timeout=60), job.output()
        assert "before the first trial" in job.output() or said_at_the_end(path) == 0, job.output()
    assert_resumed(seedbed, sweep, path, expected)


POISON = """
name: poison
data: {source: glyphs, train_count: 500, test_count: 100}
model: {kind: mlp, hidden: [64]}
train: {batch_size: 16, learning_rate: 0.01}
zip: [{train.epochs: [200000, 20000, 2, 2], seed: [0, 1, 2, 3]}]
limits: {retries: 1}
"""


def cpu_time(process):
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def busiest(processes):
    before = {process: cpu_time(process) for process in processes}
    assert wait_until(lambda: any(cpu_time(process) > before[process] + 20 for process in processes))
    return max(processes, key=lambda process: cpu_time(process) - before[process])


def test_a_trial_that_takes_one_rank_after_the_other_down_is_failed(binary, tmp_path):
    """Rank 0 is at the longest trial all the time, another rank at the next longest."""
    sweep, path = tmp_path / "poison.yaml", tmp_path / "poison.h5"
    sweep.write_text(POISON)
    with Job([binary, "run", sweep, "-o", path], ranks=4, settings=RECOVERY) as job:
        for crash in (1, 2):
            done = [False, False, True, True]
            assert wait_until(lambda: path.exists() and list(column(path, "state") == COMMITTED) == done), job.output()
            assert wait_until(lambda: column(path, "attempt")[1] == crash), job.output()
            job.kill([busiest([process for rank, process in job.ranks().items() if rank != 0])], signal.SIGSEGV)
        assert wait_until(lambda: outcomes(path)[1] == "failed" and column(path, "state")[1] == COMMITTED), job.output()
        job.kill([job.ranks()[0]], signal.SIGUSR1)
        assert job.wait(timeout=60) == 0, job.output()
        assert said_at_the_end(path) == 75, job.output()
    assert column(path, "state")[0] == RUNNING and "retries" in messages(path)[1]
    assert list(column(path, "crashes")) == [0, 2, 0, 0]
