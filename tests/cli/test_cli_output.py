"""Stdout is data, stderr is progress, answers are quick, and every command explains itself."""

import csv
import io
import json
import os
import pty
import resource
import statistics
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest
from command_kit import TINY, Done

COMMANDS = (
    "demo", "run", "resume", "list", "about", "show", "compare", "plot", "sweep", "export", "doctor", "data", "store"
)  # fmt: skip


@pytest.fixture
def two_runs(analog: Callable[..., Done]) -> list[str]:
    """Two stored runs that differ in the setting; their ids."""
    words = ("run", "mnist-fcn", *TINY, "--epochs", "1", "--n-models", "2", "--json")
    analog_sgd = ("--setting", "analog-sgd", "--set", "update.fidelity=mean-field")
    return [analog(*words, *setting).json["id"] for setting in (("--setting", "fp-sgd"), analog_sgd)]


def test_help_answers_in_half_a_second(workspace: Path) -> None:
    def seconds() -> float:
        # Processor time: the clock on the wall also counts what other tests do meanwhile.
        began = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "analogcli", "--help"], check=True, capture_output=True)
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        return ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime

    assert statistics.median(seconds() for _ in range(5)) < 0.5


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(analog: Callable[..., Done], command: str) -> None:
    done = analog(command, "--help")
    assert done.code == 0
    assert "Usage: " in done.out
    assert analog(command, "-h").out == done.out
    if command != "store":
        assert f"analog {command}" in done.out.split("Usage: ")[1].split("\n", 1)[1]
    assert command in analog("--help").out


def test_the_version_is_that_of_the_package(analog: Callable[..., Done]) -> None:
    from analogcli import __version__

    assert analog("--version") == Done(0, f"analog {__version__}\n", "")


def test_no_command_at_all_is_the_help(analog: Callable[..., Done]) -> None:
    done = analog()
    assert "Usage: " in done.out + done.err
    assert done.code in (0, 2)


LIGHT = [
    ("--help",),
    ("run", "--help"),
    ("run", "mnist-fcn", "--setting", "tt-v1", "--tau", "0.7", "--dry-run"),
    ("run", "mnist-fcn", "--set", "task.lr=nonsense"),
    ("run", "mnist-fcn", *TINY, "--epochs", "0"),  # stored: shown, not trained
    ("list",),
    ("list", "runs"),
    ("show", "last"),
    ("compare",),
    ("plot", "last", "--format", "svg"),
    ("export", "last", "--format", "csv"),
    ("sweep", "fig4", "--dry-run"),
    ("store", "info"),
    ("store", "check"),
    ("data",),
]


def test_what_trains_nothing_does_not_wait_for_torch(analog: Callable[..., Done], workspace: Path) -> None:
    analog("run", "mnist-fcn", *TINY, "--epochs", "0")
    # One process for all: what the first imports, the later ones may use, but none may import torch.
    program = (
        "import json, sys\n"
        "from analogcli.cli.app import main\n"
        "for words in json.loads(sys.argv[1]):\n"
        "    sys.argv = ['analog', *words]\n"
        "    try:\n"
        "        main()\n"
        "    except SystemExit:\n"
        "        pass\n"
        "    if 'torch' in sys.modules:\n"
        "        sys.exit(f'{words} imported torch')\n"
        "    heavy = {'sqlalchemy', 'matplotlib', 'pydantic', 'numpy'} & set(sys.modules)\n"
        "    if words == ['--help'] and heavy:\n"
        "        sys.exit(f'help imported {heavy}')\n"
    )
    done = subprocess.run([sys.executable, "-c", program, json.dumps(LIGHT)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("show", "last"),
        ("compare",),
        ("compare", "--published"),
        ("list",),
        ("list", "runs"),
        ("list", "experiments"),
        ("list", "settings"),
        ("list", "figures"),
        ("list", "devices"),
        ("data",),
        ("store", "info"),
        ("resume", "last"),
    ],
)
def test_json_is_all_of_stdout(analog: Callable[..., Done], words: tuple[str, ...]) -> None:
    analog("run", "mnist-fcn", *TINY, "--epochs", "0")
    done = analog(*words, "--json")
    assert done.code == 0, done.err
    assert done.json
    table = analog(*words)
    assert table.code == 0
    assert table.out.strip() and table.err == done.err


def test_a_run_writes_json_to_stdout_and_everything_else_to_stderr(analog_process: Callable[..., Done]) -> None:
    done = analog_process("run", "mnist-fcn", *TINY, "--epochs", "1", "--json")
    assert done.code == 0
    assert done.json["status"] == "finished"
    assert done.json["error"] is None
    assert [model["index"] for model in done.json["models"]] == [0]
    assert done.err.startswith("run "), "what it does"
    assert "\x1b" not in done.out + done.err, "no colours where nobody sees them"


def test_compare_shows_only_what_differs(analog: Callable[..., Done], two_runs: list[str]) -> None:
    rows = analog("compare", *(i[:8] for i in two_runs), "--json").json
    assert [row["run"] for row in rows] == [i[:8] for i in two_runs]
    assert {"backend", "lr"} <= set(rows[0])
    assert not {"epochs", "batch_size", "dataset", "seed"} & set(rows[0]), "they have these in common"
    assert all(row["models"] == 2 for row in rows)
    models = analog("show", two_runs[0], "--json").json["models"]
    accuracies = [100 * model["epochs"][-1]["test_accuracy"] for model in models]
    assert rows[0]["mean of last 5 [%]"] == pytest.approx(statistics.mean(accuracies), abs=0.006)
    assert rows[0]["± std"] == pytest.approx(statistics.pstdev(accuracies), abs=0.006)


