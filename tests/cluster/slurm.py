"""A real Slurm of two nodes on this machine: munge, slurmctld and two slurmd, on loopback only.

Nothing is started by the system's service manager and nothing is left behind: every daemon is
known by its process id and ends with the tests.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

NODES = ("node1", "node2")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "sinfo")
CONFIGURATION = Path("/etc/slurm/slurm.conf")
"""Where Slurm's programs look for it; a job's inner calls are not told another place."""
SETTINGS = """\
ClusterName=stanchion
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={base}/munge/socket,cred_expire=10
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={base}/state
SlurmdSpoolDir={base}/spool.%n
SlurmctldPidFile={base}/slurmctld.pid
SlurmdPidFile={base}/%n.pid
SlurmctldLogFile={base}/slurmctld.log
SlurmdLogFile={base}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin={task}
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,sched_interval=5,bf_interval=2
MinJobAge=3600
ReturnToService=2
SlurmdTimeout=6
MessageTimeout=5
KillWait=2
InactiveLimit=0
JobRequeue=1
NodeName=node[1-2] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{first}-{last}] CPUs=2 \
RealMemory=8000
PartitionName=main Nodes=ALL Default=YES MaxTime=60 DefaultTime=5 LLN=YES OverSubscribe=NO
"""


CGROUPS = Path("/sys/fs/cgroup/memory")
"""Where the first version of cgroups has memory; Debian's slurmd is not built for the second."""
CONSTRAINTS = """\
CgroupPlugin=cgroup/v1
CgroupAutomount=no
ConstrainRAMSpace=yes
"""


def reason_not_to_limit_memory() -> str | None:
    """Return why jobs cannot be held to their memory here, or None where they can."""
    probe = CGROUPS / f"stanchion-{os.getpid()}"
    try:
        probe.mkdir()
        probe.rmdir()
    except OSError as error:
        return f"no memory cgroup can be made in {CGROUPS}: {error.strerror}"
    return None


def reason_not_to() -> str | None:
    """Return why a Slurm cannot be brought up here, or None where it can."""
    if os.geteuid() != 0:
        return "bringing up a Slurm takes root"
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"Debian's slurmctld, slurmd, slurm-client and munge lack {', '.join(missing)}"
    if CONFIGURATION.exists() and not _is_stale_link():
        return f"this machine has a Slurm of its own: {CONFIGURATION}"
    try:
        if not socket.gethostbyname(_host()).startswith("127."):
            return "this machine's name does not resolve to loopback"
    except OSError:
        return "this machine's name does not resolve"
    return None


