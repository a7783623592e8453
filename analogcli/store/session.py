"""The database of an open store: reading it and writing it, each one transaction whose failure is one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.orm import Session, sessionmaker

from analogcli.store.explain import explained
from analogcli.store.location import Location
from analogcli.store.patience import commit


@dataclass(frozen=True)
class Database:
    """An open database."""

    location: Location
    sessions: sessionmaker[Session]

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a transaction that only reads.

        Raises:
            StoreError: the database says no to what is asked in it; a ServerAway may be asked again.
        """
        with explained(self.location), self.sessions() as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a transaction that waits for its turn to write, and commit it unless something is raised in it.

        Raises:
            StoreError: the database says no to what is asked in it; a ServerAway may be asked again.
        """
        with explained(self.location), self.sessions() as session:
            session.connection(execution_options={"writes": True})
            yield session
            commit(session, self.location)
