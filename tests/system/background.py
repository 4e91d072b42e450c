"""An engine that runs while the test looks on, stops it or kills it; nothing of it outlives the test.

All processes of a job share the session of the one that was started, also after their parent has died.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from conftest import engine_environment, mpirun_command

# Of trials that tests disturb; a slow build makes do with fewer.
EPOCHS = int(os.environ.get("SEEDBED_TEST_EPOCHS", "20"))


def process_table():
    """[(process, parent, session, state)] of every process of this machine."""
    table = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        table.append((int(entry), int(fields[1]), int(fields[3]), fields[0]))
    return table


def wait_until(condition, timeout=30, pause=0.005):
    """Whether the condition came true in time."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


def send(processes, number=signal.SIGKILL):
    """A signal to those that are still there."""
    for process in processes:
        try:
            os.kill(process, number)
        except ProcessLookupError:
            pass


class Job:
    """One start of the engine; ranks=None: without mpirun; settings: of its environment. A context manager: what still runs
    at its end is killed."""

    def __init__(self, command, ranks=None, settings=None, **options):
        self.folder = Path(tempfile.mkdtemp(prefix="seedbed-job-"))
        environment = dict(options.pop("env", None) or engine_environment())
        environment["OMPI_MCA_btl_vader_backing_directory"] = str(self.folder)
        environment["OMPI_MCA_orte_tmpdir_base"] = str(self.folder)
        environment.update(settings or {})
        self.under_mpirun = ranks is not None
        words = [str(word) for word in (mpirun_command(ranks, *command) if ranks else command)]
        with open(self.folder / "output", "wb") as output:
            self.process = subprocess.Popen(
                words, env=environment, stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True, **options
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill(self.processes())
        self.process.wait()
        wait_until(lambda: not self.processes())
        shutil.rmtree(self.folder, ignore_errors=True)

    def output(self):
        return (self.folder / "output").read_text(errors="replace")

    def processes(self):
        """Every process of the job that lives."""
        return [process for process, _, session, state in process_table() if session == self.process.pid and state not in "ZX"]

    def ranks(self):
        """{rank: process} of the engine's processes."""
        if not self.under_mpirun:
            return {0: self.process.pid}
        found = {}
        for process, parent, session, state in process_table():
            if parent == self.process.pid and session == self.process.pid and state not in "ZX":
                rank = rank_of(process)
                if rank is not None:
                    found[rank] = process
        return found

    def running(self):
        return self.process.poll() is None

    def wait(self, timeout=120):
        """The exit code, once nothing of the job is left."""
        code = self.process.wait(timeout)
        assert wait_until(lambda: not self.processes()), f"processes outlive their job: {self.processes()}"
        return code

    kill = staticmethod(send)


def name_of(process):
    """What ps shows of it; "" once it is gone."""
    try:
        return Path(f"/proc/{process}/comm").read_text().rstrip("\n")
    except OSError:
        return ""


def rank_of(process):
    """The MPI rank of a process that runs the engine; None while it is not there yet."""
    try:
        entries = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    for entry in entries:
        if entry.startswith(b"OMPI_COMM_WORLD_RANK="):
            return int(entry.partition(b"=")[2])
    return None
