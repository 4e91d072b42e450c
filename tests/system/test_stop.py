"""Stopped in good order at any moment, by signals or by time limits, a sweep goes on where it was and ends in the bits of one that
nobody disturbed, for every metric and for pairs. SEEDBED_TEST_STOPS, _LIMITS and _KILLS say how often each is tried;
with SEEDBED_TEST_ON_TIME no limit may be overrun, mpirun's own start and end included.
"""

import os
import random
import re
import signal
import subprocess
import time

import numpy as np
import pytest
from background import Job, wait_until
from contents import COMMITTED, RUNNING, assert_same_content, column, reproducible_content

SEED = int(os.environ.get("SEEDBED_TEST_SEED", "20240"))
STOPS = int(os.environ.get("SEEDBED_TEST_STOPS", "6"))
LIMITS = int(os.environ.get("SEEDBED_TEST_LIMITS", "4"))
KILLS = int(os.environ.get("SEEDBED_TEST_KILLS", "3"))

SWEEP = """
name: stopped
data: {source: glyphs, train_count: 300, test_count: 100, label_noise: {kind: symmetric, rate: 0.2}}
model: {kind: mlp, hidden: [32]}
train: {epochs: 60, batch_size: 16, learning_rate: 0.05, reduction: {by: random, when: start, keep: 0.5, shrink: 0.9, every: 10}}
metrics:
  margins: {at: [init, separated, end], every: 20, normalise: [frobenius, last_layer, spectral, input_gradient]}
  weights: {at: [init, end], every: 30}
  memorization: {at: [end], steps: [20, 50]}
  sample_loss: {at: [end], every: 10, loss: [1], loss_every: 7}
  reduction: {at: [end]}
  interpolation: {at: [end], points: 9, epochs: [15]}
  stiffness: {at: [separated, end], every: 25, samples: 60}
  gradients: {at: [init, end], every: 20, samples: 60}
grid:
  - {seed: 0..1, train.loss: [cross_entropy, mse]}
  - seed: [2]
    model: [{kind: cnn, channels: [4], batch_norm: true, hidden: [8], dropout: 0.2}]
    train.optimizer: [adam, {kind: rmsprop, momentum: 0.5}]
    train.learning_rate: [0.002]
    train.schedule: [cosine]
    train.epochs: [20]
  - seed: [3]
    train.stages: [[{epochs: 25, label_noise: {kind: permute}}]]
pairs: [{within: [train.loss]}]
"""


@pytest.fixture
def sweep(tmp_path):
    path = tmp_path / "stopped.yaml"
    path.write_text(SWEEP)
    return path


@pytest.fixture(scope="module")
def undisturbed(seedbed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "stopped.yaml").write_text(SWEEP)
    ended = seedbed("run", folder / "stopped.yaml", "-o", folder / "stopped.h5")
    assert ended.returncode == 0, ended.stderr
    return reproducible_content(folder / "stopped.h5")


@pytest.fixture(autouse=True)
def patient_mpirun(monkeypatch):
    """mpirun kills its ranks so many seconds after its own SIGTERM: on a busy machine one is too few."""
    monkeypatch.setenv("OMPI_MCA_odls_base_sigkill_timeout", "3")


def checkpoints(path):
    folder = path.parent / f"{path.name}.checkpoints"
    return {file.stem for file in folder.glob("*.checkpoint")}


def identities(path):
    return [text.decode() for text in column(path, "identity")]


def in_flight(path):
    """Trials that were begun and have no outcome."""
    return {trial for trial, state in enumerate(column(path, "state")) if state == RUNNING}


def went_on(output):
    return {int(trial) for trial in re.findall(r"trial (\d+) goes on from its checkpoint", output)}


def assert_all_saved(path, ranks):
    """Each trial in flight has its checkpoint, and nobody else has one."""
    names = identities(path)
    assert {names[trial] for trial in in_flight(path)} == checkpoints(path)
    assert len(checkpoints(path)) <= ranks


def finish(seedbed, sweep, path, undisturbed):
    ended = seedbed("run", sweep, "-o", path, "--resume", ranks=2)
    assert ended.returncode == 0, ended.stderr
    found = reproducible_content(path)
    given = {name: found[name] for name in ("sweep/set", "sweep/resolved")}  # the first start may have had a limit of its own
    assert_same_content(found, {**undisturbed, **given}, "stopped and gone on with")
    assert not (path.parent / f"{path.name}.checkpoints").exists()
    return ended.stderr