def test_compare_writes_one_table_in_four_forms(analog: Callable[..., Done], two_runs: list[str]) -> None:
    records = analog("compare", "--experiment", "mnist-fcn", "--json").json
    from_csv = list(csv.DictReader(io.StringIO(analog("compare", "--experiment", "mnist-fcn", "--csv").out)))
    markdown = analog("compare", "--experiment", "mnist-fcn", "--md").out.splitlines()
    assert [list(row) for row in from_csv] == [list(record) for record in records]
    assert [row["run"] for row in from_csv] == [i[:8] for i in two_runs]
    assert markdown[0] == f"| {' | '.join(records[0])} |"
    assert len(markdown) == 2 + len(records)
    assert all(i[:8] in analog("compare").out for i in two_runs)
    assert analog("compare", "--csv", "--md").code == 2


def test_plot_prints_the_paths_of_its_pictures(analog: Callable[..., Done], two_runs: list[str]) -> None:
    done = analog("plot", *two_runs, "--format", "svg,png", "--out", "pictures")
    assert done.code == 0
    paths = [Path(line) for line in done.out.splitlines()]
    assert [path.suffix for path in paths] == [".svg", ".png"]
    assert all(path.parent == Path("pictures") and path.stat().st_size > 1000 for path in paths)


def test_plot_of_a_figure_names_what_is_missing_with_the_command_that_makes_it(
    analog: Callable[..., Done], workspace: Path
) -> None:
    analog("run", "digits-fcn", *TINY, "--epochs", "1")
    figure = ("demo", "--epochs", "1", "--set", "task.model.hidden=[8]", "--set", "task.batch_size=100")
    done = analog("plot", *figure, "--format", "png")
    assert done.code == 0
    assert Path(done.out.strip()).is_file()
    missing = [line for line in done.err.splitlines() if line.startswith("missing: ")]
    assert len(missing) == 2
    command = missing[0].split(": ")[-1]
    assert command.startswith("analog run digits-fcn --setting analog-sgd")
    import shlex

    assert analog(*shlex.split(command)[1:]).code == 0
    done = analog("plot", *figure, "--format", "png")
    assert len([line for line in done.err.splitlines() if line.startswith("missing: ")]) == 1


def test_list_names_everything_once(analog: Callable[..., Done]) -> None:
    listed = analog("list", "--json").json
    assert set(listed) == {"experiments", "settings", "figures", "devices", "runs"}
    assert {"mnist-fcn", "mnist-cnn"} <= {row["experiment"] for row in listed["experiments"]}
    assert {"fp-sgd", "analog-sgd", "tt-v1"} <= {row["setting"] for row in listed["settings"]}
    assert {"response/fig4", "exact/fig5"} <= {row["figure"] for row in listed["figures"]}
    assert {"soft-bounds", "power"} <= {row["device"] for row in listed["devices"]}
    assert listed["runs"] == []


def test_delete_asks_and_deletes(analog: Callable[..., Done], two_runs: list[str]) -> None:
    asked = analog("store", "delete", two_runs[0])
    assert asked.code != 0 and len(analog("list", "runs", "--json").json) == 2, "nobody answered"
    done = analog("store", "delete", *two_runs, "--yes")
    assert done.code == 0
    assert done.out.count("deleted run") == 2
    assert analog("list", "runs", "--json").json == []
    assert not Path("results/checkpoints").exists()


def test_a_reader_that_goes_away_is_no_traceback(workspace: Path) -> None:
    command = f"{sys.executable} -m analogcli list | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert "Traceback" not in done.stderr and "BrokenPipe" not in done.stderr


def test_anything_may_be_named_by_the_environment(analog: Callable[..., Done], tmp_path: Path) -> None:
    os.environ["ANALOG_STORE"] = str(tmp_path / "elsewhere.db")
    try:
        analog("run", "mnist-fcn", *TINY, "--epochs", "0")
        assert analog("store", "info", "--json").json["runs"] == 1
        assert (tmp_path / "elsewhere.db").is_file()
    finally:
        del os.environ["ANALOG_STORE"]


@pytest.mark.parametrize(("columns", "lines"), [(60, 2), (200, 2)])
def test_no_terminal_is_so_narrow_that_a_number_is_cut(columns: int, lines: int) -> None:
    """A terminal wraps whole lines where columns have no room: ids and numbers can be read and copied."""
    program = (
        "from analogcli.cli.console import table;"
        "table(None, ['run', 'experiment', 'floor', 'created'],"
        "[['1f0c2a77', 'magnetoionic-fashion-mnist', 1.6345e-09, '2026-11-28']] , right=[2])"
    )
    controller, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, columns))
    subprocess.run([sys.executable, "-c", program], check=True, stdout=terminal)
    os.close(terminal)
    shown = os.read(controller, 10_000).decode()
    assert len(shown.splitlines()) == lines
    assert all(word in shown for word in ("1f0c2a77", "magnetoionic-fashion-mnist", "1.6345e-09", "2026-11-28"))
