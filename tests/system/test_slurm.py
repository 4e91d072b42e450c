"""jobs/slurm.sh under a real Slurm that the test starts itself: stopped, requeued, resumed, the same bits."""

import os
import tempfile

import pytest
import slurm
from conftest import ROOT, engine_environment
from contents import assert_same_content, reproducible_content

SWEEP = """
name: queued
data: {source: glyphs, train_count: 500, test_count: 100}
model: {kind: mlp, hidden: [64]}
train: {batch_size: 16, learning_rate: 0.01, epochs: 60}
grid: {seed: 0..23}
"""
LAUNCHERS = {"mpirun": "mpirun --oversubscribe --bind-to none", "srun": "srun --mpi=pmix --overcommit"}


@pytest.fixture(scope="module")
def queue(binary):
    reason = slurm.why_not()
    if reason:
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="seedbed-slurm-") as folder, slurm.Slurm(folder) as running:
        ours = {name: value for name, value in engine_environment().items() if name not in ("PATH", "SLURM_CONF")}
        running.environment.update(ours, SEEDBED_ROOT=str(ROOT), SEEDBED=str(binary))
        yield running


@pytest.fixture(scope="module")
def undisturbed(seedbed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "queued.yaml").write_text(SWEEP)
    assert seedbed("run", folder / "queued.yaml", "-o", folder / "queued.h5").returncode == 0
    return reproducible_content(folder / "queued.h5")


class Submitted:
    """A sweep submitted by jobs/slurm.sh."""

    def __init__(self, queue, folder, launcher, *options):
        self.queue, self.folder, self.file = queue, folder, folder / "queued.h5"
        (folder / "queued.yaml").write_text(SWEEP)
        queue.environment["SEEDBED_LAUNCH"] = LAUNCHERS[launcher]
        self.number = queue.submit(
            "--ntasks=2", f"--output={folder}/log", *options, ROOT / "jobs" / "slurm.sh", folder / "queued.yaml", self.file
        )

    def log(self):
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def state(self):
        return self.queue.job(self.number)["JobState"]

    def wait_for_trials(self):
        self.queue.wait_for(lambda: "to do" in self.log() and self.file.exists(), 60, "first trials")

    def wait_for_end(self, seconds=120):
        ends = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL")
        self.queue.wait_for(lambda: self.state() in ends, seconds, "end of the job")


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_warned_job_stops_goes_back_to_the_queue_and_resumes(queue, undisturbed, tmp_path, launcher):
    job = Submitted(queue, tmp_path, launcher)
    job.wait_for_trials()
    queue.ask("scancel", "--batch", "--signal=USR1", job.number)
    job.wait_for_end()
    said = queue.job(job.number)
    assert said["JobState"] == "COMPLETED" and said["Restarts"] == "1", (said, job.log())
    assert "stopped before the end" in job.log()
    assert_same_content(reproducible_content(job.file), undisturbed, "resumed")


def test_a_cancelled_job_stays_cancelled_and_loses_nothing(queue, undisturbed, tmp_path, seedbed):
    job = Submitted(queue, tmp_path, "mpirun")
    job.wait_for_trials()
    queue.ask("scancel", job.number)
    job.wait_for_end()
    queue.wait_for(lambda: not queue.ask("squeue", "-h").strip(), 30, "an empty queue")
    said = queue.job(job.number)
    assert said["JobState"] == "CANCELLED" and said["Restarts"] == "0", (said, job.log())
    assert seedbed("run", tmp_path / "queued.yaml", "-o", job.file, "--resume").returncode == 0
    assert_same_content(reproducible_content(job.file), undisturbed, "resumed")


@pytest.mark.skipif("SEEDBED_TEST_SLOW" not in os.environ, reason="takes two minutes: set SEEDBED_TEST_SLOW=1")
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_time_limit_is_kept_without_a_signal(queue, tmp_path, launcher):
    """Slurm's shortest limit is a minute; the sweep takes more than that."""
    job = Submitted(queue, tmp_path, launcher, "--time=1", "--signal=USR2@1")
    (tmp_path / "queued.yaml").write_text(SWEEP.replace("0..23", "0..399"))
    queue.wait_for(lambda: queue.job(job.number)["Restarts"] == "1", 90, "restart")
    job.wait_for_end(300)
    assert job.state() == "COMPLETED", job.log()
