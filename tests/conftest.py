"""What all tests share: a folder of their own, the command line as a call and as a process, and reasons to skip."""

import hashlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import server_kit
from command_kit import Done, Result, Running, forked, started

# Before torch is imported anywhere: one thread is what runs use, and the test machine has other work.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MPLBACKEND"] = "Agg"
# A shell starts background jobs with Ctrl-C ignored, and processes inherit that: tests of Ctrl-C would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of a user who has stored nothing yet and has no data but the embedded."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("ANALOG_STORE", raising=False)
    # Otherwise the data sets of whoever runs the tests would be found.
    monkeypatch.setenv("ANALOG_DATA_DIR", str(tmp_path / "data"))
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[server_kit.Server]:
    """A real PostgreSQL server; a test that stops it starts it again."""
    if reason := server_kit.obstacle():
        pytest.skip(reason)
    with server_kit.running() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, workspace: Path) -> Iterator[str]:
    """Where a fresh store is to be, on either engine: a test that asks for it runs on both."""
    if request.param == "sqlite":
        yield str(workspace / "results" / "analog.db")
        return
    server: server_kit.Server = request.getfixturevalue("postgres")
    url = server.new()
    yield url
    server.drop(url)


@pytest.fixture
def analog(workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """The command line as a call in this process: the same words, the same exit status, without the imports' time."""

    def call(*arguments: str) -> Done:
        from analogcli.cli.app import main

        monkeypatch.setattr(sys, "argv", ["analog", *arguments])
        capsys.readouterr()
        code: Any = 0
        try:
            main()
        except SystemExit as exc:
            code = exc.code
        said = capsys.readouterr()
        return Done(code or 0, said.out, said.err)

    return call


@pytest.fixture
def start(workspace: Path, tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """The command line as a process that can be watched, signalled and killed; what still runs is killed at the end."""
    yield from _processes(started, tmp_path / "started")


@pytest.fixture
def fork(workspace: Path, tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """As ``start``, for tests that do not ask how a process is born: it is forked after the imports."""
    yield from _processes(forked, tmp_path / "forked")


def _processes(make: Callable[..., Running], logs: Path) -> Iterator[Callable[..., Running]]:
    made: list[Running] = []

    def call(*arguments: str, **environment: str) -> Running:
        folder = logs / str(len(made))
        folder.mkdir(parents=True)
        made.append(make(arguments, folder, environment))
        return made[-1]

    yield call
    for running in made:
        if running.code() is None:
            running.send(signal.SIGKILL)
            running.finish()


@pytest.fixture
def analog_process(start: Callable[..., Running]) -> Callable[..., Done]:
    """The command line as a process, from start to end."""
    return lambda *arguments, **environment: start(*arguments, **environment).finish()


@pytest.fixture
def result_of(workspace: Path) -> Callable[..., Result]:
    """All that two runs with the same bits have in common, comparable with ``==``: epochs and last checkpoints."""

    def read(run: str = "last", store: str | None = None) -> Result:
        from analogcli.store import Store

        opened = Store.open(store, create=False)
        result: Result = {}
        for model in opened.run(run).models:
            saved = opened.saved_state(model)
            assert saved is not None
            tensors = opened.load_state(saved)
            result[f"model {model.index}"] = {
                "seed": model.seed,
                # Everything but the time it took.
                "epochs": [
                    (e.epoch, e.train_loss, e.test_loss, e.test_accuracy, e.mean_abs_gradient, e.lr)
                    for e in model.epochs
                ],
                "losses": {
                    epoch: hashlib.sha256(v).hexdigest() for epoch, v in opened.series(model, "train_loss").items()
                },
                "tensors": {
                    name: (str(t.dtype), tuple(t.shape), hashlib.sha256(t.contiguous().numpy().tobytes()).hexdigest())
                    for name, t in sorted(tensors.items())
                    if name != "progress/seconds"
                },
            }
        return result

    return read


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, with the reason, what this machine cannot run."""
    for marker, obstacle in (("aihwkit", _no_aihwkit), ("cuda", _no_cuda), ("full_mnist", _no_full_mnist)):
        reason = obstacle() if item.get_closest_marker(marker) else ""
        if reason:
            pytest.skip(reason)


@cache
def _no_aihwkit() -> str:
    from analogcli import backends
    from analogcli.errors import BackendError

    try:
        backends.get("aihwkit").check()
    except BackendError as exc:
        return str(exc)
    return ""


@cache
def _no_cuda() -> str:
    import torch

    return "" if torch.cuda.is_available() else "there is no CUDA device"


@cache
def _no_full_mnist() -> str:
    from analogcli import data

    here = os.environ.get("ANALOG_DATA_DIR") and data.available("mnist")
    return "" if here else "the complete MNIST is not in ANALOG_DATA_DIR"
