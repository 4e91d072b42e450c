"""A Slurm of one node for a test: its own munged, slurmctld and slurmd, in a folder and on ports of its own.

Everything is started by the test, as root, and ended with it; a Slurm that the machine runs already is not touched.
"""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import time
from pathlib import Path

PROGRAMS = ["munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol"]
DAEMON_PATH = "/usr/sbin:/sbin:" + os.environ.get("PATH", "")

CONFIGURATION = """
ClusterName=seedbed
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,sched_min_interval=100000,bf_interval=1
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
KillWait=5
MinJobAge=600
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} Boards=1 SocketsPerBoard=1 CoresPerSocket={cores} ThreadsPerCore=1 State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:4
"""


def why_not():
    """Why no Slurm can be started here; empty when it can."""
    missing = [program for program in PROGRAMS if shutil.which(program, path=DAEMON_PATH) is None]
    if missing:
        return f"no {', '.join(missing)} (Debian's packages slurm-wlm and munge; tools/check --slurm)"
    return "" if os.geteuid() == 0 else "only root can start one"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Slurm:
    """A context manager. folder: made by the caller, removed by it."""

    def __init__(self, folder, cores=2):
        self.folder = Path(folder)
        self.daemons = []
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        self.environment = {**os.environ, "PATH": DAEMON_PATH, "SLURM_CONF": str(self.folder / "slurm.conf")}
        (self.folder / "slurm.conf").write_text(
            CONFIGURATION.format(
                host=socket.gethostname().split(".")[0],
                folder=self.folder,
                cores=cores,
                controller_port=free_port(),
                node_port=free_port(),
            )
        )

    def __enter__(self):
        try:
            self.start_munge()
            self.start("slurmctld", "-D", "-c")
            self.start("slurmd", "-D")
            self.wait_for(lambda: "idle" in self.ask("sinfo", "-h", "-o", "%T", check=False), 30, "an idle node")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        with contextlib.suppress(Exception):
            self.ask("scancel", "--user=root", check=False)
            self.wait_for(lambda: not self.ask("squeue", "-h", check=False).strip(), 15, "an empty queue")
        for daemon in reversed(self.daemons):
            daemon.terminate()
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def start(self, *command):
        with open(self.folder / f"{command[0]}.out", "wb") as output:
            self.daemons.append(
                subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
            )

    def start_munge(self):
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o600)
        self.folder.chmod(0o755)
        files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        self.start("munged", "--foreground", "--force", *(f"--{o}={self.folder}/munge.{end}" for o, end in files.items()))
        self.wait_for((self.folder / "munge.socket").exists, 20, "munged")

    def wait_for(self, condition, seconds, what):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"no {what} after {seconds} s\n{self.logs()}"
            time.sleep(0.1)

    def ask(self, *command, check=True):
        ended = subprocess.run(
            [str(word) for word in command], env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert ended.returncode == 0 or not check, f"{command}: {ended.stderr}"
        return ended.stdout

    def submit(self, *arguments):
        """The number of the job."""
        return int(self.ask("sbatch", "--parsable", *arguments))

    def job(self, number):
        """What scontrol says of a job, by key."""
        words = self.ask("scontrol", "--oneliner", "show", "job", number).split()
        return dict(word.partition("=")[::2] for word in words)

    def logs(self):
        return "\n".join(path.read_text(errors="replace")[-3000:] for path in sorted(self.folder.glob("*.[lo][ou][gt]")))