def is_training(path):
    return path.exists() and RUNNING in column(path, "state")


def start_and_stop(command, path, ranks, chance):
    """Runs, stops at a random moment by a random signal to somebody, and waits for the end -> exit code, output."""
    with Job(command, ranks) as job:
        assert wait_until(lambda: not job.running() or is_training(path), timeout=60)
        time.sleep(chance.expovariate(1.5))
        name, whom = chance.choice(["SIGTERM", "SIGTERM", "SIGINT", "SIGUSR1"]), chance.choice(["mpirun", "rank"])
        ranks_found = list(job.ranks().values())
        victim = job.process.pid if whom == "mpirun" or not ranks_found else chance.choice(ranks_found)
        job.kill([victim], getattr(signal, name))
        code = job.wait(timeout=60)
        print(f"{name} to {whom} of {ranks}: {code}, {len(in_flight(path))} in flight")
        if code not in (0, 75):
            print(job.output())
        return code, job.output()


def test_what_was_in_flight_at_a_signal_goes_on(seedbed, binary, sweep, tmp_path, undisturbed):
    print(f"SEEDBED_TEST_SEED={SEED}")
    chance, stops, files = random.Random(SEED), 0, 0
    while stops < STOPS:
        path = tmp_path / f"stopped-{files}.h5"
        files += 1
        waiting, attempts, over, most = set(), None, False, 0
        while stops < STOPS and not over:
            ranks = chance.choice([None, 2, 3])
            most = max(most, ranks or 1)
            code, output = start_and_stop([binary, "run", sweep, "-o", path, "--resume"], path, ranks, chance)
            over = np.all(column(path, "state") == COMMITTED) and code == 0
            again = {t for t in waiting if column(path, "attempt")[t] > attempts[t]}
            assert again == went_on(output), "what was in flight began anew, or what was not went on"
            attempts, waiting = column(path, "attempt"), in_flight(path)
            assert {identities(path)[t] for t in waiting} == checkpoints(path)
            assert len(waiting) <= most
            stops += 1
        finish(seedbed, sweep, path, undisturbed)
        path.unlink()


def test_a_time_limit_loses_nothing(seedbed, binary, sweep, tmp_path, undisturbed):
    chance, limits, files = random.Random(SEED + 1), 0, 0
    while limits < LIMITS:
        path = tmp_path / f"limited-{files}.h5"
        files += 1
        code = 75
        while code == 75 and limits < LIMITS:
            ranks, limit = chance.choice([None, 2, 3]), chance.uniform(5, 9)
            with Job([binary, "run", sweep, "-o", path, "--resume", "--time-limit", f"{limit:.2f}s"], ranks) as job:
                start = time.monotonic()
                code = job.wait(timeout=60)
                took, output = time.monotonic() - start, job.output()
            print(f"limit {limit:.2f} s on {ranks}: {code} after {took:.2f} s, {len(in_flight(path))} in flight")
            assert code in (0, 75), output
            assert {identities(path)[t] for t in in_flight(path)} == checkpoints(path)
            if "SEEDBED_TEST_ON_TIME" in os.environ:  # a machine with nothing else to do
                assert took <= limit
            limits += 1
        finish(seedbed, sweep, path, undisturbed)
        path.unlink()


def test_a_second_signal_ends_at_once_and_does_no_harm(seedbed, binary, sweep, tmp_path, undisturbed):
    path = tmp_path / "twice.h5"
    with Job([binary, "run", sweep, "-o", path], 2) as job:
        assert wait_until(lambda: is_training(path))
        rank = job.ranks()[1]
        os.kill(rank, signal.SIGSTOP)
        job.kill([job.ranks()[0]], signal.SIGTERM)
        time.sleep(0.5)
        job.kill([job.ranks().get(0, rank)], signal.SIGTERM)
        code = job.wait(timeout=60)
        assert code not in (0, 75), job.output()
    finish(seedbed, sweep, path, undisturbed)


def stop_once(binary, sweep, path):
    """The checkpoint of a run that was stopped. One that stopped between two trials has none, and is made again."""
    folder = path.parent / f"{path.name}.checkpoints"
    for _ in range(10):
        path.unlink(missing_ok=True)
        with Job([binary, "run", sweep, "-o", path]) as job:
            assert wait_until(lambda: is_training(path))
            time.sleep(0.1)
            job.kill([job.process.pid], signal.SIGTERM)
            assert job.wait(timeout=60) == 75, job.output()
        assert_all_saved(path, 1)
        if folder.exists():
            return next(folder.iterdir())
    raise AssertionError("ten stops met no trial under way")


