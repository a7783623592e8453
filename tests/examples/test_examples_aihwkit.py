"""AIHWKit's eight examples as experiments: what they are, that every engine runs them, and what comes out."""

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import pytest
import torch
from command_kit import Done, Result

from analogcli import backends, data
from analogcli.cli.progress import ProgressView
from analogcli.nn.models import build_model
from analogcli.registry import load
from analogcli.spec import ExecutionOptions, RunSpec
from analogcli.store import EpochRecord, ModelRecord, SavedState, Store
from analogcli.training import train

REGISTRY = load()
EXAMPLES = sorted(name for name in REGISTRY.experiments if name.startswith("aihwkit-"))
ENGINES = pytest.mark.parametrize("backend", ["native", pytest.param("aihwkit", marks=pytest.mark.aihwkit)])
CPU = torch.device("cpu")
SMALL = {
    "fcn": {"task.model.hidden": [8]},
    "lenet5": {"task.model.channels": [2, 3], "task.model.hidden": 8},
    "mlp": {},
}
"""For each network one like it that is trained in no time."""
SIZES = {
    "aihwkit-01": [(2, 4)],
    "aihwkit-02": [(2, 4), (2, 2), (1, 2)],
    "aihwkit-03": [(256, 784), (128, 256), (10, 128)],
    "aihwkit-04": [(16, 1, 5, 5), (32, 16, 5, 5), (128, 512), (10, 128)],
    "aihwkit-05": [(2, 4)],
    "aihwkit-06": [(16, 1, 5, 5), (32, 16, 5, 5), (128, 512), (10, 128)],
    "aihwkit-07": [(2, 4)],
    "aihwkit-08": [(2, 4)],
}
TRAINING = {
    "aihwkit-01": (2, 100, 0.1),
    "aihwkit-02": (2, 100, 0.5),
    "aihwkit-03": (64, 30, 0.05),
    "aihwkit-04": (8, 30, 0.01),
    "aihwkit-05": (2, 100, 0.1),
    "aihwkit-06": (8, 30, 0.01),
    "aihwkit-07": (2, 100, 0.1),
    "aihwkit-08": (2, 100, 0.1),
}
"""Batch size, epochs and learning rate of the scripts and their README."""


def shortened(example: str, **overrides: Any) -> RunSpec:
    """An example with a smaller network, on data that need no network, for a few epochs."""
    task = REGISTRY.spec(example).task
    short = {"task.epochs": 3, **SMALL[task.model.kind]}
    if task.kind == "classification":
        short |= {"task.dataset": "mnist5k", "task.batch_size": 200}
    return REGISTRY.spec(example, overrides=short | overrides)


def words(spec: RunSpec, example: str) -> list[str]:
    """The command line of a shortened example."""
    own = {path: value for path, value in spec.leaves().items() if path.startswith("task.") or path == "backend"}
    default = REGISTRY.spec(example).leaves()
    changed = [f"{path}={list(v) if isinstance(v, tuple) else v}" for path, v in own.items() if default.get(path) != v]
    return ["run", example, *(word for assignment in changed for word in ("--set", assignment))]


class StopsAfter(ProgressView):
    """Somebody who presses Ctrl-C twice once this epoch is stored."""

    def __init__(self, epoch: int) -> None:
        super().__init__(quiet=True)
        self.epoch = epoch

    def on_epoch(self, models: Sequence[ModelRecord], records: Sequence[EpochRecord]) -> None:
        if records[0].epoch == self.epoch:
            raise KeyboardInterrupt


def test_all_eight_are_there() -> None:
    assert EXAMPLES == list(SIZES) == list(TRAINING)


@pytest.mark.parametrize("example", EXAMPLES)
def test_networks_and_training_are_those_of_the_scripts(example: str) -> None:
    spec = REGISTRY.spec(example)
    dataset = data.load("mnist5k" if spec.task.kind == "classification" else spec.task.dataset, None, CPU)
    network = build_model(spec.task.model, dataset)
    assert [tuple(p.shape) for p in network.parameters() if p.dim() > 1] == SIZES[example]
    assert (spec.task.batch_size, spec.task.epochs, spec.task.lr) == TRAINING[example]
    assert all(spec.task.schedule.factor_at(epoch) == 1 for epoch in range(1, 31))


@ENGINES
@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_run_shown_and_listed(analog: Callable[..., Done], example: str, backend: str) -> None:
    spec = shortened(example, backend=backend, **({"update.fidelity": "sequential"} if backend == "aihwkit" else {}))
    done = analog(*words(spec, example))
    assert done.code == 0, done.err
    regression = spec.task.kind == "regression"
    assert ("train loss" if regression else "test accuracy") in done.out
    assert analog("run", example, *words(spec, example)[2:]).err.startswith("already stored")
    epochs = analog("show", "last", "--json").json["models"][0]["epochs"]
    assert [e["epoch"] for e in epochs] == [0, 1, 2, 3]
    assert all(0 < e["train_loss"] < 10 for e in epochs[1:])
    assert all((e["test_accuracy"] is None) == regression for e in epochs)
    (row,) = analog("list", "runs", "--json").json
    assert (row["accuracy [%]"] is None, row["loss"] is None) == (regression, not regression)
    (compared,) = analog("compare", "--json").json
    assert ("last loss" in compared) == regression
    assert "recorded (UTC)" in analog("show", "last").out


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_that_is_interrupted_goes_on_to_the_same_bits(
    analog: Callable[..., Done], result_of: Callable[..., Result], example: str
) -> None:
    spec = shortened(example)
    with pytest.raises(KeyboardInterrupt):
        train(Store.open(), spec, ExecutionOptions(), StopsAfter(1))
    assert analog("list", "runs", "--json").json[0]["epochs"] == "1/3"
    assert analog("resume", "last").code == 0
    swallowed = result_of()
    assert analog(*words(spec, example), "--again").code == 0
    assert result_of() == swallowed


