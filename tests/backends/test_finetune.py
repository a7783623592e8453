"""Fine-tuning: what lies on arrays, what learns, at which rate, from which weights and in which precision."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from analogcli.backends.base import Trainable
from analogcli.errors import DataError, SpecError
from analogcli.nn.loss import training_loss
from analogcli.nn.models import build_model
from analogcli.spec import RunSpec, build

LR = 0.1
NAME = "mobilenet_v3_small"
HEAD = "backbone.classifier.3"
ALGORITHMS: dict[str, dict[str, Any]] = {
    "fp-sgd": {"algorithm": {"kind": "fp-sgd"}},
    "analog-sgd": {"algorithm": {"kind": "analog-sgd"}, "device": {"kind": "soft-bounds"}},
    "tt-v1": {"algorithm": {"kind": "tt-v1"}, "device": {"kind": "soft-bounds"}},
}


class Shape:
    """Small images in colour, of four classes."""

    channels, height, width, n_outputs = 3, 32, 32, 4


def spec(setting: str, model: dict[str, Any] | None = None, **task: Any) -> RunSpec:
    parts = dict(ALGORITHMS[setting])
    if setting != "fp-sgd":
        parts |= {"periphery": {}, "update": {}, "mapping": {"learn_out_scaling": True}}
    network = {"kind": "torchvision", "name": NAME, **(model or {})}
    own = {"dataset": "cifar10", "model": network, "batch_size": 4, "epochs": 1, "lr": LR}
    return build({"task": own | task, **parts})


def models(of: RunSpec, *seeds: int) -> Any:
    from analogcli.backends import get

    return get(of.backend).build(of, Shape(), seeds or (0,), torch.device("cpu"))


def batch(replicas: int = 1) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(0)
    return torch.randn(replicas, 4, 3, 32, 32, generator=g), torch.randint(0, 4, (replicas, 4), generator=g)


def moved(of: RunSpec) -> set[str]:
    """The parts of the state that a step changes: tensors of digital layers, arrays, all but running statistics."""
    model: Trainable = models(of)
    before = model.state_dict()[0]
    model.train_step(*batch(), LR)
    after = model.state_dict()[0]
    return {
        n
        for n, t in after.items()
        if not torch.equal(t, before[n]) and not n.startswith("noise/") and not n.endswith(STATISTICS)
    }


STATISTICS = ("running_mean", "running_var", "num_batches_tracked", "stream", "count")


@pytest.mark.parametrize("setting", ALGORITHMS)
def test_with_fft_the_last_layer_lies_on_arrays_and_everything_is_trained(setting: str) -> None:
    of = spec(setting, {"train_mode": "fft"})
    changed = moved(of)
    assert any(n.startswith("backbone.features.0") for n in changed)
    assert any(n.startswith(HEAD) for n in changed)
    if setting != "fp-sgd":
        assert set(models(of).layers) == {HEAD}


@pytest.mark.parametrize("setting", ALGORITHMS)
def test_a_fixed_backbone_does_not_move(setting: str) -> None:
    changed = moved(spec(setting, {"train_mode": "fix-backbone"}))
    assert changed and all(n.startswith(HEAD) for n in changed)


@pytest.mark.parametrize("setting", ["analog-sgd", "tt-v1"])
def test_fixed_arrays_do_not_move_and_what_is_digital_does(setting: str) -> None:
    of = spec(setting, {"train_mode": "fix-analog"})
    model = models(of)
    bound = (6 / (1024 + 4)) ** 0.5
    assert 0.9 * bound < model.weights()[0][HEAD].abs().max() <= bound
    model.train_step(*batch(), LR)
    assert all(torch.equal(p.tile.cell.visible()[0], q) for p, q in zip(placed(model), raw(of), strict=True))
    for name in ("bias", "out_scale"):
        assert not torch.equal(getattr(model.layers[HEAD], name), getattr(models(of).layers[HEAD], name))
    assert any(n.startswith("backbone.features.0") for n in moved(of))


def placed(model: Any) -> Any:
    return model.layers[HEAD].array.placed


def raw(of: RunSpec) -> list[Tensor]:
    """What lies on the tiles of the last layer before training."""
    return [p.tile.cell.visible()[0] for p in placed(models(of))]


def test_fully_analog_all_layers_lie_on_arrays() -> None:
    assert len(models(spec("analog-sgd", {"train_mode": "full-analog"})).layers) == 54


@pytest.mark.parametrize("letters", ["DDDAAA", "D D A A A A", ["A", "D", "D", "D", "D", "d"]])
def test_a_block_type_says_which_stages_lie_on_arrays(letters: Any) -> None:
    network = {"kind": "resnet", "blocks": [1, 1, 1, 1], "width": 2, "block_type": letters}
    of = spec("analog-sgd")
    of = build(of.model_dump() | {"task": of.task.model_dump() | {"model": network}})
    stages = ("conv1", "layer1", "layer2", "layer3", "layer4", "fc")
    typed = "".join(letters).replace(" ", "").upper()
    analog = {stage for stage, letter in zip(stages, typed, strict=True) if letter == "A"}
    assert {name.split(".")[0] for name in models(of).layers} == analog


@pytest.mark.aihwkit
def test_aihwkit_takes_the_same_layers() -> None:
    of = spec("analog-sgd", {"train_mode": "fft"})
    there = models(build(of.model_dump() | {"backend": "aihwkit", "update": {}}))
    assert {name for name, _ in there.model.network.named_analog_layers()} == {HEAD}
    x, y = batch()
    assert there.train_step(x, y, LR).isfinite().all()


@pytest.mark.parametrize("groups", ["last-layer", "last-tensor"])
@pytest.mark.parametrize("setting", ["fp-sgd", "analog-sgd"])
def test_parameter_groups_slow_down_everything_else_to_a_tenth(setting: str, groups: str) -> None:
    one, grouped = (models(spec(setting, {"train_mode": "fft"}, lr_groups=g)) for g in ("one", groups))
    before = one.state_dict()[0]
    for model in (one, grouped):
        model.train_step(*batch(), LR)
    first, second = one.state_dict()[0], grouped.state_dict()[0]
    step = {n: (first[n] - before[n], second[n] - before[n]) for n in dict(one.parameters)}
    for name, (full, slow) in step.items():
        fast = groups == "last-layer" and name.startswith(HEAD)
        if groups == "last-tensor" and name == f"{HEAD}.{'out_scale' if setting == 'analog-sgd' else 'weight'}":
            # 1024 inputs are two tiles of 512, and the last of them is the last tensor.
            torch.testing.assert_close(slow[:, -1], full[:, -1])
            torch.testing.assert_close(slow[:, 0], full[:, 0] / 10, rtol=1e-3, atol=1e-7)
        else:
            torch.testing.assert_close(slow, full if fast else full / 10, rtol=1e-3, atol=1e-6)


def test_arrays_of_the_2024_script_learn_at_a_tenth() -> None:
    pulses = {}
    for groups in ("one", "last-layer", "last-tensor"):
        model = models(spec("analog-sgd", {"train_mode": "fft"}, lr_groups=groups))
        before = [w.clone() for w in raw(spec("analog-sgd", {"train_mode": "fft"}))]
        model.train_step(*batch(), LR)
        pairs = zip(placed(model), before, strict=True)
        pulses[groups] = sum(float((p.tile.cell.visible()[0] - w).abs().sum()) for p, w in pairs)
    assert pulses["last-layer"] == pulses["one"]
    assert pulses["last-tensor"] == pytest.approx(pulses["one"] / 10, rel=0.2)


def test_smoothed_labels_share_among_the_classes_that_there_are() -> None:
    log_p_NK = torch.randn(6, 100, generator=torch.Generator().manual_seed(0)).log_softmax(1)
    y_N = torch.arange(6)
    target_NK = torch.full((6, 100), 0.1 / 99).scatter(1, y_N[:, None], 0.9)
    loss = training_loss(spec("fp-sgd", label_smoothing=0.1).task)
    torch.testing.assert_close(loss(log_p_NK, y_N), -(target_NK * log_p_NK).sum(1).mean())
    torch.testing.assert_close(loss(log_p_NK, y_N, reduction="none"), -(target_NK * log_p_NK).sum(1))


@pytest.mark.parametrize("setting", ALGORITHMS)
def test_half_precision_is_for_digital_layers_only(setting: str) -> None:
    of = spec(setting, {"train_mode": "fft"}, precision="bfloat16")
    model, exact = models(of), models(spec(setting, {"train_mode": "fft"}))
    loss, loss_exact = (m.train_step(*batch(), LR) for m in (model, exact))
    assert loss.dtype == torch.float32 and not torch.equal(loss, loss_exact)
    torch.testing.assert_close(loss, loss_exact, rtol=0.05, atol=0.05)
    assert all(p.dtype == torch.float32 for p in model.parameters.values())
    for layer in getattr(model, "layers", {}).values():
        assert all(x.dtype == d.dtype == torch.float32 for x, d in layer.passes.kept)


@pytest.mark.parametrize("name", [NAME, "resnet18"])
def test_weights_of_a_file_are_what_a_network_starts_from(tmp_path: Path, name: str) -> None:
    from torchvision import models as theirs

    with torch.random.fork_rng():
        torch.manual_seed(5)
        trained = theirs.get_model(name, num_classes=1000).state_dict()
    torch.save(trained, tmp_path / "weights.pt")
    of = spec("fp-sgd", {"name": name, "pretrained": str(tmp_path / "weights.pt"), "train_mode": "fft"})
    state = build_model(of.task.model, Shape(), seed=1).state_dict()
    last = [n for n in trained if n.endswith("weight")][-1].rpartition(".")[0]
    for key, tensor in trained.items():
        if key.startswith(f"{last}."):
            assert state[f"backbone.{key}"].shape[0] == 4
        else:
            assert torch.equal(state[f"backbone.{key}"], tensor)
    assert len(of.task.model.pretrained_sha256) == 64  # type: ignore[union-attr]


def test_other_weights_are_another_run(tmp_path: Path) -> None:
    file = tmp_path / "weights.pt"
    hashes = set()
    for content in (b"one", b"other"):
        file.write_bytes(content)
        hashes.add(spec("fp-sgd", {"pretrained": str(file)}).hash)
    assert len(hashes) == 2


def test_weights_that_do_not_fit_are_refused_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "weights.pt"
    torch.save({"layer": torch.zeros(3)}, file)
    with pytest.raises(SpecError, match=f"does not fit {NAME}"):
        build_model(spec("fp-sgd", {"pretrained": str(file)}).task.model, Shape())
    defined = spec("fp-sgd", {"pretrained": str(file)})
    file.write_bytes(b"no tensors")
    with pytest.raises(DataError, match="not the file that this run was defined with"):
        build_model(defined.task.model, Shape())
    with pytest.raises(SpecError, match="does not hold tensors"):
        build_model(spec("fp-sgd", {"pretrained": str(file)}).task.model, Shape())


def test_without_a_network_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(DataError, match="--pretrained none"):
        build_model(spec("fp-sgd", {"pretrained": "imagenet"}).task.model, Shape())


@pytest.mark.parametrize(
    "task",
    [
        {"lr_groups": "last-tensor", "model": {"train_mode": "fft"}},
        {"precision": "bfloat16", "model": {"train_mode": "fft"}},
        {"model": {"train_mode": "fix-analog"}},
        {"model": {"train_mode": "full-analog"}},
    ],
    ids=str,
)
def test_what_aihwkit_cannot_do_is_refused(task: dict[str, Any]) -> None:
    own = dict(task)
    of = spec("analog-sgd", own.pop("model"), **own).model_dump()
    with pytest.raises(SpecError, match=r"backend aihwkit .*; use --backend native"):
        build(of | {"backend": "aihwkit", "update": {}})


def test_fused_models_are_the_models_alone() -> None:
    of = spec("fp-sgd", {"train_mode": "fft"})
    x, y = batch(2)
    together = models(of, 3, 4)
    loss_R = together.train_step(x, y, LR)
    alone = [models(of, 3 + r).train_step(x[r : r + 1], y[r : r + 1], LR)[0] for r in range(2)]
    torch.testing.assert_close(loss_R, torch.stack(alone), rtol=1e-4, atol=1e-4)


@pytest.mark.cuda
@pytest.mark.parametrize("setting", ALGORITHMS)
def test_half_precision_trains_on_a_cuda_device(setting: str) -> None:
    from analogcli.backends import get

    of = spec(setting, {"train_mode": "fft"}, precision="bfloat16")
    device = torch.device("cuda")
    model = get(of.backend).build(of, Shape(), (0,), device)
    x, y = (t.to(device) for t in batch())
    assert model.train_step(x, y, LR).isfinite().all()
