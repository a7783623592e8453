"""However a run is stopped, it goes on to the very bits that it would have had."""

import os
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from command_kit import TINY, Done, Result, Running, wait_until

from analogcli.store import Store

CHANGED = ("--set", "task.augment.pad_crop=2", "--set", "task.augment.horizontal_flip=0.5")
BACKENDS = {
    "digital": ("fp-sgd", "--batch-size", "4"),
    "native": ("analog-sgd", "--batch-size", "25", "--set", "update.fidelity=mean-field"),
    "native pulses": ("analog-sgd", "--batch-size", "25"),
    "native, three models": ("tt-v1", "--backend", "native", "--batch-size", "50", "--n-models", "3"),
    "digital, three models": ("fp-sgd", "--batch-size", "10", "--n-models", "3"),
    "digital, changed images": ("fp-sgd", "--batch-size", "25", "--n-models", "2", *CHANGED),
}
"""Engines that repeat, with a setting and a batch size so that an epoch takes a good part of a second."""
OFTEN = ("--checkpoint-minutes", "0.0005")
"""30 ms."""


def words(backend: str) -> tuple[str, ...]:
    tiny = ("--dataset", "mnist5k", "--set", "task.model.hidden=[8]", "--epochs", "3")
    return ("run", "mnist-fcn", *tiny, "--setting", *BACKENDS[backend])


def stored(query: str) -> int:
    """A number out of the store of the working folder; 0 before there is one."""
    with closing(sqlite3.connect("file:results/analog.db?mode=ro", uri=True)) as connection:
        try:
            return int(connection.execute(query).fetchone()[0])
        except (sqlite3.Error, TypeError):
            return 0


def epochs_recorded() -> int:
    """Records of epochs in the store."""
    return stored("SELECT count(*) FROM epochs") if Path("results/analog.db").is_file() else 0


def mid_epoch() -> bool:
    """Whether the newest checkpoint is one in the middle of an epoch."""
    query = "SELECT step FROM checkpoints ORDER BY id DESC LIMIT 1"
    return Path("results/analog.db").is_file() and stored(query) > 0


@pytest.fixture
def uninterrupted(
    analog: Callable[..., Done], result_of: Callable[..., Result], tmp_path: Path
) -> Callable[[str], Result]:
    """What a run gives that nobody stops."""

    def run(backend: str) -> Result:
        store = str(tmp_path / "uninterrupted.db")
        assert analog(*words(backend), "--store", store).code == 0
        return result_of(store=store)

    return run


@pytest.mark.parametrize("backend", BACKENDS)
def test_kill_9_and_resume_give_the_bits_of_an_uninterrupted_run(
    uninterrupted: Callable[[str], Result],
    start: Callable[..., Running],
    analog: Callable[..., Done],
    result_of: Callable[..., Result],
    backend: str,
) -> None:
    running = start(*words(backend), *OFTEN)
    wait_until(lambda: epochs_recorded() >= 2 and mid_epoch())
    running.send(signal.SIGKILL)
    assert running.finish().code == -signal.SIGKILL
    assert analog("list", "runs", "--json").json[0]["status"] == "interrupted"
    assert analog("store", "check").code == 0
    assert analog("resume", "last").code == 0
    run = Store.open().run("last")
    assert (run.status, len(run.attempts), len(Store.open().runs())) == ("finished", 2, 1)
    assert result_of() == uninterrupted(backend)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_at_a_checkpoint_in_the_middle_of_an_epoch(
    uninterrupted: Callable[[str], Result],
    start: Callable[..., Running],
    fork: Callable[..., Running],
    analog: Callable[..., Done],
    result_of: Callable[..., Result],
    number: signal.Signals,
) -> None:
    backend, make = ("native", start) if number == signal.SIGINT else ("digital", fork)
    running = make(*words(backend))
    wait_until(lambda: epochs_recorded() >= 1)
    running.send(number)
    done = running.finish()
    run = Store.open().run("last")
    assert done.code == 130
    assert "stopping at a checkpoint … (Ctrl-C again stops at once)" in done.err
    assert f"`analog resume {run.short_id}` goes on from its checkpoint" in done.err
    assert "interrupted" in done.out
    assert run.status == "interrupted"
    assert mid_epoch(), "the epoch that it was in is not lost"
    assert analog("resume", run.short_id).code == 0
    assert result_of() == uninterrupted(backend)


def test_a_second_ctrl_c_stops_at_once(fork: Callable[..., Running], analog: Callable[..., Done]) -> None:
    running = fork(*words("native"))
    wait_until(lambda: epochs_recorded() >= 1)
    # Stopped and continued, so that both signals are there before the run does anything.
    running.send(signal.SIGSTOP)
    running.send(signal.SIGINT)
    running.send(signal.SIGTERM)
    running.send(signal.SIGCONT)
    done = running.finish()
    assert done.code == 130
    assert "Traceback" not in done.err
    assert Store.open().run("last").status == "interrupted"
    assert not mid_epoch(), "it did not take the time to write a checkpoint"
    assert analog("resume", "last").code == 0


