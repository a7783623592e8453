"""What a store knows of itself: where its checkpoints lie, so that every process on every machine looks there."""

from sqlalchemy import func, select

from analogcli.errors import UsageError
from analogcli.store import schema
from analogcli.store.claims import one_at_a_time
from analogcli.store.files import Files, RemoteFiles, files_at
from analogcli.store.location import Location, without_password
from analogcli.store.session import Database

CHECKPOINTS = "checkpoints"


def checkpoint_files(database: Database, own: Files) -> Files:
    """Return where the checkpoints of a store lie: where it was first told to keep them, else in its ``own`` folder.

    Raises:
        UsageError: ``?checkpoints=`` of the URL is no place for files, or not where the store has them.
    """
    asked = files_at(database.location.checkpoints) if database.location.checkpoints else None
    with database.reading() as session:
        known = session.get(schema.Setting, CHECKPOINTS)
    if known is None and asked and asked.address != own.address:
        return _from_now_on(database, own, asked)
    files = files_at(known.value) if known else own
    if asked and asked.address != files.address:
        raise _elsewhere(database.location, files)
    return files


def _from_now_on(database: Database, own: Files, asked: Files) -> Files:
    if without_password(asked.address) != asked.address:
        raise UsageError(
            "a password in checkpoints= would be kept in the store; give it in the settings of that file "
            "system's driver (https://filesystem-spec.readthedocs.io)"
        )
    if isinstance(asked, RemoteFiles):
        asked.check()
    with database.writing() as session:
        one_at_a_time(session)
        known = session.get(schema.Setting, CHECKPOINTS)  # Another process may have been first.
        if known and known.value != asked.address:
            raise _elsewhere(database.location, files_at(known.value))
        if known is None and session.scalar(select(func.count()).select_from(schema.Checkpoint)):
            raise _elsewhere(database.location, own)
        if known is None:
            session.add(schema.Setting(name=CHECKPOINTS, value=asked.address))
    return asked


def _elsewhere(location: Location, files: Files) -> UsageError:
    return UsageError(
        f"the store {location} keeps its checkpoints in {files} already; leave out checkpoints=, or `analog store "
        "copy` its runs into a new store that has them elsewhere"
    )
