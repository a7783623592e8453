"""A sweep on a Slurm cluster (a real one, on this machine): jobs claim from the one queue, and queue again in time."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import slurm_kit
from command_kit import TINY, Done, Result, Running, wait_until

from analogcli.errors import UsageError
from analogcli.store import Store
from analogcli.sweep import Profile, slurm

SLOW = (
    "--dataset", "mnist5k", "--set", "task.model.hidden=[8]", "--batch-size", "25", "--epochs", "12",
    "--setting", "analog-sgd", "--set", "update.fidelity=mean-field",
)  # fmt: skip
JOB = ("--launcher", "slurm", "--memory", "1G", "--time", "10")


@pytest.fixture(scope="module")
def cluster() -> Iterator[dict[str, str]]:
    if reason := slurm_kit.obstacle():
        pytest.skip(reason)
    with slurm_kit.running() as environment:
        yield environment


@pytest.fixture
def slurm_commands(cluster: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in cluster.items():
        monkeypatch.setenv(name, value)


def trained_by() -> dict[str, int]:
    """The process of every run that is being trained and has recorded an epoch, by the worker's name."""
    if not Path("results/analog.db").is_file():
        return {}
    with Store.open().sessions() as session:
        from analogcli.store.schema import Run

        names = {run.id: run.worker or "" for run in session.query(Run)}
    return {
        names[run.id]: run.owner.pid
        for run in Store.open().runs(status="running")
        if run.status == "running" and len(run.models[0].epochs) > 1 and run.owner.pid
    }


@pytest.mark.usefixtures("slurm_commands")
def test_a_worker_is_killed_and_a_job_queues_again_and_the_numbers_are_those_of_one_machine(
    fork: Callable[..., Running], analog: Callable[..., Done], result_of: Callable[..., Result], tmp_path: Path
) -> None:
    words = ("sweep", "mnist-fcn", *SLOW, "--grid", "seed=0,1,2", "--workers", "2")
    sweep = fork(*words, *JOB)
    wait_until(lambda: len(trained_by()) == 2)
    (_, killed), (worker, _) = sorted(trained_by().items())
    os.kill(killed, signal.SIGKILL)
    # What Slurm sends before the time is up.
    subprocess.run(["scancel", f"--signal={signal.Signals(slurm.LAST_CALL).name[3:]}", worker.split()[1]], check=True)
    done = sweep.finish(300)
    assert done.code == 0, done.err
    assert "2 jobs submitted to Slurm as" in done.err
    assert "3 runs: 3 finished, 0 failed, 0 stopped" in done.err
    logs = "\n".join(path.read_text() for path in Path("results/logs").rglob("*.out"))
    assert "stopping at a checkpoint" in logs and "the job queues again" in logs
    runs = Store.open().runs()
    assert sorted(len(run.attempts) for run in runs) == [1, 2, 2], "one was killed and one went on, nothing began anew"
    local = str(tmp_path / "local.db")
    assert analog(*words, "--store", local).code == 0
    for run in runs:
        alone = next(other.id for other in Store.open(local).runs() if other.spec.seed == run.spec.seed)
        assert result_of(run.id) == result_of(alone, store=local)


@pytest.mark.usefixtures("slurm_commands")
def test_a_detached_sweep_goes_on_by_itself_and_ctrl_c_stops_one_that_is_not(
    analog: Callable[..., Done], fork: Callable[..., Running]
) -> None:
    words = ("sweep", "mnist-fcn", *SLOW, "--epochs", "100", "--grid", "seed=0", *JOB)
    sweep = fork(*words)
    wait_until(lambda: len(trained_by()) == 1)
    sweep.send(signal.SIGINT)
    done = sweep.finish()
    assert done.code == 130, done.err
    assert "1 runs: 0 finished, 0 failed, 1 stopped" in done.err
    (run,) = Store.open().runs()
    assert run.status == "queued" and run.epochs_done > 0
    assert analog(*words, "--detach").code == 0
    wait_until(lambda: len(trained_by()) == 1)
    assert analog("status", "--json").json[0]["worker"].startswith("job ")
    assert "stops at its next checkpoint" in analog("cancel", "--all").out
    wait_until(lambda: Store.open().runs()[0].status == "cancelled")
    wait_until(lambda: not subprocess.run(["squeue", "-h"], capture_output=True, text=True, check=True).stdout)


@pytest.mark.usefixtures("slurm_commands")
def test_what_slurm_refuses_is_a_sentence(analog: Callable[..., Done]) -> None:
    done = analog("sweep", "mnist-fcn", *TINY, "--grid", "seed=0", *JOB, "--partition", "nowhere")
    assert done.code == 2
    assert "Slurm does not take the job" in done.err and "invalid partition specified: nowhere" in done.err
    assert "Traceback" not in done.err


def test_without_slurm_the_launcher_is_refused(analog: Callable[..., Done], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    done = analog("sweep", "mnist-fcn", *TINY, "--grid", "seed=0", *JOB)
    assert done.code == 2
    assert "--launcher slurm: there is no sbatch here; type it on a login node of the cluster" in done.err


def test_a_profile_file_says_what_a_job_asks_for_and_flags_have_the_last_word(tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text("partition: gpu\ntime: 240\ngpus: 1\nsetup: [module load cuda]\nfurther: {account: lab}\n")
    profile = Profile.read(file, {"time": 30})
    assert (profile.partition, profile.time, profile.gpus, profile.setup) == ("gpu", 30, 1, ("module load cuda",))
    assert profile.further == {"account": "lab"}
    assert Profile.read(None, {}) == Profile()


@pytest.mark.parametrize(
    ("text", "flags", "sentence"),
    [
        ("partitoin: gpu", {}, "partitoin: Extra inputs are not permitted; allowed are partition, time"),
        ("- gpu", {}, "does not hold options such as `partition: gpu`"),
        ("a: [", {}, "is not valid YAML"),
        ("time: 2", {}, "time: Input should be greater than or equal to 4"),
        ("time: 30", {"time": 1}, "--time 1: Input should be greater than or equal to 4"),
    ],
)
def test_a_profile_that_is_none_is_a_sentence(tmp_path: Path, text: str, flags: dict[str, int], sentence: str) -> None:
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(UsageError, match=sentence):
        Profile.read(tmp_path / "p.yaml", flags)


def test_a_profile_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file or directory"):
        Profile.read(tmp_path / "none.yaml", {})
