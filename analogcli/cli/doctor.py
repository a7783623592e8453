"""``analog doctor``: is this machine ready, and if not, what to do."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import typer

from analogcli.cli import options as o


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; ``advice`` says what to do where it is not well."""

    what: str
    well: bool
    found: str
    advice: str = ""


def doctor(store: o.StoreOption = None, data_dir: o.DataDirOption = None, json: o.JsonOption = False) -> None:
    """Check versions, the AIHWKit and torch pair (with a real tile), CUDA, data sets and the store.

    Exit status 1 if something needs mending.

    \b
    analog doctor
    """
    from analogcli.cli.console import print_json, table

    findings = [*_versions(), *_aihwkit(), *_cuda(), *_data(data_dir), *_store(store)]
    if json:
        print_json([asdict(finding) for finding in findings])
    else:
        rows = [("ok" if f.well else "MEND", f.what, f.found, f.advice) for f in findings]
        table(None, ["", "what", "found", "what to do"], rows)
    if not all(f.well for f in findings):
        raise typer.Exit(1)


def _versions() -> Iterator[Finding]:
    import platform

    from analogcli import __version__
    from analogcli.store import version_of

    yield Finding("analog", True, f"{__version__} on Python {platform.python_version()}")
    for name in ("torch", "torchvision", "numba", "mlxtend"):
        version = version_of(name)
        yield Finding(name, version is not None, version or "absent", "" if version else f"pip install {name}")


def _aihwkit() -> Iterator[Finding]:
    from analogcli.backends.aihwkit import probe

    result = probe()
    found = f"{result.aihwkit_version or 'absent'} with torch {result.torch_version or 'absent'}"
    problem = f"; {result.problem}" if result.problem else ""
    yield Finding("aihwkit", result.ok, found + problem, result.advice or "")


def _cuda() -> Iterator[Finding]:
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if count == 0:
        yield Finding("CUDA", True, "no device: runs are computed on the CPU")
    for index in range(count):
        properties = torch.cuda.get_device_properties(index)
        memory = properties.total_memory / 2**30
        yield Finding(f"CUDA {index}", True, f"{properties.name}, {memory:.0f} GiB; use it with --cuda {index}")


def _data(data_dir: str | None) -> Iterator[Finding]:
    from analogcli import data

    here = [name for name in data.names() if data.available(name, data_dir)]
    folder = data.data_directory(data_dir)
    yield Finding("data sets", True, f"{', '.join(here)} (in {folder}; others are downloaded when first used)")


def _store(store: str | None) -> Iterator[Finding]:
    from analogcli.errors import AnalogError
    from analogcli.store import Store, locate, network_file_system

    try:
        location = locate(store)
        if location.file and not location.file.is_file():
            yield Finding("store", True, f"{location}: not there yet; the first run makes it")
            return
        opened = Store.open(store)
        problems = opened.problems()
        runs = opened.heads()
    except AnalogError as exc:
        yield Finding("store", False, str(exc), "see `analog store --help`")
        return
    kind = network_file_system(location.file) if location.file else None
    shared = f", on a network file system ({kind}): for one machine only, for several use PostgreSQL" if kind else ""
    yield Finding(
        "store",
        not problems,
        f"{location}: {len(runs)} runs{shared}" + "".join(f"; {p}" for p in problems),
        "`analog run … --again` trains a run anew, `analog store delete` drops it" if problems else "",
    )
    for run in runs:
        if run.status in ("interrupted", "failed"):
            yield Finding(f"run {run.short_id}", True, run.status, f"`analog resume {run.short_id}` continues it")
