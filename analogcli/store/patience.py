"""A server that is restarted in the middle of a run: what was asked of it is asked again, and happens exactly once.

SQLite needs none of it: it waits for a locked file itself.
"""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from analogcli.errors import StoreError
from analogcli.store.explain import ServerAway, explained
from analogcli.store.location import Location

PAUSE_S = 0.1, 5.0
"""Before the second attempt, and the longest."""
T = TypeVar("T")
Method = TypeVar("Method", bound=Callable[..., Any])


def patient(method: Method) -> Method:
    """Call a method of a store again while its server is away, for at most the timeout of its location.

    The method is one transaction, and :func:`commit` ends it: then it is never done twice.
    """

    @wraps(method)
    def again(self: Any, *args: Any, **kwargs: Any) -> Any:
        return while_away(self.location, lambda: method(self, *args, **kwargs))

    return cast(Method, again)


def while_away(location: Location, ask: Callable[[], T]) -> T:
    """Return what ``ask`` returns, asking again while the server is away.

    Raises:
        ServerAway: it was away for longer than the timeout of the location.
    """
    end, (pause, longest) = time.monotonic() + location.timeout, PAUSE_S
    while True:
        try:
            return ask()
        except ServerAway:
            if time.monotonic() + pause > end:
                raise
        time.sleep(pause)
        pause = min(2 * pause, longest)


def commit(session: Session, location: Location) -> None:
    """Commit; if the connection breaks on the way, ask the server once it is back whether it did.

    Raises:
        DBAPIError: it did not: the transaction can be done again.
        StoreError: whether it did cannot be known.
    """
    if location.file:
        session.commit()
        return
    session.flush()
    number = session.scalar(sa.text("SELECT CAST(pg_current_xact_id_if_assigned() AS text)"))
    engine = session.get_bind()
    try:
        session.commit()
    except DBAPIError as exc:
        if number is None or not exc.connection_invalidated or not _was_committed(engine, number, location):
            raise


def _was_committed(engine: sa.Engine | sa.Connection, number: str, location: Location) -> bool:
    def ask() -> str | None:
        with explained(location), Session(engine) as session:
            status: str | None = session.scalar(
                sa.text("SELECT pg_xact_status(CAST(:number AS xid8))"), {"number": number}
            )
        if status == "in progress":  # The server has not noticed yet that the connection is gone.
            raise ServerAway(f"the store {location} still holds what was written; `analog resume` the run later.")
        return status

    status = while_away(location, ask)
    if status is None:
        raise StoreError(f"the store {location} does not say whether it was written; `analog resume` the run.")
    return status == "committed"
