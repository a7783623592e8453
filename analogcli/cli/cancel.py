"""``analog cancel``: take runs out of the queue, and stop those that are trained."""

from typing import Annotated

import typer

from analogcli.cli import options as o


def cancel(
    names: Annotated[
        list[str] | None, typer.Argument(help="Runs by the beginning of their ids, or sweeps by name.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Everything that is queued or trained.")] = False,
    store: o.StoreOption = None,
) -> None:
    """Cancel runs: what waits at once, what is being trained at its next checkpoint, a few seconds later.

    Nothing that was stored is lost: `analog resume` and the same `analog sweep` go on from there.

    \b
    analog cancel 1f0c2a77
    analog cancel fig4
    analog cancel --all
    """
    from analogcli.errors import UsageError
    from analogcli.store import Queue, Store

    if bool(names) == all_:
        raise UsageError("say what to cancel: ids of runs, names of sweeps (`analog status` shows both), or --all")
    queue = Queue(Store.open(store, create=False))
    ids: list[str] = []
    if all_:
        known = queue.store.heads(status=["queued", "running"])
        # Of one that is stored as running the process may be gone: nobody trains it.
        ids = [run.id for run in known if run.status != "interrupted"]
        ids += [entry.run_id for entry in queue.waiting() if entry.is_claimable and entry.run_id not in ids]
    for name in names or []:
        sweep = queue.sweep(name)
        left = [entry.run_id for entry in queue.waiting(sweep) if not entry.is_over] if sweep else []
        ids += left if sweep else [queue.store.run(name).id]
    changed = queue.cancel(ids)
    for run_id, became in changed.items():
        print(f"run {run_id[:8]} {'stops at its next checkpoint' if became == 'cancelling' else became}")
    if not changed:
        print("nothing of it is queued or trained")
