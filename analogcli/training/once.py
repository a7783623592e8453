"""The same spec is never trained twice: its stored result is returned, and what is unfinished goes on.

Nothing here imports torch before there is something to train: a stored result is there at once.
"""

from analogcli.errors import AlreadyStored
from analogcli.spec import ExecutionOptions, RunSpec
from analogcli.store import RunRecord, Store
from analogcli.training.observer import SpecObserver


def stored_or_trained(
    store: Store, spec: RunSpec, options: ExecutionOptions, observer: SpecObserver, *, again: bool = False
) -> RunRecord:
    """Return the stored result of ``spec``, training it or the rest of it first where there is none.

    With ``again`` it is trained as a new run whatever is stored. The status of the run says finished or interrupted.

    Raises:
        UsageError: data, backend or device are not there, or another process trains the spec.
        RunFailed: it started and broke; the error text is in the store.
    """
    while True:
        stored = None if again else store.find(spec)
        if stored is not None:
            observer.on_found(stored)
            if stored.status == "finished":
                return stored
        from analogcli.training.run import resume, train

        if stored is not None:
            return resume(store, stored, options, observer)
        try:
            return train(store, spec, options, observer, again=again)
        except AlreadyStored:  # By another process, since it was looked for.
            continue
