"""``analog run`` in the words that people type."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from command_kit import TINY, Done

from analogcli.spec import build

EMBEDDED = ("--dataset", "mnist5k", "--epochs", "1", "--batch-size", "100", "--set", "task.model.hidden=[8]")


def spec_of(done: Done) -> dict[str, object]:
    """The spec that a dry run printed, its labels and hash left out."""
    assert done.code == 0, done.err
    return yaml.safe_load(done.out)


def test_the_first_line_that_a_newcomer_types(analog_process: Callable[..., Done], analog: Callable[..., Done]) -> None:
    words = ("run", "mnist-fcn", "--setting", "analog-sgd", "--tau", "0.7", "--cuda", "0", *EMBEDDED)
    done = analog_process(*words, CUDA_VISIBLE_DEVICES="")
    assert done.code == 0
    assert done.err.count("no CUDA device") == 1
    assert "test accuracy" in done.out and "finished" in done.out
    run = analog("show", "last", "--json").json
    assert run["spec"]["device"]["tau"] == 0.7
    assert run["spec"]["backend"] == "native"
    assert len(run["models"][0]["epochs"]) == 2
    # Typed again, the stored result is shown and nothing is trained.
    again = analog(*words[:-2], *EMBEDDED[-2:])
    assert again.code == 0
    assert f"already stored as run {run['id'][:8]}; --again trains it anew" in again.err
    assert again.out == done.out
    assert len(analog("list", "runs", "--json").json) == 1
    assert analog(*words, "--again").code == 0
    assert len(analog("list", "runs", "--json").json) == 2


@pytest.mark.parametrize(
    ("setting", "spellings"),
    [
        ("fp-sgd", ["FP SGD", "fp sgd", "Digital SGD", "FP-SGD"]),
        ("fp-sgdm", ["FP SGDM"]),
        ("analog-sgd", ["Analog SGD", "analog_sgd", " Analog  SGD "]),
        ("tt-v1", ["TT-v1", "TT v1", "Tiki-Taka"]),
    ],
)
def test_a_setting_in_the_spelling_of_the_papers(
    analog: Callable[..., Done], setting: str, spellings: list[str]
) -> None:
    expected = analog("run", "mnist-fcn", "--setting", setting, "--dry-run")
    assert spec_of(expected)["setting"] == setting
    for spelling in spellings:
        assert analog("run", "mnist-fcn", "--setting", spelling, "--dry-run") == expected


def test_flags_and_set_say_the_same(analog: Callable[..., Done]) -> None:
    flags = ("--tau", "0.5", "--lr", "0.2", "--epochs", "7", "--batch-size", "3", "--seed", "9", "--n-models", "2")
    flags += ("--dataset", "kmnist", "--device", "soft-bounds", "--backend", "aihwkit")
    assignments = {
        "device.tau": "0.5",
        "task.lr": "2e-1",
        "task.epochs": "7",
        "task.batch_size": "3",
        "seed": "9",
        "n_models": "2",
        "task.dataset": "kmnist",
        "device.kind": "soft-bounds",
        "backend": "aihwkit",
    }
    sets = [word for path, value in assignments.items() for word in ("--set", f"{path}={value}")]
    first = analog("run", "mnist-fcn", "--setting", "analog-sgd", *flags, "--dry-run")
    assert spec_of(first)["device"]["tau"] == 0.5  # type: ignore[index]
    assert analog("run", "mnist-fcn", "--setting", "analog-sgd", *sets, "--dry-run") == first


def test_set_has_the_last_word(analog: Callable[..., Done]) -> None:
    spec = spec_of(analog("run", "mnist-fcn", "--lr", "0.5", "--set", "task.lr=0.25", "--dry-run"))
    assert spec["task"]["lr"] == 0.25  # type: ignore[index]


def test_a_dry_run_prints_a_spec_that_runs_to_the_same_hash_and_touches_nothing(
    analog: Callable[..., Done], workspace: Path
) -> None:
    printed = analog("run", "mnist-fcn", "--setting", "Analog SGD", "--tau", "0.7", *EMBEDDED, "--dry-run")
    assert (printed.code, printed.err) == (0, "")
    assert list(workspace.iterdir()) == []
    comment = printed.out.splitlines()[0]
    assert comment == f"# spec {build(yaml.safe_load(printed.out)).hash}"
    (workspace / "mine.yaml").write_text(printed.out)
    assert analog("run", "--spec", "mine.yaml", "--dry-run").out == printed.out
    run = analog("run", "--spec", "mine.yaml", "--json").json
    assert comment == f"# spec {run['spec_hash']}"
    # The words it came from now find it stored.
    done = analog("run", "mnist-fcn", "--setting", "analog-sgd", "--tau", "0.7", *EMBEDDED)
    assert "already stored" in done.err


def test_a_spec_file_can_be_varied_on_the_command_line(analog: Callable[..., Done], workspace: Path) -> None:
    (workspace / "mine.yaml").write_text(analog("run", "mnist-fcn", *EMBEDDED, "--dry-run").out)
    varied = spec_of(analog("run", "--spec", "mine.yaml", "--seed", "4", "--set", "task.lr=0.5", "--dry-run"))
    assert (varied["seed"], varied["task"]["lr"]) == (4, 0.5)  # type: ignore[index]


def test_a_registry_of_ones_own_is_laid_over_the_shipped_one(analog: Callable[..., Done], workspace: Path) -> None:
    folder = workspace / "registry" / "experiments"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(
        "id: mine\ntitle: My own\ndefault_protocol: demo\ndefault_setting: fp-sgd\n"
        "base:\n  task: {kind: classification, dataset: mnist5k, model: {kind: fcn, hidden: [4]}, batch_size: 100}\n"
        "protocols:\n  demo: {task: {epochs: 0}}\n"
    )
    assert "mine" in {row["experiment"] for row in analog("list", "experiments", "--json").json}
    done = analog("run", "mine", "--lr", "0.1", "--json")
    assert done.code == 0, done.err
    assert done.json["spec"]["experiment"] == "mine"


def test_quiet_says_nothing_on_stderr(analog: Callable[..., Done]) -> None:
    done = analog("run", "mnist-fcn", *TINY, "--epochs", "1", "--quiet")
    assert (done.code, done.err) == (0, "")
    assert analog("run", "mnist-fcn", *TINY, "--epochs", "1", "-q") == done


def test_resume_of_a_finished_run_shows_it(analog: Callable[..., Done]) -> None:
    ran = analog("run", "mnist-fcn", *TINY, "--epochs", "1")
    done = analog("resume", "last")
    assert (done.code, done.out) == (0, ran.out)
    assert "is finished; nothing is left to do" in done.err