@dataclass
class Slurm:
    """A running cluster."""

    base: Path
    pids: dict[str, int] = field(default_factory=dict)

    def start(self) -> None:
        """Bring up the daemons and wait until both nodes are idle."""
        for name in ("munge", "state", *(f"spool.{node}" for node in NODES)):
            (self.base / name).mkdir(mode=0o755)
        port = _free_ports(3)
        text = SETTINGS.format(
            host=_host(),
            base=self.base,
            port=port,
            first=port + 1,
            last=port + 2,
            task="task/none" if reason_not_to_limit_memory() else "task/cgroup",
        )
        CONFIGURATION.parent.mkdir(exist_ok=True)
        for name, content in (("slurm.conf", text), ("cgroup.conf", CONSTRAINTS)):
            (self.base / name).write_text(content)
            link = CONFIGURATION.with_name(name)
            link.unlink(missing_ok=True)
            link.symlink_to(self.base / name)
        self._start_munge()
        self.start_controller("-c")
        for node in NODES:
            self.start_node(node)
        self.wait_until(lambda: set(self.nodes("idle")) == set(NODES), "both nodes are idle")

    def start_controller(self, *options: str) -> None:
        """Start the controller, which knows its jobs again where it is not told to forget them."""
        (self.base / "slurmctld.pid").unlink(missing_ok=True)
        self._daemon("slurmctld", "slurmctld", *options)

    def kill_controller(self) -> None:
        """Have the controller die at once; jobs go on."""
        pid = self.pids.pop("slurmctld")
        os.kill(pid, signal.SIGKILL)
        self.wait_until(lambda: not _is_alive(pid), "the controller is gone")

    def start_node(self, node: str) -> None:
        """Start a node's daemon, again where it was killed."""
        (self.base / f"{node}.pid").unlink(missing_ok=True)
        self._daemon(node, "slurmd", "-N", node)

    def kill_node(self, node: str) -> None:
        """Have a node's daemon die at once; its jobs' processes live on, as orphans."""
        os.kill(self.pids.pop(node), signal.SIGKILL)

    def nodes(self, state: str) -> list[str]:
        """Return the nodes in a state."""
        return self.ask("sinfo", "-h", "-N", "-t", state, "-o", "%N").split()

    def jobs(self, *options: str) -> list[list[str]]:
        """Return the jobs that Slurm knows: id, state, comment, folder."""
        rows = self.ask("squeue", "-h", "-o", "%i|%T|%k|%Z", *options).splitlines()
        return [row.split("|") for row in rows]

    def ask(self, *command: str) -> str:
        """Return what a command of Slurm says; nothing where it fails."""
        completed = subprocess.run(command, capture_output=True, text=True, timeout=30)
        return completed.stdout if completed.returncode == 0 else ""

    def wait_until(self, holds: Callable[[], bool], what: str, timeout: float = 60) -> None:
        """Wait until something holds, but not for ever."""
        end = time.monotonic() + timeout
        while not holds():
            assert time.monotonic() < end, f"not so after {timeout:.0f} s: {what}\n{self.logs()}"
            time.sleep(0.2)

    def logs(self) -> str:
        """Return the end of each daemon's log."""
        paths = sorted(self.base.glob("*.log"))
        return "\n".join(f"{p.name}: " + "\n".join(_tail(p)) for p in paths)

    def stop(self) -> None:
        """Cancel what runs and end the daemons, by their process ids."""
        with suppress(Exception):
            self.ask("scancel", "--user", "root")
            self.wait_until(lambda: not self.jobs("-t", "R,CG"), "no job runs", timeout=15)
        _end(list(self.pids.values()))
        if _is_link_to(self.base):
            for name in ("slurm.conf", "cgroup.conf"):
                CONFIGURATION.with_name(name).unlink(missing_ok=True)

    def _start_munge(self) -> None:
        folder = self.base / "munge"
        (folder / "key").write_bytes(os.urandom(1024))
        (folder / "key").chmod(0o400)
        options = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log"}
        command = [f"--{name}={folder / file}" for name, file in options.items()]
        _run("munged", *command, f"--seed-file={folder / 'seed'}", "--num-threads=2")
        self.pids["munged"] = _read_pid(folder / "pid")

    def _daemon(self, name: str, *command: str) -> None:
        _run(*command, "-f", str(self.base / "slurm.conf"))
        self.pids[name] = _read_pid(self.base / f"{name}.pid")


@contextmanager
def running() -> Iterator[Slurm]:
    """Bring up a cluster, and end it whatever happens."""
    with tempfile.TemporaryDirectory(prefix="slurm-", ignore_cleanup_errors=True) as base:
        Path(base).chmod(0o755)
        slurm = Slurm(Path(base))
        try:
            slurm.start()
            yield slurm
        finally:
            slurm.stop()


def _host() -> str:
    return socket.gethostname().split(".")[0]


def _is_stale_link() -> bool:
    """Tell whether the configuration is what an earlier run of these tests left, now dead."""
    pid = CONFIGURATION.resolve().parent / "slurmctld.pid"
    return CONFIGURATION.is_symlink() and not _lives(pid)


def _is_link_to(base: Path) -> bool:
    return CONFIGURATION.is_symlink() and CONFIGURATION.readlink().parent == base


def _lives(pid_file: Path) -> bool:
    try:
        return _is_alive(int(pid_file.read_text()))
    except (OSError, ValueError):
        return False


def _is_alive(pid: int) -> bool:
    """Tell whether a process runs: one that nobody has waited for stays in /proc, as a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in ("Z", "X")


def _free_ports(count: int) -> int:
    """Return the first of some ports in a row that nobody listens on."""
    for first in range(26817, 27817, count):
        with suppress(OSError):
            for port in range(first, first + count):
                with socket.socket() as tried:
                    tried.bind(("127.0.0.1", port))
            return first
    raise OSError("no free ports")


def _run(*command: str) -> None:
    completed = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert completed.returncode == 0, f"{' '.join(command)}: {completed.stdout}{completed.stderr}"


def _read_pid(path: Path) -> int:
    end = time.monotonic() + 20
    while True:
        with suppress(OSError, ValueError):
            return int(path.read_text())
        assert time.monotonic() < end, f"{path.name} was not written"
        time.sleep(0.05)


def _end(pids: Sequence[int]) -> None:
    """Ask processes to end, and end those that have not done so in time."""
    end = time.monotonic() + 10
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    for pid in pids:
        with suppress(ProcessLookupError):
            while time.monotonic() < end:
                os.kill(pid, 0)
                time.sleep(0.05)
            os.kill(pid, signal.SIGKILL)


def _tail(path: Path, lines: int = 8) -> list[str]:
    return path.read_text(errors="replace").splitlines()[-lines:]
