"""A store on a server: failures are one sentence without the password, and a server that comes back is used again."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import numpy as np
import pytest
from server_kit import PASSWORD, Server
from store_helpers import begin, epoch, provenance, train_one

from analogcli.errors import StoreError, UsageError
from analogcli.spec import ExecutionOptions, PcmInference
from analogcli.store import InferenceRecord, Inferences, ModelEpoch, Store, collect, locate
from analogcli.store.claims import row_of


@pytest.fixture(autouse=True)
def _nothing_beside_the_tests(workspace: object) -> None:
    """Checkpoint files go below the working folder."""


def limited_user(server: Server) -> str:
    server.sql("DROP ROLE IF EXISTS guest")
    server.sql(f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'")
    return server.new().replace("postgres:", "guest:")


FAILURES: dict[str, tuple[Callable[[Server], str], str]] = {
    "nobody listens there": (
        lambda server: server.url_of("postgres", port=9),
        r"is not reachable \(.*refused.*\); is the server running, and are host and port right\?",
    ),
    "no such host": (
        lambda server: server.url.replace("127.0.0.1", "nowhere.invalid"),
        "has a host that is not known; check its name in the URL",
    ),
    "wrong password": (
        lambda server: server.url.replace(f":{PASSWORD}", f":{PASSWORD}r"),
        "does not accept this user or password; give the right ones in the URL or in ~/.pgpass",
    ),
    "no password": (lambda server: server.url.replace(f":{PASSWORD}", ""), "does not accept this user or password"),
    "no such user": (
        lambda server: server.url.replace("postgres:", "nobody:"),
        "does not accept this user or password",
    ),
    "no such database": (
        lambda server: server.url_of("nothing"),
        'is not there \\(database "nothing" does not exist\\); make it with `createdb`, or choose another --store',
    ),
    "permission denied": (
        limited_user,
        r"may not be used so by this user \(permission denied for schema public\); have its owner grant it",
    ),
    "a setting that the driver does not know": (lambda server: f"{server.url}?colour=red", "failed: .*colour"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_server_that_does_not_serve_is_a_sentence_at_once_without_the_password(postgres: Server, name: str) -> None:
    address, sentence = FAILURES[name]
    began = time.monotonic()
    with pytest.raises(StoreError, match=sentence) as caught:
        Store.open(address(postgres))
    assert time.monotonic() - began < 15
    said = str(caught.value)
    assert PASSWORD not in said and "\n" not in said


def test_the_database_of_another_program_and_a_newer_store_are_refused(postgres: Server) -> None:
    other, newer = postgres.new(), postgres.new()
    postgres.sql("CREATE TABLE bookmarks (url TEXT)", other)
    with pytest.raises(StoreError, match="is a database of something else"):
        Store.open(other)
    Store.open(newer)
    postgres.sql("UPDATE alembic_version SET version_num = '9999'", newer)
    with pytest.raises(StoreError, match="was written by a newer analog"):
        Store.open(newer)


def test_a_password_is_nowhere_but_in_the_address(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    location = locate(f"{postgres.url}?timeout=2&sslpassword={PASSWORD}")
    assert PASSWORD not in str(location)
    assert locate(location.address) == location
    with pytest.raises(UsageError) as caught:
        locate(f"postgresql://me:{PASSWORD}/@host:port/name")
    assert PASSWORD not in str(caught.value)
    monkeypatch.setattr("sys.argv", ["analog", "run", "mnist-fcn", "--store", postgres.url])
    command = collect(ExecutionOptions(), "cpu", None, None).command_line
    assert command.endswith(f"@127.0.0.1:{postgres.port}/postgres'")
    assert PASSWORD not in command


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_a_server_that_is_restarted_in_mid_run_loses_nothing(postgres: Server, how: str) -> None:
    store = Store.open(postgres.new())
    run = store.run(begin(store))
    train_one(store, run.id, run.models[0], 1)
    postgres.stop(how)
    back = threading.Timer(1.0, postgres.start)
    back.start()
    train_one(store, run.id, run.models[0], 2)
    back.join()
    store.end(run.id, "finished")
    (stored,) = store.runs()
    assert (stored.status, [e.epoch for e in stored.models[0].epochs]) == ("finished", [1, 2])
    assert store.problems() == []


def test_a_server_that_stays_away_is_a_sentence_after_the_timeout(postgres: Server) -> None:
    store = Store.open(f"{postgres.new()}?timeout=0.5")
    run = store.run(begin(store))
    postgres.stop()
    try:
        for ask in (lambda: store.end(run.id, "finished"), store.runs, lambda: store.find(run.spec)):
            began = time.monotonic()
            with pytest.raises(StoreError, match=r"lost its server|is not reachable"):
                ask()
            assert time.monotonic() - began < 5
    finally:
        postgres.start()
    assert store.run(run.id).status == "running"


def test_two_processes_do_not_both_take_a_run_over(postgres: Server) -> None:
    # The second waits for the row until the first has committed, and then sees that it is taken.
    store, other = (Store.open(address) for address in [postgres.new()] * 2)
    run_id = begin(store)
    store.end(run_id, "interrupted")
    taken = threading.Event()
    with store.writing() as session:
        row_of(session, run_id, store.location).status = "running"

        def second() -> None:
            with other.writing() as session:
                assert row_of(session, run_id, other.location).status == "running"
            taken.set()

        thread = threading.Thread(target=second)
        thread.start()
        assert not taken.wait(0.3)
    thread.join(10)
    assert taken.is_set()


@contextmanager
def losing_answers(port: int) -> Iterator[tuple[int, threading.Event]]:
    """A way to the server that, once told so, cuts the connection when it has carried out the next COMMIT."""
    lose, listener = threading.Event(), socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, target: socket.socket, requests: bool, cutting: threading.Event) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if requests and b"COMMIT" in data and lose.is_set():
                    cutting.set()
                    lose.clear()
                    target.sendall(data)
                    time.sleep(0.3)  # the server is done, and its answer is not passed on
                    break
                if not requests and cutting.is_set():
                    break
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", port))
                cutting = threading.Event()
                for ends in ((client, server, True, cutting), (server, client, False, cutting)):
                    threading.Thread(target=pump, args=ends, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    with listener:
        yield listener.getsockname()[1], lose


def test_a_commit_whose_answer_is_lost_is_not_done_twice(postgres: Server) -> None:
    url = postgres.new()
    with losing_answers(postgres.port) as (port, lose):
        store = Store.open(url.replace(str(postgres.port), str(port)))
        lose.set()
        run = store.run(begin(store))
        model = run.models[0].id
        file = store.save_state(run.id, 0, "epoch-0001", {})
        for number, ask in enumerate(
            (
                lambda: store.take_over(run.id, provenance(), repeatable=True, resolved={}),
                lambda: store.record_epochs([ModelEpoch(model, epoch(1), {"train_loss": np.zeros(3)}, file)]),
                lambda: store.record_checkpoints({model: file}, 1, 5),
                lambda: Inferences(store).record(PcmInference(), [InferenceRecord(model, 0, 1.0, 0.5, 0.5)]),
                lambda: store.end(run.id, "finished"),
            )
        ):
            lose.set()
            ask()
            assert not lose.is_set(), f"the connection was cut at write {number}"
        expected = {"runs": 1, "provenance": 2, "models": 1, "epochs": 1, "series": 1, "checkpoints": 1}
        assert store.counts() == expected | {"inferences": 1, "sweep_runs": 0}
        lose.set()
        store.delete(run.id)
    assert set(Store.open(url).counts().values()) == {0}
