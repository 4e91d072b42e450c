"""Killed at any moment, the file opens, keeps what was committed, and ends with the bits of an undisturbed run.

SEEDBED_TEST_KILLS says how often.
"""

import os
import random
import signal
import threading
import time

import h5py
import numpy as np
import pytest
from background import EPOCHS, Job, wait_until
from contents import COMMITTED, RUNNING, assert_rows_among, assert_same_content, column, committed_rows, messages, outcomes
from contents import reproducible_content, texts

KILLS = int(os.environ.get("SEEDBED_TEST_KILLS", "20"))
SEED = int(os.environ.get("SEEDBED_TEST_SEED", "20240"))

SWEEP = f"""
name: killed
data: {{source: glyphs, train_count: 500, test_count: 200, label_noise: {{kind: symmetric, rate: 0}}}}
model: {{kind: mlp, hidden: [48]}}
train: {{batch_size: 16, learning_rate: 0.02}}
metrics:
  margins: {{at: [init, end]}}
  weights: {{at: [end]}}
  memorization: {{at: [end], steps: [20, 50]}}
  sample_loss: {{at: [end], every: 10, loss: [1], loss_every: 7}}
grid: {{seed: 0..3, data.label_noise.rate: [0, 0.4]}}
zip: [{{train.epochs: [{EPOCHS}, {2 * EPOCHS}], train.loss: [cross_entropy, mse]}}]
"""

# Trial 0 takes long, the others do not.
POISON = """
name: poison
data: {source: glyphs, train_count: 500, test_count: 100}
model: {kind: mlp, hidden: [64]}
train: {batch_size: 16, learning_rate: 0.01}
zip: [{train.epochs: [20000, 2, 2, 2], seed: [0, 1, 2, 3]}]
limits: {retries: 1}
"""


@pytest.fixture
def sweep(tmp_path):
    path = tmp_path / "killed.yaml"
    path.write_text(SWEEP)
    return path


