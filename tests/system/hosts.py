"""Several hosts on one machine: network namespaces joined by a switch, each with a host name and shared memory of its own.

They are made and removed by the test, as root; nothing of the machine's own network is touched. They share its files, as
hosts of a cluster share a file system.
"""

import os
import shutil
import subprocess
from pathlib import Path

from background import send, wait_until
from conftest import engine_environment

PROGRAMS = ["ip", "unshare", "mpirun"]
PATH = "/usr/sbin:/sbin:" + os.environ.get("PATH", "")
ENTER = 'ip netns exec "{space}" unshare --uts --mount --ipc sh -c \'hostname "$0" && mount -t tmpfs tmpfs /dev/shm && {then}\' "{host}"'


def run(*words, check=True):
    return subprocess.run([str(word) for word in words], check=check, capture_output=True, text=True, env={**os.environ, "PATH": PATH})


def why_not():
    """Why no hosts can be made here; empty when they can."""
    missing = [program for program in PROGRAMS if shutil.which(program, path=PATH) is None]
    if missing:
        return f"no {', '.join(missing)} (Debian's packages iproute2, util-linux and openmpi-bin)"
    if os.geteuid() != 0:
        return "only root can make network namespaces"
    name = f"sb{os.getpid()}probe"
    made = run("ip", "netns", "add", name, check=False)
    run("ip", "netns", "del", name, check=False)
    return "" if made.returncode == 0 else f"network namespaces are not allowed here: {made.stderr.strip()}"


class Hosts:
    """h1, h2, ... A context manager. The launcher runs on h1."""

    def __init__(self, count, folder):
        self.names = [f"h{number + 1}" for number in range(count)]
        self.folder = Path(folder)
        self.prefix = f"sb{os.getpid()}"
        self.switch = self.space("switch")

    def space(self, name):
        return f"{self.prefix}{name}"

    def __enter__(self):
        try:
            self.build()
        except BaseException:
            self.remove()
            raise
        return self

    def build(self):
        run("ip", "netns", "add", self.switch)
        run("ip", "-n", self.switch, "link", "add", "name", "bridge", "type", "bridge")
        run("ip", "-n", self.switch, "link", "set", "bridge", "up")
        for number, name in enumerate(self.names):
            space, port = self.space(name), f"to-{name}"
            run("ip", "netns", "add", space)
            run("ip", "-n", self.switch, "link", "add", port, "type", "veth", "peer", "name", "net0", "netns", space)
            run("ip", "-n", self.switch, "link", "set", port, "master", "bridge", "up")
            run("ip", "-n", space, "addr", "add", f"10.77.0.{number + 1}/24", "dev", "net0")
            for device in ("lo", "net0"):
                run("ip", "-n", space, "link", "set", device, "up")
        agent = self.folder / "agent"
        hosts = "\n".join(f"10.77.0.{number + 1}) host={name} ;;\n{name}) host={name} ;;" for number, name in enumerate(self.names))
        enter = ENTER.format(space=f"{self.prefix}$host", host="$host", then='exec sh -c "$*"')
        agent.write_text(f'#!/bin/sh\nPATH={PATH}\ncase $1 in\n{hosts}\nesac\nshift\nexec {enter} "$@"\n')
        agent.chmod(0o755)

    def __exit__(self, *_):
        self.remove()

    def remove(self):
        self.kill(self.processes())
        wait_until(lambda: not self.processes())
        for name in [*self.names, "switch"]:
            run("ip", "netns", "del", self.space(name), check=False)

    def processes(self, *names):
        """Those that live on these hosts, or on all."""
        found = []
        for name in names or self.names:
            found += [int(word) for word in run("ip", "netns", "pids", self.space(name), check=False).stdout.split()]
        return found

    kill = staticmethod(send)

    def cut_off(self, name, again=False):
        run("ip", "-n", self.switch, "link", "set", f"to-{name}", "up" if again else "down")

    def launch(self, ranks_each):
        """The launcher and its options, for SEEDBED_LAUNCH."""
        hosts = ",".join(f"{name}:{ranks_each}" for name in self.names)
        options = {"plm_rsh_agent": self.folder / "agent", "oob_tcp_if_include": "10.77.0.0/24",
                   "btl_tcp_if_include": "10.77.0.0/24", "btl": "tcp,self", "plm_rsh_no_tree_spawn": 1}
        words = ["mpirun", *(f"--mca {name} {value}" for name, value in options.items()), "-x SEEDBED_LEASE --bind-to none --host", hosts]
        return " ".join(words)

    def start(self, command, settings):
        """A command on h1."""
        environment = {**engine_environment(), **settings, "PATH": PATH, "OMPI_MCA_orte_tmpdir_base": str(self.folder)}
        enter = ENTER.format(space=self.space("h1"), host="h1", then='exec "$@"')
        with open(self.folder / "output", "ab") as output:
            return subprocess.Popen(["sh", "-c", f'exec {enter} "$@"', "sh", *map(str, command)], env=environment, stdout=output,
                                    stderr=output, stdin=subprocess.DEVNULL, start_new_session=True)

    def output(self):
        return (self.folder / "output").read_text(errors="replace")
