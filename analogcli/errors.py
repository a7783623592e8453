"""Everything that can go wrong for a user, as one tree; each message says what was wrong and what to type instead.

::

    AnalogError
     ├─ UsageError            the request itself is wrong                        exit 2
     │   ├─ SpecError         a field of a run spec: which, what was given, what is allowed
     │   ├─ UnknownName       no such experiment, setting, figure, run …, with the nearest names
     │   ├─ DataError         a data set is not there and cannot be fetched
     │   └─ BackendError      the chosen backend cannot run this spec, and which one can
     ├─ StoreError            the results store cannot be opened, read or written exit 1
     │   ├─ RunTaken          another process has the run by now
     │   └─ AlreadyStored     another process has begun the same spec meanwhile
     └─ RunFailed             a run started and did not finish                    exit 1
"""

import difflib
from collections.abc import Iterable


class AnalogError(Exception):
    """A failure that is explained to the user in one sentence, without a traceback."""

    exit_code = 1


class UsageError(AnalogError):
    """The request cannot be carried out as typed."""

    exit_code = 2


class SpecError(UsageError):
    """A field of a run spec has a value that is not allowed."""


class UnknownName(UsageError):
    """A name that nothing in the registry or the store answers to."""

    def __init__(self, what: str, name: str, known: Iterable[str], hint: str = "") -> None:
        known = list(known)
        near = nearest(name, known)
        if near:
            advice = f"did you mean {' or '.join(near)}?"
        elif len(known) > 40:
            advice = f"known: {', '.join(known[:10])} and {len(known) - 10} more."
        elif known:
            advice = f"known: {', '.join(known)}."
        else:
            advice = "there are none yet."
        super().__init__(f"no {what} is called {name!r}; {advice}{' ' + hint if hint else ''}")


class DataError(UsageError):
    """A data set is missing and cannot be downloaded, or is damaged."""


class BackendError(UsageError):
    """The chosen backend cannot run the spec on this machine."""


class StoreError(AnalogError):
    """The results store cannot be opened, read or written."""


class RunTaken(StoreError):
    """The run that this process trained is another's by now; what was recorded until then stays."""


class AlreadyStored(StoreError):
    """Another process has begun, or queued, the same spec in the meantime."""


class RunFailed(AnalogError):
    """A run started and ended with an error; the error text is in the store."""


def nearest(name: str, known: Iterable[str], n: int = 3) -> list[str]:
    """Return up to ``n`` known names that look like ``name``, best first."""
    folded = {k.lower(): k for k in known}
    return [folded[k] for k in difflib.get_close_matches(name.lower(), list(folded), n=n, cutoff=0.6)]