def test_ctrl_c_before_training_begins_is_no_traceback(start: Callable[..., Running]) -> None:
    running = start(*words("digital"), "--epochs", "500")  # long enough not to be over before the signal comes
    wait_until(lambda: Path("results/analog.db").is_file())
    running.send(signal.SIGINT)
    done = running.finish()
    assert done.code == 130
    assert "Traceback" not in done.err


def test_what_a_living_process_trains_is_not_resumed_by_another(
    fork: Callable[..., Running], analog: Callable[..., Done]
) -> None:
    running = fork(*words("native"), "--epochs", "50")
    wait_until(lambda: epochs_recorded() >= 1)
    for command in (("resume", "last"), (*words("native"), "--epochs", "50")):
        done = analog(*command)
        assert done.code == 2
        assert f"is being trained by process {running.pid} on" in done.err and "continuing" not in done.err
    assert "is trained outside the queue" in analog("status").err
    assert analog("list", "runs", "--json").json[0]["status"] == "running"
    running.send(signal.SIGKILL)
    running.finish()


@pytest.mark.parametrize("checkpoints", [OFTEN, ("--checkpoint-minutes", "5")])
def test_models_that_train_together_are_killed_at_one_position(
    fork: Callable[..., Running], checkpoints: tuple[str, ...]
) -> None:
    running = fork(*words("digital, three models"), *checkpoints)
    wait_until(lambda: epochs_recorded() >= 6)
    running.send(signal.SIGKILL)
    running.finish()
    store = Store.open()
    saved = [store.saved_state(model) for model in store.run("last").models]
    assert len({(state.epoch, state.step) for state in saved if state}) == 1 and all(saved)
    assert len({len(model.epochs) for model in store.run("last").models}) == 1


def test_models_that_stand_at_different_positions_go_on_in_groups_of_their_own(
    fork: Callable[..., Running], analog: Callable[..., Done], result_of: Callable[..., Result]
) -> None:
    one_by_one = (*words("digital"), "--n-models", "3", "--fuse", "1")
    running = fork(*one_by_one)
    wait_until(lambda: epochs_recorded() >= 6)  # in the second model
    running.send(signal.SIGKILL)
    running.finish()
    assert analog("resume", "last").code == 0
    resumed = result_of()
    analog(*one_by_one, "--again")
    assert result_of() == resumed


def test_the_same_command_goes_on_too(
    fork: Callable[..., Running], analog: Callable[..., Done], result_of: Callable[..., Result]
) -> None:
    running = fork(*words("digital"), "--n-models", "2")
    wait_until(lambda: epochs_recorded() >= 4)  # in the second epoch
    running.send(signal.SIGKILL)
    running.finish()
    done = analog(*words("digital"), "--n-models", "2")
    assert done.code == 0
    assert "continuing run" in done.err and "interrupted after" in done.err
    resumed = result_of()
    assert len(Store.open().runs()) == 1
    analog(*words("digital"), "--n-models", "2", "--again")
    assert result_of() == resumed


@pytest.mark.aihwkit
def test_an_aihwkit_run_goes_on_as_well(fork: Callable[..., Running], analog: Callable[..., Done]) -> None:
    tiny = ("--dataset", "mnist5k", "--set", "task.model.hidden=[8]", "--batch-size", "50", "--epochs", "3")
    running = fork("run", "mnist-fcn", "--setting", "tt-v1", "--tau", "0.7", *tiny, *OFTEN, "--backend", "aihwkit")
    wait_until(mid_epoch)
    running.send(signal.SIGKILL)
    running.finish()
    run = analog("resume", "last", "--json").json
    assert run["status"] == "finished"
    assert [epoch["epoch"] for epoch in run["models"][0]["epochs"]] == [0, 1, 2, 3]
    assert len(run["attempts"]) == 2


@pytest.mark.parametrize("spoil", ["truncate", "alter", "delete"])
def test_a_damaged_checkpoint_is_not_trained_on(analog: Callable[..., Done], workspace: Path, spoil: str) -> None:
    run_words = ("run", "mnist-fcn", *TINY, "--epochs", "1")
    assert analog(*run_words).code == 0
    store = Store.open()
    run = store.run("last")
    saved = store.saved_state(run.models[0])
    assert saved is not None
    store.end(run.id, "interrupted")
    file = store.folder / saved.file.path
    match spoil:
        case "truncate":
            os.truncate(file, 100)
        case "alter":
            file.write_bytes(bytes(byte ^ (i == 300) for i, byte in enumerate(file.read_bytes())))
        case "delete":
            file.unlink()
    done = analog("resume", run.short_id)
    assert done.code == 1
    assert "Traceback" not in done.err
    (sentence,) = [line for line in done.err.splitlines() if line.startswith("error:")]
    assert saved.file.path in sentence and "`analog run --again` trains the run anew" in sentence
    check = analog("store", "check")
    assert check.code == 1 and saved.file.path in check.out
    assert analog(*run_words, "--again").code == 0
