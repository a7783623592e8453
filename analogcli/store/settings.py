"""What a store knows of itself: where its checkpoints lie, so that every process on every machine looks there."""

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from analogcli.errors import UsageError
from analogcli.store import queue, schema
from analogcli.store.files import Files, RemoteFiles, files_at
from analogcli.store.location import Location, without_password

if TYPE_CHECKING:
    from analogcli.store.store import Store

CHECKPOINTS = "checkpoints"


def checkpoint_files(store: "Store") -> Files:
    """Return where the store's checkpoints lie: where it was first told to keep them, else in its own folder.

    Raises:
        UsageError: ``?checkpoints=`` of the URL is no place for files, or not where the store has them.
    """
    asked = files_at(store.location.checkpoints) if store.location.checkpoints else None
    with store._read() as session:
        known = session.get(schema.Setting, CHECKPOINTS)
    if known is None and asked and asked.address != store.files.address:
        return _from_now_on(store, asked)
    files = files_at(known.value) if known else store.files
    if asked and asked.address != files.address:
        raise _elsewhere(store.location, files)
    return files


def _from_now_on(store: "Store", asked: Files) -> Files:
    if without_password(asked.address) != asked.address:
        raise UsageError(
            "a password in checkpoints= would be kept in the store; give it in the settings of that file "
            "system's driver (https://filesystem-spec.readthedocs.io)"
        )
    if isinstance(asked, RemoteFiles):
        asked.check()
    with store._write() as session:
        queue.one_at_a_time(session)
        known = session.get(schema.Setting, CHECKPOINTS)  # Another process may have been first.
        if known and known.value != asked.address:
            raise _elsewhere(store.location, files_at(known.value))
        if known is None and session.scalar(select(func.count()).select_from(schema.Checkpoint)):
            raise _elsewhere(store.location, store.files)
        if known is None:
            session.add(schema.Setting(name=CHECKPOINTS, value=asked.address))
    return asked


def _elsewhere(location: Location, files: Files) -> UsageError:
    return UsageError(
        f"the store {location} keeps its checkpoints in {files} already; leave out checkpoints=, or `analog store "
        "copy` its runs into a new store that has them elsewhere"
    )