@pytest.mark.parametrize("damage", ["truncated", "bit"])
def test_a_damaged_checkpoint_is_told_and_left_out(seedbed, binary, sweep, tmp_path, undisturbed, damage):
    path = tmp_path / "damaged.h5"
    file = stop_once(binary, sweep, path)
    content = bytearray(file.read_bytes())
    if damage == "bit":
        content[len(content) // 2] ^= 4
    file.write_bytes(content if damage == "bit" else content[: len(content) // 2])
    output = finish(seedbed, sweep, path, undisturbed)
    assert "its trial begins anew" in output and not went_on(output)


def test_checkpoints_of_another_file_of_that_name_are_not_used(seedbed, binary, sweep, tmp_path, undisturbed):
    path = tmp_path / "again.h5"
    stop_once(binary, sweep, path)
    path.unlink()
    ended = seedbed("run", sweep, "-o", path)
    assert ended.returncode == 0 and not went_on(ended.stderr)
    assert_same_content(reproducible_content(path), undisturbed, "made anew")


def test_kills_cost_no_more_than_since_the_last_checkpoint(seedbed, binary, sweep, tmp_path, undisturbed):
    path, chance = tmp_path / "killed.h5", random.Random(SEED + 2)
    command = [binary, "run", sweep, "-o", path, "--resume", "--set", "limits.checkpoint=0.05"]
    for _ in range(KILLS):
        with Job(command, chance.choice([None, 2])) as job:
            wait_until(lambda: not job.running() or (path.exists() and len(checkpoints(path)) > 0))
            time.sleep(chance.uniform(0, 0.5))
            job.kill(job.processes())
            job.wait()
            assert "begins anew" not in job.output()
    saved = {t for t in in_flight(path) if identities(path)[t] in checkpoints(path)}
    output = finish(seedbed, sweep, path, undisturbed)
    assert went_on(output) == saved and "begins anew" not in output


def test_a_checkpoint_that_does_not_fit_on_the_disk_costs_only_time(seedbed, binary, sweep, tmp_path, undisturbed):
    path = tmp_path / "full.h5"
    (tmp_path / "full.h5.checkpoints").write_text("a file where the folder would be")
    with Job([binary, "run", sweep, "-o", path, "--resume"]) as job:
        assert wait_until(lambda: not job.running() or is_training(path))
        assert job.running() or "cannot read the folder" in job.output(), job.output()
        code = job.wait() if not job.running() else None
    assert code in (None, 1)
    (tmp_path / "full.h5.checkpoints").unlink()
    finish(seedbed, sweep, path, undisturbed)


@pytest.mark.parametrize(
    "words, found",
    [("0", "is not above 0"), ("soon", "is not a duration"), ("-5", "is not above 0"), ("5 parsecs", "is not a duration"), ("1:75", "is not")],
)
def test_a_time_limit_that_is_none_is_refused(seedbed, sweep, tmp_path, words, found):
    ended = seedbed("run", sweep, "-o", tmp_path / "x.h5", "--time-limit", words)
    assert ended.returncode == 2 and f"--time-limit: '{words}'" in ended.stderr and found in ended.stderr


def test_the_batch_system_says_when_time_is_over(binary, sweep, tmp_path, monkeypatch):
    path = tmp_path / "batch.h5"
    nodes = tmp_path / "nodes"
    nodes.write_text("here\n")

    def run(**variables):
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", **variables}
        command = [binary, "run", sweep, "-o", path, "--resume", "--time-limit", "1-00:00:00"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    ended = run(SLURM_JOB_END_TIME=str(int(time.time()) + 2), PBS_WALLTIME="3600", PBS_NODEFILE=str(nodes))
    assert ended.returncode == 75 and "(SLURM_JOB_END_TIME)" in ended.stderr
    os.utime(nodes, (time.time() - 3598, time.time() - 3598))
    ended = run(PBS_WALLTIME="3600", PBS_NODEFILE=str(nodes))
    assert ended.returncode == 75 and "(PBS_WALLTIME)" in ended.stderr
    ended = run(SLURM_JOB_END_TIME="never", PBS_WALLTIME="1", PBS_NODEFILE=str(tmp_path / "none"))
    assert ended.returncode == 0 and "SLURM_JOB_END_TIME is 'never'" in ended.stderr and "(--time-limit)" in ended.stderr
