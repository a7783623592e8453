"""A real Slurm on this one machine for tests: its three daemons in a folder of their own, gone afterwards."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from command_kit import wait_until

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo")
CONF = """
ClusterName=analog
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
MailProg=/bin/true
SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=0
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=100
ReturnToService=2
SlurmdParameters=config_overrides
MinJobAge=86400
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs=8 RealMemory={memory}
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""
"""Two cores may pass as eight; a job that queues again does so within seconds (cred_expire)."""


def obstacle() -> str:
    """Return why there can be no Slurm here, or nothing."""
    missing = [name for name in PROGRAMS if not shutil.which(name, path=_path())]
    if missing:
        return f"Slurm's programs are not installed ({', '.join(missing)})"
    return "" if os.geteuid() == 0 else "only root can start Slurm's daemons here"


@contextmanager
def running() -> Iterator[dict[str, str]]:
    """Yield the environment in which Slurm's commands find the cluster."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    folder.chmod(0o755)
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    memory = int(0.9 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**20)
    ports = {"controller": _free_port(), "node": _free_port()}
    host = socket.gethostname().partition(".")[0]
    conf = folder / "slurm.conf"
    conf.write_text(CONF.format(host=host, folder=folder, memory=memory, **ports))
    environment = {"SLURM_CONF": str(conf), "PATH": _path()}
    files = [f"--{name}-file={folder}/munge.{name.split('-')[0]}" for name in ("key", "pid", "log", "seed")]
    munged = ["munged", *files, f"--socket={folder}/munge.socket", "--num-threads=1", "--force"]
    try:
        _call(munged, environment)
        _call(["slurmctld", "-c"], environment)
        _call(["slurmd"], environment)
        wait_until(lambda: _call(["sinfo", "-h", "-o", "%T"], environment).strip() == "idle", 30)
        yield environment
    finally:
        with suppress(subprocess.SubprocessError):
            _call(["scancel", "--full", "-u", "root"], environment)
        for name in ("slurmd", "slurmctld", "munge"):
            _stop(folder / f"{name}.pid")
        shutil.rmtree(folder, ignore_errors=True)


def _call(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr or done.stdout}")
    return done.stdout


def _stop(pid_file: Path) -> None:
    with suppress(OSError, ValueError):
        pid = int(pid_file.read_text())
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not Path(f"/proc/{pid}").exists(), 20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
