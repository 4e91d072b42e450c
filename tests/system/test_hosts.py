"""Several hosts, one of them lost during the run: the supervisor ends with the engine's exit code, every trial is done.

SEEDBED_TEST_LOSSES says how often for each way to lose one."""

import os
import random
import signal
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from background import wait_until
from contents import COMMITTED, assert_same_content, column, outcomes, reproducible_content, texts
from hosts import Hosts, why_not

RUNS = int(os.environ.get("SEEDBED_TEST_LOSSES", "1"))
SEED = int(os.environ.get("SEEDBED_TEST_SEED", "20240"))
UNTIL_DONE = Path(__file__).resolve().parents[2] / "tools" / "run-until-done"
LEASE = 3

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")

SWEEP = """
name: hosts
data: {source: glyphs, train_count: 500, test_count: 200}
model: {kind: mlp, hidden: [32]}
train: {batch_size: 16, learning_rate: 0.02}
metrics: {weights: {at: [end]}}
grid: {seed: 0..11}
zip: [{train.epochs: [60, 120], train.loss: [cross_entropy, mse]}]
"""


@pytest.fixture(scope="module")
def expected(seedbed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "hosts.yaml").write_text(SWEEP)
    ended = seedbed("run", folder / "hosts.yaml", "-o", folder / "hosts.h5")
    assert ended.returncode == 0, ended.stderr
    return reproducible_content(folder / "hosts.h5")


def started(path):
    return path.exists() and np.sum(column(path, "state") == COMMITTED) >= 1


def command_of(process):
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def lose(hosts, name, how):
    """Cuts a host off, for good or for a while, stops it for a while, or kills its daemon, or everything on it."""
    if how == "daemon":
        hosts.kill([process for process in hosts.processes(name) if b"orted" in command_of(process)])
    elif how == "host":
        hosts.kill(hosts.processes(name))
    elif how == "stopped":
        processes = hosts.processes(name)
        hosts.kill(processes, signal.SIGSTOP)
        time.sleep(1.5 * LEASE)
        hosts.kill(processes, signal.SIGCONT)
    else:
        hosts.cut_off(name)
    if how == "for a while":
        time.sleep(1.5 * LEASE)
        hosts.cut_off(name, again=True)


@pytest.mark.parametrize("how", ["for a while", "daemon", "cut off", "host", "stopped"] if RUNS > 1 else ["for a while"])
def test_a_host_that_is_lost_costs_no_trial(binary, tmp_path, expected, how):
    chance = random.Random(f"{SEED} {how}")
    (tmp_path / "hosts.yaml").write_text(SWEEP)
    for attempt in range(RUNS):
        path = tmp_path / f"hosts-{attempt}.h5"
        with Hosts(3, tmp_path) as hosts:
            settings = {"SEEDBED_LAUNCH": hosts.launch(2), "SEEDBED": str(binary), "SEEDBED_LEASE": str(LEASE)}
            job = hosts.start([UNTIL_DONE, tmp_path / "hosts.yaml", path], settings)
            assert wait_until(lambda: started(path) or job.poll() is not None, timeout=60), hosts.output()
            assert job.poll() is None, hosts.output()
            time.sleep(chance.uniform(0, 0.5))
            lose(hosts, "h3", how)
            assert job.wait(timeout=120) == 0, hosts.output()
            assert wait_until(lambda: not hosts.processes("h1"), timeout=1), "processes outlive their job"
            assert wait_until(lambda: not has_engine(hosts, binary), timeout=4 * LEASE), hosts.output()
            print(f"{how}, run {attempt}: {len(hosts_of(path))} hosts committed trials", flush=True)
        assert set(outcomes(path)) == {"done"}
        assert_same_content(reproducible_content(path), expected, how)
        assert {"h1", "h2"} <= hosts_of(path) <= {"h1", "h2", "h3"}


def has_engine(hosts, binary):
    return any(os.fsencode(binary) in command_of(process) for process in hosts.processes())


def hosts_of(path):
    with h5py.File(path, "r") as file:
        return {name.decode() for name in texts(file["trials/host"][()])}