@ENGINES
@pytest.mark.parametrize("example", EXAMPLES)
def test_a_saved_and_reloaded_model_predicts_the_same(
    analog: Callable[..., Done], workspace: object, example: str, backend: str
) -> None:
    exact = {"periphery.forward": {"perfect": True, "w_noise": 0.0}, "backend": backend}
    spec = shortened(example, **exact, **({"update.fidelity": "sequential"} if backend == "aihwkit" else {}))
    dataset = data.load(spec.task.dataset, None, CPU)
    (x_BCHW, y_B), engine = next(data.test_batches(dataset, 50)), backends.get(spec.backend)
    trained, reloaded = (engine.build(spec, dataset, [seed], CPU) for seed in (0, 1))
    for _ in range(3):
        trained.train_step(x_BCHW[None], y_B[None], spec.task.lr)
        reloaded.train_step(x_BCHW[None].flip(1), y_B[None], spec.task.lr)
    assert not torch.equal(reloaded.outputs(x_BCHW), trained.outputs(x_BCHW))
    store = Store.open()
    file = store.save_state("somewhere", 0, "state", trained.state_dict()[0])
    reloaded.load_state_dict([store.load_state(SavedState(0, 0, file))])
    assert torch.equal(reloaded.outputs(x_BCHW), trained.outputs(x_BCHW))


def final_losses(spec: RunSpec, seeds: Sequence[int]) -> list[float]:
    """The training losses of the last epoch of models with these seeds, trained as `analog run` does."""
    engine, dataset = backends.get(spec.backend), data.load(spec.task.dataset, None, CPU)
    groups = [seeds] if engine.several else [[seed] for seed in seeds]
    losses: list[float] = []
    for group in groups:
        models = engine.build(spec, dataset, group, CPU)
        for epoch in range(1, spec.task.epochs + 1):
            ((x_RBCHW, y_RBK),) = data.train_batches(dataset, data.orders(2, group, epoch), spec.task.batch_size)
            loss_R = models.train_step(x_RBCHW, y_RBK, spec.task.lr)
        losses += loss_R.tolist()
    return losses


@ENGINES
def test_example_1_ends_in_the_published_range(backend: str) -> None:
    # The README prints 0.0138. Of 30 models of AIHWKit the worst ended at 0.0191 and half of them below 0.0093, so that
    # the median of 20 is above 0.02 with a probability below 1e-10.
    overrides = {"backend": backend} | ({"update.fidelity": "sequential"} if backend == "aihwkit" else {})
    losses = final_losses(REGISTRY.spec("aihwkit-01", overrides=overrides), range(20))
    assert len(losses) == 20
    assert median(losses) <= 0.02


def test_example_1_ends_in_the_published_range_as_it_is_typed(analog: Callable[..., Done]) -> None:
    (model,) = analog("run", "aihwkit-01", "--json").json["models"]
    assert model["epochs"][100]["train_loss"] <= 0.02
    assert model["epochs"][1]["train_loss"] > 0.1


def test_examples_explain_what_they_cannot(analog: Callable[..., Done]) -> None:
    for arguments, sentence in (
        (["aihwkit-01", "--dataset", "mnist5k"], "--dataset mnist5k has classes and aihwkit-01 learns numbers"),
        (["aihwkit-04", "--dataset", "toy-sum"], "--dataset toy-sum has numbers and aihwkit-04 learns classes"),
        (["aihwkit-05", "--tau", "0.5"], "device.tau is not a field"),
        (["aihwkit-01", "--setting", "fp-sgd", "--tau", "0.5"], "setting fp-sgd is floating-point and has no device"),
        (["aihwkit-01", "--setting", "tiki"], "no setting of protocol aihwkit is called 'tiki'"),
        (["aihwkit-09"], "no experiment is called 'aihwkit-09'; did you mean"),
        (["aihwkit-01", "--set", "task.model.kind=fcn"], "task.model"),
    ):
        done = analog("run", *arguments)
        assert done.code == 2, arguments
        assert sentence in done.err
        assert done.err.count("\n") == 1 and done.out == ""


def test_nothing_is_stored_of_a_refused_run(analog: Callable[..., Done]) -> None:
    analog("run", "aihwkit-01", "--dataset", "mnist5k")
    assert analog("list", "runs", "--json").json == []


def test_a_figure_finds_a_run_that_another_example_made_first(analog: Callable[..., Done]) -> None:
    # Floating point of one layer on the same numbers is one run, whatever example it is asked of.
    assert analog("run", "aihwkit-01", "--setting", "fp-sgd").code == 0
    drawn = analog("plot", "aihwkit-08", "--format", "png")
    assert drawn.code == 0
    assert "Digital SGD" not in drawn.err and "missing: One layer, Tiki-Taka Tiki-Taka v1" in drawn.err
