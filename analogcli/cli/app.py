"""The ``analog`` command: parse, call the library, print. Errors of the user are one sentence, exit 2."""

import errno
import os
import sys
from typing import Annotated

import typer

from analogcli.cli import store
from analogcli.cli.about import about
from analogcli.cli.bench import bench
from analogcli.cli.cancel import cancel
from analogcli.cli.command import Command
from analogcli.cli.compare import compare
from analogcli.cli.cost import cost
from analogcli.cli.data import data
from analogcli.cli.demo import demo
from analogcli.cli.doctor import doctor
from analogcli.cli.export import export
from analogcli.cli.import_ import import_
from analogcli.cli.infer import infer
from analogcli.cli.list import list_
from analogcli.cli.plot import plot
from analogcli.cli.records import records
from analogcli.cli.resume import resume
from analogcli.cli.run import run
from analogcli.cli.show import show
from analogcli.cli.status import status
from analogcli.cli.sweep import sweep
from analogcli.cli.worker import worker

WRONG_PATH = (
    errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EACCES, errno.EPERM, errno.EROFS, errno.ELOOP,
    errno.ENAMETOOLONG,
)  # fmt: skip
"""What the system says of a path (--out, --folder, …) that cannot be read or written; of a full disk it says others."""

app = typer.Typer(
    name="analog",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
)


def _version(asked: bool) -> None:
    if asked:
        from analogcli import __version__

        print(f"analog {__version__}")
        raise typer.Exit


@app.callback()
def analog(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Train neural networks on analog in-memory hardware, and keep every result.

    \b
    analog demo                                   a first picture in about a minute
    analog list                                   what can be run
    analog run mnist-fcn --setting tt-v1 --tau 0.7
    analog sweep fig4 && analog plot fig4
    """


COMMANDS = (
    demo,
    run,
    resume,
    sweep,
    worker,
    status,
    cancel,
    infer,
    list_,
    about,
    show,
    compare,
    plot,
    cost,
    export,
    import_,
    records,
    bench,
    doctor,
    data,
)
for command in COMMANDS:
    app.command(command.__name__.rstrip("_"), cls=Command)(command)
app.add_typer(store.app, name="store")


def main() -> None:
    """Run the command line; the exit status is 0 ok, 1 a run or the store failed, 2 usage, 130 interrupted."""
    from analogcli.errors import AnalogError

    try:
        app()
    except AnalogError as exc:
        for remark in getattr(exc, "__notes__", ()):
            print(remark, file=sys.stderr)
        print(f"error: {exc}", file=sys.stderr)
        sys.exit(exc.exit_code)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of a pipe (head, less) went away: not an error of ours, but Python would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as exc:
        if exc.filename is not None and exc.errno in WRONG_PATH:
            print(f"error: {exc.filename}: {exc.strerror}; give another path", file=sys.stderr)
            sys.exit(2)
        print(f"error: {exc.filename or 'the system says'}: {exc.strerror or exc}", file=sys.stderr)
        sys.exit(1)
