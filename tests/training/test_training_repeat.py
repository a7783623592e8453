"""The same spec gives the same bits, and every model of a run is the model that its seed says."""

from collections.abc import Callable
from typing import Any

import pytest
from command_kit import TINY, Done, Result

BACKENDS = {
    "digital": ("fp-sgd",),
    "native": ("analog-sgd", "--set", "update.fidelity=mean-field"),
    "native pulses": ("analog-sgd",),
}
"""Engines whose runs repeat bit for bit, and a setting that each runs."""


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_same_spec_gives_the_same_epochs_and_the_same_tensors(
    analog: Callable[..., Done], result_of: Callable[..., Result], backend: str
) -> None:
    words = ("run", "mnist-fcn", "--setting", *BACKENDS[backend], *TINY, "--epochs", "1")
    first = analog(*words, "--json").json
    once = result_of()
    second = analog(*words, "--again", "--json").json
    assert first["id"] != second["id"]
    assert first["repeatable"] and second["repeatable"]
    assert first["spec"]["backend"] == backend.split()[0]
    assert result_of() == once
    assert analog(*words, "--again", "--seed", "1").code == 0
    assert result_of()["model 0"]["tensors"] != once["model 0"]["tensors"]


@pytest.mark.parametrize("backend", ["digital", "native"])
def test_model_i_of_a_run_is_the_run_with_seed_plus_i(
    analog: Callable[..., Done], result_of: Callable[..., Result], backend: str
) -> None:
    words = ("run", "mnist-fcn", "--setting", *BACKENDS[backend], *TINY, "--epochs", "1")
    assert analog(*words, "--seed", "3", "--n-models", "3", "--fuse", "1").code == 0
    together = result_of()
    assert [model["seed"] for model in together.values()] == [3, 4, 5]
    for index, model in enumerate(together.values()):
        assert analog(*words, "--seed", str(3 + index)).code == 0
        assert result_of()["model 0"] == model


@pytest.mark.parametrize("backend", BACKENDS)
def test_models_that_train_together_are_the_models_alone_but_for_rounding(
    analog: Callable[..., Done], result_of: Callable[..., Result], backend: str
) -> None:
    words = ("run", "mnist-fcn", "--setting", *BACKENDS[backend], *TINY, "--epochs", "2", "--n-models", "3")
    assert analog(*words).code == 0
    together = result_of()
    assert analog(*words, "--again", "--fuse", "2").code == 0
    pairs = result_of()
    assert analog(*words, "--again", "--fuse", "1").code == 0
    for name, alone in result_of().items():
        for model in (together[name], pairs[name]):
            assert model["seed"] == alone["seed"]
            assert model["losses"].keys() == alone["losses"].keys() == {1, 2}
            assert model["tensors"].keys() == alone["tensors"].keys()
            for ours, theirs in zip(model["epochs"], alone["epochs"], strict=True):
                for number, same in zip(ours, theirs, strict=True):
                    assert number == (same if same is None else pytest.approx(same, rel=0.05, abs=0.005))


def test_an_epoch_of_models_that_train_together_is_shared_out(analog: Callable[..., Done]) -> None:
    words = ("run", "mnist-fcn", *TINY, "--epochs", "1", "--n-models", "4", "--json")
    run = analog(*words).json
    shares = {model["epochs"][1]["seconds"] for model in run["models"]}
    assert len(shares) == 1
    assert run["seconds"] == pytest.approx(sum(e["seconds"] for m in run["models"] for e in m["epochs"]))


def test_how_often_it_is_saved_does_not_change_the_result(
    analog: Callable[..., Done], result_of: Callable[..., Result]
) -> None:
    words = ("run", "mnist-fcn", "--setting", *BACKENDS["native"], *TINY, "--epochs", "1")
    analog(*words)
    once = result_of()
    # A checkpoint after every mini-batch.
    assert analog(*words, "--again", "--checkpoint-minutes", "1e-9").code == 0
    assert result_of() == once


def test_the_untrained_model_is_evaluated_as_epoch_0(analog: Callable[..., Done]) -> None:
    (model,) = analog("run", "mnist-fcn", *TINY, "--epochs", "1", "--json").json["models"]
    untrained, trained = model["epochs"]
    assert untrained["epoch"] == 0
    assert untrained["test_accuracy"] < 0.25 < trained["test_accuracy"]
    assert untrained["train_loss"] is untrained["mean_abs_gradient"] is untrained["lr"] is None
    assert untrained["test_loss"] > trained["test_loss"] > 0
    assert trained["mean_abs_gradient"] > 0


def test_no_epochs_are_the_evaluation_alone(analog: Callable[..., Done]) -> None:
    run = analog("run", "mnist-fcn", *TINY, "--epochs", "0", "--json").json
    assert run["status"] == "finished"
    assert [epoch["epoch"] for epoch in run["models"][0]["epochs"]] == [0]


def test_the_learning_rate_of_every_epoch_is_recorded(analog: Callable[..., Done]) -> None:
    schedule = ("--set", "task.schedule={kind: step, every: 2, factor: 0.5}", "--lr", "0.08")
    run = analog("run", "mnist-fcn", *TINY, "--epochs", "5", *schedule, "--json").json
    assert [e["lr"] for e in run["models"][0]["epochs"]] == [None, 0.08, 0.08, 0.04, 0.04, 0.02]


def test_the_loss_of_every_mini_batch_is_stored(analog: Callable[..., Done], workspace: Any) -> None:
    from analogcli.store import Store

    analog("run", "mnist-fcn", *TINY, "--epochs", "2")
    store = Store.open()
    model = store.run("last").models[0]
    series = store.series(model, "train_loss")
    assert sorted(series) == [1, 2]
    for epoch in model.epochs[1:]:
        assert len(series[epoch.epoch]) == 40  # 4,000 images in batches of 100
        assert series[epoch.epoch].mean() == pytest.approx(epoch.train_loss, rel=1e-6)


@pytest.mark.aihwkit
def test_aihwkit_says_that_its_runs_do_not_repeat(analog: Callable[..., Done]) -> None:
    words = ("run", "mnist-fcn", "--setting", "tt-v1", "--tau", "0.7", *TINY, "--epochs", "1", "--backend", "aihwkit")
    run = analog(*words, "--json").json
    assert (run["status"], run["spec"]["backend"], run["repeatable"]) == ("finished", "aihwkit", False)
    assert "rpu_config" in run["resolved_config"]
    assert "not bit-repeatable" in analog("show", "last").out


def test_provenance_says_with_what_where_and_by_which_command(analog: Callable[..., Done]) -> None:
    import platform
    import socket

    import torch

    from analogcli import __version__

    words = ("run", "mnist-fcn", *TINY, "--epochs", "1", "--json")
    (attempt,) = analog(*words).json["attempts"]
    assert attempt["package"] == __version__
    assert attempt["torch"] == torch.__version__.split("+")[0] or attempt["torch"] == torch.__version__
    assert attempt["python"] == platform.python_version()
    assert attempt["hostname"] == socket.gethostname()
    assert attempt["device"].startswith("cpu") and attempt["device"].endswith("1 threads")
    assert attempt["command_line"].startswith("analog run mnist-fcn --dataset mnist5k")
    assert "'task.model.hidden=[8]'" in attempt["command_line"], "it can be pasted into a shell"
    assert attempt["options"]["checkpoint_minutes"] == 5.0
    assert len(attempt["data_fingerprint"]) >= 12
