"""``analog demo`` and the commands that a newcomer tries next, from end to end."""

from collections.abc import Callable
from pathlib import Path

import pytest
from command_kit import TINY, Done

from analogcli.store import Store


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
        ("tt-v1", "native", "finished"),
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


def test_doctor_looks_at_everything_and_says_what_to_do(analog: Callable[..., Done]) -> None:
    # One call, because it takes its time: a store with a damaged checkpoint and a run that was interrupted.
    run = analog("run", "mnist-fcn", *TINY, "--epochs", "0", "--json").json["id"]
    store = Store.open()
    store.end(run, "interrupted")
    (checkpoint,) = Path("results/checkpoints").rglob("*.safetensors")
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1])
    done = analog("doctor", "--json")
    findings = {finding["what"]: finding for finding in done.json}
    assert {"analog", "torch", "torchvision", "aihwkit", "data sets", "store", f"run {run[:8]}"} <= set(findings)
    assert "mnist5k" in findings["data sets"]["found"]
    assert not findings["store"]["well"]
    assert checkpoint.name in findings["store"]["found"] and "--again" in findings["store"]["advice"]
    assert f"`analog resume {run[:8]}` continues it" in findings[f"run {run[:8]}"]["advice"]
    assert all(finding["advice"] for finding in findings.values() if not finding["well"])
    assert done.code == 1
