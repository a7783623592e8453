"""The schema: what the migrations make is what the tables say, and no other version or database is touched."""

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from store_helpers import NO_FILE, begin, take_over, train_one

from analogcli import store as store_package
from analogcli.errors import StoreError
from analogcli.spec import PcmInference
from analogcli.store import EpochRecord, InferenceRecord, Inferences, ModelEpoch, Store, locate
from analogcli.store.engine import HEAD
from analogcli.store.schema import Base


def without_queue(connection: sa.Connection) -> None:
    """Take back what versions 0005 to 0007 brought."""
    connection.execute(sa.text("DROP TABLE settings"))
    connection.execute(sa.text("DROP INDEX ix_runs_created_at"))
    connection.execute(sa.text("DROP TABLE sweep_runs"))
    for column in ("place", "worker", "lease_until", "deaths"):
        connection.execute(sa.text(f"ALTER TABLE runs DROP COLUMN {column}"))


def test_the_migrations_make_exactly_the_tables_of_the_schema(store: Store) -> None:
    with sa.create_engine(store.location.url).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_the_schema_the_code_expects_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(str(store_package.__file__)).with_name("migrations")))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_a_store_from_before_regressions_keeps_its_epochs_and_takes_some_without_accuracy(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    opened = Store.open(str(file))
    run = opened.runs(id=begin(opened))[0]
    train_one(opened, run.id, run.models[0], 0)
    before = opened.runs()[0].models[0].epochs
    engine = opened.sessions.kw["bind"]
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        # Back to what version 0001 left: the column, with its values, under NOT NULL.
        with Operations(MigrationContext.configure(connection)).batch_alter_table("epochs") as epochs:
            epochs.alter_column("test_accuracy", existing_type=sa.Double(), nullable=False)
        without_queue(connection)
        connection.execute(sa.text("DROP TABLE inferences"))
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))
    engine.dispose()
    again = Store.open(str(file))
    assert again.runs()[0].models[0].epochs == before
    take_over(again, run.id)
    lossy = EpochRecord(1, 0.5, 0.4, None, None, 0.1, 0.1)
    again.record_epochs([ModelEpoch(run.models[0].id, lossy, {}, NO_FILE)])
    assert again.runs()[0].models[0].epochs == (*before, lossy)
    assert again.problems() == [f"the checkpoint {tmp_path / NO_FILE.path} is missing"]


def test_a_store_from_before_inference_keeps_its_runs_and_takes_inferences(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    opened = Store.open(str(file))
    run = opened.runs(id=begin(opened))[0]
    train_one(opened, run.id, run.models[0], 0)
    before = opened.runs()
    engine = opened.sessions.kw["bind"]
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        without_queue(connection)
        connection.execute(sa.text("DROP TABLE inferences"))
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0002'"))
    engine.dispose()
    again = Store.open(str(file))
    assert [run.models for run in again.runs()] == [run.models for run in before]
    assert again.runs()[0].status == "interrupted", "what an older version began is nobody's"
    record = InferenceRecord(run.models[0].id, 0, 1e5, 0.5, None)
    Inferences(again).record(PcmInference(), [record])
    assert Inferences(again).of(before[0]) == [(PcmInference(), [record])]


def test_opening_an_up_to_date_store_writes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    Store.open(str(file)).sessions.kw["bind"].dispose()  # the last one to leave empties the write-ahead log
    before = file.read_bytes()
    Store.open(str(file)).sessions.kw["bind"].dispose()
    assert file.read_bytes() == before


def test_a_store_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    Store.open(str(file))
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"was written by a newer analog \(schema 9999\); update analog"):
        Store.open(str(file))
    assert sqlite3.connect(file).execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]


def test_the_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "bookmarks.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    with pytest.raises(StoreError, match="is a database of something else"):
        Store.open(str(file))
    assert sqlite3.connect(file).execute("SELECT name FROM sqlite_master").fetchall() == [("bookmarks",)]


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database, but long enough to be looked at\n" * 10)
    with pytest.raises(StoreError, match="is not an analog store"):
        Store.open(str(file))
    assert file.read_text().startswith("not a database")


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    # What `touch` or mktemp leave, and what SQLite itself makes of a name.
    file = tmp_path / "a.db"
    file.touch()
    assert Store.open(str(file)).runs() == []


def test_sqlite_is_set_up_for_several_processes(tmp_path: Path) -> None:
    opened = Store.open(str(tmp_path / "a.db"))
    with opened.sessions() as session:
        pragma = {name: session.scalar(sa.text(f"PRAGMA {name}")) for name in ("journal_mode", "foreign_keys")}
        # An older checkpoint is deleted once the newer one is recorded: a power cut must not take the record back.
        full = session.scalar(sa.text("PRAGMA synchronous"))
        timeout = session.scalar(sa.text("PRAGMA busy_timeout"))
    assert (pragma, full, timeout) == ({"journal_mode": "wal", "foreign_keys": 1}, 2, 30_000)


def test_writers_begin_immediate_and_readers_do_not(tmp_path: Path) -> None:
    opened = Store.open(str(tmp_path / "a.db"))
    begun: list[str] = []
    engine = opened.sessions.kw["bind"]

    @sa.event.listens_for(engine, "before_cursor_execute")
    def listen(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("BEGIN"):
            begun.append(statement)

    opened.runs()
    with pytest.raises(StoreError):
        opened.end("no such run", "finished")
    assert begun == ["BEGIN", "BEGIN IMMEDIATE"]


def test_the_timeout_is_part_of_the_address(tmp_path: Path) -> None:
    location = locate(f"sqlite:///{tmp_path}/a.db?timeout=2.5")
    assert location.timeout == 2.5
    assert locate(location.address).timeout == 2.5
    assert locate(location.address).file == tmp_path / "a.db"
    assert locate(str(tmp_path / "a.db")).timeout == 30
