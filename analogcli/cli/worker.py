"""``analog worker``: train what is queued, on this machine or any other that sees the store."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Annotated

import typer

from analogcli.cli import options as o

if TYPE_CHECKING:
    from analogcli.cli.progress import ProgressView
    from analogcli.store import RunRecord
    from analogcli.training import StopRequest


def worker(
    sweep: Annotated[
        str | None, typer.Option("--sweep", metavar="NAME", help="Take runs of this sweep only (`analog status`).")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for further runs when the queue is empty.")] = False,
    until_eof: Annotated[
        bool,
        typer.Option("--until-eof", help="Stop at a checkpoint when standard input ends, e.g. that of a closed ssh."),
    ] = False,
    cuda: o.CudaOption = None,
    threads: o.ThreadsOption = None,
    fuse: o.FuseOption = None,
    data_dir: o.DataDirOption = None,
    checkpoint_minutes: o.CheckpointMinutesOption = 5.0,
    store: o.StoreOption = None,
    quiet: o.QuietOption = False,
) -> None:
    """Train queued runs, one after the other, until none is left.

    Start as many as you like, on any machine that sees the store. Ctrl-C stops at a checkpoint and puts the run back
    into the queue; so does, without a checkpoint, the death of a worker.

    \b
    analog worker --cuda 0
    analog worker --sweep fig4 --wait
    """
    from analogcli.cli.console import note
    from analogcli.cli.run import execution_options
    from analogcli.errors import UnknownName
    from analogcli.store import Queue, Store
    from analogcli.sweep.worker import work
    from analogcli.training import listening

    opened = Store.open(store)
    name = Queue(opened).sweep(sweep) if sweep else None
    if sweep and not name:
        raise UnknownName("sweep", sweep, {one.sweep for one in Queue(opened).waiting()}, "`analog status` shows all.")
    options = execution_options(cuda, threads, fuse, data_dir, checkpoint_minutes)

    def view() -> "AbstractContextManager[ProgressView]":
        from analogcli.cli.progress import ProgressView

        return ProgressView(quiet=quiet)

    def ended(run: "RunRecord", reason: str) -> None:
        note(f"run {run.short_id} {run.status}" + (f": {reason}" if reason else ""))

    with listening(lambda: note("stopping at a checkpoint … (Ctrl-C again stops at once)")) as request:
        if until_eof:
            _ask_at_eof(request)
        work(opened, options, request, view, ended, sweep=name, wait=wait)
    if request.asked:
        raise typer.Exit(130)


def _ask_at_eof(request: "StopRequest") -> None:
    import os
    import sys
    import threading

    def read() -> None:
        # Not through sys.stdin: its lock, held by this thread, would keep Python from ending.
        while os.read(sys.stdin.fileno(), 4096):
            pass
        request.ask()

    threading.Thread(target=read, name="standard input", daemon=True).start()