@pytest.fixture(scope="module")
def undisturbed(seedbed, tmp_path_factory):
    """The sweep run to its end in peace."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "killed.yaml").write_text(SWEEP)
    ended = seedbed("run", folder / "killed.yaml", "-o", folder / "killed.h5")
    assert ended.returncode == 0, ended.stderr
    return folder / "killed.h5"


@pytest.fixture(scope="module")
def expected_rows(undisturbed):
    return committed_rows(undisturbed)


class Reader(threading.Thread):
    """Opens the file again and again while it is written, and checks every row that counts."""

    def __init__(self, path, expected_rows):
        super().__init__()
        self.path, self.expected_rows = path, expected_rows
        self.over = threading.Event()
        self.reads, self.failure = 0, None

    def run(self):
        try:
            while not self.over.is_set():
                if self.path.exists():
                    assert_rows_among(committed_rows(self.path), self.expected_rows, "while the file is written")
                    self.reads += 1
                time.sleep(0.2)
        except BaseException as failure:  # told by __exit__
            self.failure = failure

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()
        if self.failure is not None:
            raise self.failure


def committed_count(path):
    return int(np.sum(column(path, "state") == COMMITTED)) if path.exists() else 0


def wait_for_a_moment(job, path, chance):
    """Returns at a random moment: of the start, or after a few commits."""
    if chance.random() < 0.25:
        time.sleep(chance.uniform(0, 0.8))
        return
    goal = committed_count(path) + chance.choice([0, 0, 1, 2])
    wait_until(lambda: not job.running() or (path.exists() and state_reached(path, goal)), timeout=60)
    time.sleep(chance.uniform(0, 0.15))


def state_reached(path, goal):
    state = column(path, "state")
    return np.sum(state == COMMITTED) >= goal and (RUNNING in state)


def kill_somebody(job, chance):
    """SIGKILL to mpirun and all ranks, to one rank, or to mpirun alone; whatever is left must end by itself."""
    ranks = list(job.ranks().values())
    victims = {"all": job.processes(), "mpirun": [job.process.pid], "rank": [chance.choice(ranks)] if ranks else []}
    kind = chance.choices(["all", "rank", "mpirun"], [3, 2, 1])[0]
    job.kill(victims[kind] or job.processes())
    wait_for_the_end(job)
    return kind


def wait_for_the_end(job):
    """What is left of the engine ends by itself. So does mpirun, but for Open MPI 4.1 when a rank dies in MPI_Init."""
    assert wait_until(lambda: set(job.processes()) <= {job.process.pid}), "ranks outlive the end of their job"
    if not wait_until(lambda: not job.running(), timeout=8):
        print("mpirun stays though all ranks are gone: killed")
        job.kill([job.process.pid])
    job.wait()


def check_after_kill(path, ranks, before, expected_rows):
    """The file opens, and only trials in the hands of ranks were started and not committed. -> attempts

    A rank holds more than one tiny trial while three more rounds of them wait, and commits them by the half.
    """
    if not path.exists():
        return before
    assert_rows_among(committed_rows(path), expected_rows, "after a kill")
    attempts, state = column(path, "attempt"), column(path, "state")
    started = attempts - (0 if before is None else before)
    assert set(started) <= {0, 1}, "a trial was started twice by one run"
    held = 1 + len(state) // (3 * ranks + 1)
    in_hands = ranks * (1 + (held + 1) // 2)
    assert np.sum((started == 1) & (state != COMMITTED)) <= in_hands, "more trials were under way than ranks have in their hands"
    return attempts


def disturb(binary, sweep, path, chance, expected_rows, kills_left):
    """Runs and kills until the sweep is complete or enough kills are made -> kills."""
    kills, attempts = 0, None
    while kills < kills_left:
        ranks = chance.choice([None, 2, 2, 3])
        command = [binary, "run", sweep, "-o", path, "--resume", "--order", chance.choice(["lpt", "fifo", "random"])]
        with Job(command, ranks) as job:
            wait_for_a_moment(job, path, chance)
            if not job.running():
                assert job.wait() == 0, job.output()
                return kills
            kind = kill_somebody(job, chance)
        kills += 1
        attempts = check_after_kill(path, ranks or 1, attempts, expected_rows)
        print(f"{path.name}, kill {kills}: {kind} of {ranks or 'no'} ranks, {committed_count(path)} committed")
    return kills


def test_killed_at_random_the_bits_are_those_of_an_undisturbed_run(
    seedbed, binary, sweep, tmp_path, undisturbed, expected_rows
):
    print(f"SEEDBED_TEST_SEED={SEED}")
    chance, kills, files, expected = random.Random(SEED), 0, 0, reproducible_content(undisturbed)
    while kills < KILLS:
        path = tmp_path / f"killed-{files}.h5"
        files += 1
        with Reader(path, expected_rows) as reader:
            kills += disturb(binary, sweep, path, chance, expected_rows, KILLS - kills)
            ended = seedbed("run", sweep, "-o", path, "--resume", ranks=2)
        assert ended.returncode == 0, ended.stderr
        assert reader.reads > 0
        assert_same_content(reproducible_content(path), expected, f"after kills, file {files}")


def test_a_committed_trial_is_not_trained_again(seedbed, binary, sweep, tmp_path):
    path = tmp_path / "once.h5"
    with Job([binary, "run", sweep, "-o", path]) as job:
        assert wait_until(lambda: path.exists() and committed_count(path) >= 3 and state_reached(path, 3))
        job.kill(job.processes())
        job.wait()
    state, sessions = column(path, "state"), column(path, "session")
    assert seedbed("run", sweep, "-o", path, "--resume").returncode == 0
    attempts = column(path, "attempt")
    assert np.all(attempts[state == COMMITTED] == 1) and np.all(column(path, "session")[state == COMMITTED] == 0)
    assert np.all(attempts[state == RUNNING] == 2) and np.all(attempts <= 2)
    assert np.all(column(path, "session")[state != COMMITTED] == 1), sessions


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGUSR1"])
def test_a_signal_stops_in_good_order(seedbed, binary, sweep, tmp_path, undisturbed, name):
    path = tmp_path / "stopped.h5"
    with Job([binary, "run", sweep, "-o", path]) as job:
        assert wait_until(lambda: path.exists() and state_reached(path, 2))
        job.kill([job.process.pid], getattr(signal, name))
        assert job.wait(timeout=20) == 75, job.output()
        assert "--resume" in job.output() or "stopped" in job.output()
    assert 0 < committed_count(path) < len(column(path, "state"))
    finish_and_compare(seedbed, sweep, path, undisturbed)


@pytest.mark.parametrize("name", ["SIGUSR1", "SIGTERM"])
def test_a_signal_to_mpirun_stops_all_ranks_in_good_order(seedbed, binary, sweep, tmp_path, undisturbed, name):
    path = tmp_path / "stopped.h5"
    with Job([binary, "run", sweep, "-o", path], ranks=3) as job:
        assert wait_until(lambda: path.exists() and state_reached(path, 2))
        job.kill([job.process.pid], getattr(signal, name))
        code = job.wait(timeout=20)
        # mpirun's own exit code after SIGTERM is its own affair.
        assert code == 75 or name == "SIGTERM", job.output()
    finish_and_compare(seedbed, sweep, path, undisturbed)


def finish_and_compare(seedbed, sweep, path, undisturbed):
    with h5py.File(path, "r") as file:
        assert texts(file["sessions/ending"][:1])[0] in (b"stopped", b"complete")
    ended = seedbed("run", sweep, "-o", path, "--resume", ranks=2)
    assert ended.returncode == 0, ended.stderr
    assert_same_content(reproducible_content(path), reproducible_content(undisturbed), "stopped and resumed")


def test_a_kill_during_creation_leaves_no_file_or_one_that_opens(seedbed, binary, sweep, tmp_path, undisturbed):
    chance, seen = random.Random(SEED), 0
    for attempt in range(12):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        path = folder / "made.h5"
        with Job([binary, "run", sweep, "-o", path]) as job:
            wait_until(lambda: not job.running() or any(folder.iterdir()), pause=0)
            time.sleep(chance.uniform(0, 0.05))
            job.kill(job.processes())
            job.wait()
        seen += any(entry.name.startswith("made.h5.creating") for entry in folder.iterdir())
        if path.exists():
            assert len(column(path, "state")) == 16
    print(f"{seen} of 12 kills fell into the creation")
    ended = seedbed("run", sweep, "-o", path, "--resume")
    assert ended.returncode == 0, ended.stderr
    assert_same_content(reproducible_content(path), reproducible_content(undisturbed), "killed during creation")


@pytest.mark.parametrize("ranks", [None, 2])
@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT"])
def test_a_trial_that_takes_its_process_down_ends_as_failed(seedbed, binary, tmp_path, ranks, name):
    sweep, path = tmp_path / "poison.yaml", tmp_path / "poison.h5"
    sweep.write_text(POISON)
    for crash in (1, 2):
        with Job([binary, "run", sweep, "-o", path, "--resume"], ranks) as job:
            crash_trial_zero(job, path, crash, getattr(signal, name))
        assert column(path, "crashes")[0] == crash and column(path, "state")[0] == RUNNING
    ended = seedbed("run", sweep, "-o", path, "--resume", ranks=ranks)
    assert ended.returncode == 3, ended.stderr
    assert outcomes(path) == ["failed", "done", "done", "done"]
    assert "retries" in messages(path)[0] and list(column(path, "attempt"))[0] == 2
    assert list(column(path, "crashes")) == [2, 0, 0, 0]


def crash_trial_zero(job, path, attempt, number):
    """The longest trial is the first that rank 0 is given."""
    assert wait_until(lambda: path.exists() and column(path, "attempt")[0] == attempt and column(path, "state")[0] == RUNNING)
    job.kill([job.ranks()[0]], number)
    assert job.wait(timeout=30) != 0


def test_a_killed_trial_is_no_crash(seedbed, binary, sweep, tmp_path):
    path = tmp_path / "killed.h5"
    with Job([binary, "run", sweep, "-o", path]) as job:
        assert wait_until(lambda: path.exists() and state_reached(path, 1))
        job.kill(job.processes())
        job.wait()
    assert not np.any(column(path, "crashes"))
