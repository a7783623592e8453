"""A run that cannot go on ends with one sentence, and the store knows it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command_kit import TINY, Done, Running
from PIL import Image

from analogcli.store import Store


def one_sentence(done: Done) -> str:
    """The only line of stderr that says what went wrong."""
    assert "Traceback" not in done.err
    (line,) = [line for line in done.err.splitlines() if line.startswith("error: ")]
    return line


@pytest.mark.parametrize("setting", ["fp-sgd", "fp-sgdm"])
def test_a_run_that_diverges_fails_with_the_epoch_and_the_way_out(
    analog: Callable[..., Done], workspace: Path, setting: str
) -> None:
    words = ("run", "mnist-fcn", "--setting", setting, *TINY, "--lr", "1e38", "--epochs", "3")
    done = analog(*words, "--set", "task.model.activation=relu")
    assert done.code == 1
    assert (
        "the training loss of the model with seed 0 is not a number in epoch 1 (lr = 1e+38); try a smaller --lr"
        in one_sentence(done)
    )
    run = Store.open().run("last")
    assert run.status == "failed"
    assert run.error is not None and "try a smaller --lr" in run.error
    assert "failed: the training loss of the model with seed 0 is not a number" in analog("show", "last").out


def pictures(folder: Path, seed: int) -> None:
    """Two classes of eight noisy pictures, for training and for testing."""
    noise = np.random.default_rng(seed)
    for part in ("train", "test"):
        for name in ("a", "b"):
            (folder / part / name).mkdir(parents=True, exist_ok=True)
            for i in range(8):
                pixels = noise.integers(0, 256, (12, 12), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / part / name / f"{i}.png")


def test_a_run_is_not_continued_on_other_data(analog: Callable[..., Done], workspace: Path) -> None:
    pictures(workspace / "mine", seed=0)
    words = ("run", "mnist-fcn", "--dataset", "image-folder:mine", "--set", "task.model.hidden=[4]", "--epochs", "1")
    assert analog(*words).code == 0
    store = Store.open()
    run = store.run("last")
    store.end(run.id, "interrupted")
    pictures(workspace / "mine", seed=1)
    done = analog("resume", run.short_id)
    assert done.code == 1
    sentence = one_sentence(done)
    assert f"the data set image-folder:mine is not the one that run {run.short_id} began with" in sentence
    assert "--again" in sentence
    assert store.run(run.id).status == "interrupted", "with the right data it can go on"
    pictures(workspace / "mine", seed=0)
    assert analog("resume", run.short_id).code == 0


def test_nothing_is_stored_of_a_run_whose_data_are_not_there(analog: Callable[..., Done], workspace: Path) -> None:
    done = analog("run", "mnist-fcn", "--dataset", "image-folder:nowhere")
    assert done.code == 2
    assert "image-folder" in one_sentence(done)
    assert analog("list", "runs", "--json").json == []


def test_without_a_cuda_device_a_run_says_so_once_and_is_computed_on_the_cpu(
    fork: Callable[..., Running], analog: Callable[..., Done]
) -> None:
    # A machine that has one is made to have none.
    done = fork("run", "mnist-fcn", *TINY, "--epochs", "1", "--cuda", "0", CUDA_VISIBLE_DEVICES="").finish()
    assert done.code == 0
    assert done.err.count("--cuda 0: there is no CUDA device here; the run is computed on the CPU") == 1
    (attempt,) = analog("show", "last", "--json").json["attempts"]
    assert attempt["notes"] == "--cuda 0: there is no CUDA device here; the run is computed on the CPU"
    assert attempt["options"]["cuda"] == 0
    assert attempt["device"].startswith("cpu")


def test_cuda_minus_one_is_the_cpu(analog: Callable[..., Done]) -> None:
    done = analog("run", "mnist-fcn", *TINY, "--epochs", "0", "--cuda", "-1", "--json")
    assert done.code == 0
    assert "CUDA" not in done.err
    assert done.json["attempts"][0]["notes"] is None


@pytest.mark.cuda
def test_a_cuda_device_that_is_not_there_is_refused_with_those_that_are(analog: Callable[..., Done]) -> None:
    done = analog("run", "mnist-fcn", *TINY, "--epochs", "0", "--cuda", "99")
    assert done.code == 2
    assert "there is no such device; there are: 0 (" in one_sentence(done)


@pytest.mark.cuda
def test_a_run_on_a_cuda_device_is_recorded_there_and_repeats(analog: Callable[..., Done]) -> None:
    words = ("run", "mnist-fcn", "--setting", "analog-sgd", *TINY, "--epochs", "1", "--cuda", "0", "--json")
    first, second = analog(*words).json, analog(*words, "--again").json
    assert first["attempts"][0]["device"].startswith("cuda:0 ")
    drop_time = [
        [{**e, "seconds": 0, "recorded_at": ""} for e in run["models"][0]["epochs"]] for run in (first, second)
    ]
    assert drop_time[0] == drop_time[1]


def test_of_models_that_train_together_the_one_that_diverges_is_named() -> None:
    import torch

    from analogcli import backends, data
    from analogcli.registry import load
    from analogcli.training.fit import Position, Watch, fit

    spec = load(None).spec("mnist-fcn", setting="fp-sgd", overrides={"task.batch_size": 1000, "task.epochs": 1})
    digits = data.load("mnist5k", None, torch.device("cpu"))
    models = backends.get(spec.backend).build(spec, digits, [3, 4, 5], digits.device)
    states = models.state_dict()
    states[1]["linear1.bias"][0] = torch.inf
    states[1]["linear2.weight"][0] = torch.nan
    models.load_state_dict(states)
    watch = Watch(lambda epoch, step, steps: None, lambda: False, lambda: False)
    with pytest.raises(FloatingPointError, match="the model with seed 4 is not a number in epoch 1"):
        list(fit(models, digits, spec.task, [3, 4, 5], Position.after(-1, 3), watch))
