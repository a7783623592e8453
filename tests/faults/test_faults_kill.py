"""kill -9 again and again, at any moment from the first line of a run to its last: nothing that was stored is lost."""

import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from command_kit import Done, Result, Running, wait_until

from analogcli.store import Store

KILLS = 10
RUNS = {"digital": ("fp-sgd", "10"), "native": ("analog-sgd --set update.fidelity=mean-field", "50")}
OFTEN = ("--checkpoint-minutes", "0.0001")


def words(backend: str, seed: int) -> tuple[str, ...]:
    setting, batch = RUNS[backend]
    tiny = ("--dataset", "mnist5k", "--set", "task.model.hidden=[8]", "--batch-size", batch, "--epochs", "3")
    return ("run", "mnist-fcn", "--setting", *setting.split(), *tiny, "--seed", str(seed))


@pytest.mark.parametrize("backend", RUNS)
def test_after_many_kills_every_run_is_finished_to_the_same_bits(
    fork: Callable[..., Running],
    analog: Callable[..., Done],
    result_of: Callable[..., Result],
    tmp_path: Path,
    backend: str,
) -> None:
    moments = random.Random(backend)
    seed = kills = 0
    epochs_before: dict[int, int] = {}
    while kills < KILLS:
        running = fork(*words(backend, seed), *OFTEN)
        if moments.random() < 0.8:  # else it may be killed before it has done anything
            running.says(f"backend {backend}")
        time.sleep(moments.uniform(0, 0.6))
        if running.code() is None:
            running.send(signal.SIGKILL)
            kills += 1
        done = running.finish()
        assert done.code in (0, -signal.SIGKILL), done.err
        seed += done.code == 0
        if not Path("results/analog.db").is_file():
            continue
        store = Store.open()
        assert store.problems() == []
        for run in store.runs():
            # What was stored before is still there.
            assert len(run.models[0].epochs) >= epochs_before.get(run.spec.seed, 0)
            epochs_before[run.spec.seed] = len(run.models[0].epochs)
            assert run.status in ("finished", "interrupted")
    runs = Store.open().runs()
    assert len(runs) == len({run.spec.seed for run in runs}), "nothing is trained twice"
    attempts = [len(run.attempts) for run in runs]
    assert max(attempts) > 1
    for run in runs:
        assert analog("resume", run.id).code == 0
        swallowed = result_of(run.id)
        assert [epoch for epoch, *_ in swallowed["model 0"]["epochs"]] == [0, 1, 2, 3]
        alone = str(tmp_path / f"alone-{run.spec.seed}.db")
        assert analog(*words(backend, run.spec.seed), "--store", alone).code == 0
        assert result_of(store=alone) == swallowed
    left = [path for path in Path("results/checkpoints").rglob("*") if path.is_file()]
    assert len(left) == len(runs), "what the killed processes left half-written is gone"


def test_a_process_that_is_killed_while_it_makes_a_store_leaves_one_that_opens(
    fork: Callable[..., Running], tmp_path: Path
) -> None:
    moments = random.Random(0)
    for number in range(6):
        file = tmp_path / f"{number}.db"
        file.touch()  # so that it is opened, and its schema made
        running = fork("list", "runs", "--store", str(file))
        wait_until(lambda file=file: file.with_name(f"{file.name}-wal").exists(), 10)
        time.sleep(moments.uniform(0, 0.05))
        with suppress(ProcessLookupError):
            running.send(signal.SIGKILL)
        running.finish()
        assert Store.open(str(file)).runs() == []
        assert Store.open(str(file)).problems() == []
