"""``analog resume``: continue a run that was interrupted, killed or failed."""

from typing import Annotated

import typer

from analogcli.cli import options as o


def resume(
    run: Annotated[str, typer.Argument(help="Id of the run (its first characters are enough), or `last`.")],
    cuda: o.CudaOption = None,
    threads: o.ThreadsOption = None,
    fuse: o.FuseOption = None,
    data_dir: o.DataDirOption = None,
    store: o.StoreOption = None,
    quiet: o.QuietOption = False,
    json: o.JsonOption = False,
) -> None:
    """Continue a run from its last checkpoint, to the result that it would have had.

    \b
    analog resume last
    analog resume 1f0c2a77 --cuda 0
    """
    from analogcli.cli.console import note
    from analogcli.cli.progress import ProgressView
    from analogcli.cli.run import execution_options, report
    from analogcli.store import Store

    opened = Store.open(store, create=False)
    record = opened.run(run)
    if record.status == "finished":
        note(f"run {record.short_id} is finished; nothing is left to do")
    else:
        from analogcli.training import resume as resume_run

        with ProgressView(quiet=quiet) as view:
            record = resume_run(opened, record, execution_options(cuda, threads, fuse, data_dir), view)
    report(record, json=json)
