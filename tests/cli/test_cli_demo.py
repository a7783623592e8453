"""``analog demo`` and the commands that a newcomer tries next, from end to end."""

from collections.abc import Callable
from pathlib import Path

import pytest
from command_kit import Done


@pytest.mark.aihwkit
def test_the_demo_trains_three_settings_and_shows_table_and_picture(
    analog_process: Callable[..., Done], analog: Callable[..., Done]
) -> None:
    done = analog_process("demo", "--epochs", "1")
    assert done.code == 0, done.err
    runs = analog("list", "runs", "--json").json
    assert [(run["setting"], run["backend"], run["status"]) for run in runs] == [
        ("fp-sgd", "digital", "finished"),
        ("analog-sgd", "native", "finished"),
        ("tt-v1", "aihwkit", "finished"),
    ]
    *table, picture = done.out.splitlines()
    assert all(run["run"] in "\n".join(table) for run in runs)
    assert Path(picture).read_bytes().startswith(b"\x89PNG")
    again = analog("demo", "--epochs", "1")
    assert again.err.count("already stored") == 3
    assert again.out == done.out

    # What to try next.
    assert len(analog("compare", "--experiment", "digits-fcn", "--json").json) == 3
    assert Path(analog("plot", "demo", "--epochs", "1", "--format", "svg").out.strip()).is_file()
    exported = analog("export", "last", "--format", "seed")
    assert exported.code == 0
    assert all(Path(line).exists() for line in exported.out.splitlines())


def test_doctor_looks_at_everything_and_says_what_to_do(analog: Callable[..., Done], workspace: Path) -> None:
    done = analog("doctor", "--json")
    findings = {finding["what"]: finding for finding in done.json}
    assert {"analog", "torch", "torchvision", "aihwkit", "data sets", "store"} <= set(findings)
    assert "mnist5k" in findings["data sets"]["found"]
    assert "not there yet" in findings["store"]["found"]
    assert done.code == (0 if all(finding["well"] for finding in findings.values()) else 1)
    assert all(finding["advice"] for finding in findings.values() if not finding["well"])
    assert not (workspace / "results").exists()


def test_doctor_finds_a_store_that_is_none(analog: Callable[..., Done], workspace: Path) -> None:
    (workspace / "notes.txt").write_text("not a database, but long enough to be looked at\n" * 10)
    done = analog("doctor", "--json", "--store", "notes.txt")
    (store,) = [finding for finding in done.json if finding["what"] == "store"]
    assert done.code == 1
    assert not store["well"] and "is not an analog store" in store["found"]
