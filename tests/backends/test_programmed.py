"""Trained models on phase-change memory: the weights are those that were trained, whichever engine trained them."""

from typing import Any

import pytest
import torch
from backend_kit import CPU, Shape, batches, spec, train, trainable

from analogcli.backends import Programmable, get
from analogcli.errors import BackendError
from analogcli.nn import AnalogConv2d, Chip, convert_to_analog
from analogcli.spec import HardwareAware, Ideal, Mapping, PcmInference, Periphery, RunSpec
from analogcli.spec.support import ALGORITHMS

try:
    get("aihwkit").check()
    reason = ""
except BackendError as exc:
    reason = str(exc)

PERFECT = {"forward": {"perfect": True}, "backward": {"perfect": True}}
MAPPING = {"learn_out_scaling": True, "max_input_size": 100, "weight_scaling_omega": 0.4}
SAME_TIME = PcmInference(prog_noise_scale=0, read_noise_scale=0, drift_scale=0)
CASES = [
    *(("native", algorithm) for algorithm in ALGORITHMS["native"]),
    *(
        pytest.param("aihwkit", algorithm, marks=[pytest.mark.aihwkit, pytest.mark.skipif(bool(reason), reason=reason)])
        for algorithm in ALGORITHMS["aihwkit"]
    ),
]
x_BCHW = batches(1, seed=5)[0][0][0]


def of(backend: str, algorithm: str, network: str = "fcn") -> RunSpec:
    if algorithm == "fp-sgd":
        return spec({"kind": algorithm}, network, backend=backend)
    device = {"kind": "ideal" if algorithm == "hwa" else "soft-bounds"}
    options = {"warm_start": "off"} if algorithm == "resl" else {}
    parts: dict[str, Any] = {"device": device, "periphery": PERFECT, "update": {}, "mapping": MAPPING}
    return spec({"kind": algorithm, **options}, network, backend=backend, **parts)


def on_chip(run: RunSpec, *seeds: int) -> tuple[Any, Programmable]:
    """Return models after two mini-batches, and the same on the chip."""
    models = trainable(run, *seeds)
    train(models, batches(2, len(seeds)))
    return models, get(run.backend).for_inference(run, Shape(), seeds, models.state_dict(), CPU)


@pytest.mark.parametrize(("backend", "algorithm"), CASES)
def test_before_programming_the_models_answer_as_those_that_were_trained(backend: str, algorithm: str) -> None:
    models, chip = on_chip(of(backend, algorithm), 3)
    torch.testing.assert_close(chip.outputs(x_BCHW), models.outputs(x_BCHW))
    chip.program(SAME_TIME, 0)
    chip.at_time(0.0)
    torch.testing.assert_close(chip.outputs(x_BCHW), models.outputs(x_BCHW), atol=1e-4, rtol=1e-4)
    chip.program(PcmInference(), 0)
    chip.at_time(0.0)
    assert float((chip.outputs(x_BCHW) - models.outputs(x_BCHW)).abs().max()) > 1e-3


@pytest.mark.parametrize("network", ["fcn", "lenet5", "resnet"])
def test_a_floating_point_network_is_read_through_the_default_periphery(network: str) -> None:
    models, chip = on_chip(of("digital", "fp-sgd", network), 3, 4)
    plain, read = models.outputs(x_BCHW), chip.outputs(x_BCHW)
    assert 0 < float((plain - read).abs().max()) < 1.5
    assert float((plain - read).abs().mean()) < 0.2


@pytest.mark.parametrize("groups", [1, 4])
def test_convolutions_read_what_was_programmed_and_are_compensated(groups: int) -> None:
    """With many groups in one loop, with one block by block: both as the product that each stands for."""
    plain = torch.nn.Conv2d(4, 8, 3, groups=groups, bias=False)
    chip = Chip(Ideal(), HardwareAware(), periphery=Periphery(**PERFECT), mapping=Mapping(weight_scaling_omega=0.4))
    layer = convert_to_analog(plain, chip)
    assert isinstance(layer, AnalogConv2d)
    layer.eval()
    layer.array.program(PcmInference())
    layer.array.at_time(1e6)
    x = torch.randn(2, 4, 9, 9, generator=torch.Generator().manual_seed(1))
    tile = layer.array.placed[0].tile
    assert tile.gain_RO is not None
    seen = (tile.seen() * tile.gain_RO[:, :, None]).reshape(plain.weight.shape)
    expected = torch.nn.functional.conv2d(x, seen, groups=groups)
    torch.testing.assert_close(layer(x), expected, atol=1e-5, rtol=1e-4)
    assert float((layer(x) - plain(x)).detach().abs().max()) > 1e-3


@pytest.mark.parametrize(("backend", "algorithm"), [("native", "hwa"), ("native", "tt-v1"), ("digital", "fp-sgd")])
def test_what_is_read_follows_from_seed_repeat_and_time(backend: str, algorithm: str) -> None:
    chips = [on_chip(of(backend, algorithm, "lenet5"), 3, 4)[1] for _ in range(2)]

    def read(chip: Programmable, repeat: int, *times: float) -> torch.Tensor:
        chip.program(PcmInference(), repeat)
        for seconds in times:
            chip.at_time(seconds)
        return chip.outputs(x_BCHW)

    first = read(chips[0], 1, 20.0)
    assert torch.equal(read(chips[1], 1, 0.0, 1e5, 20.0), first)
    assert torch.equal(read(chips[0], 1, 20.0), first)
    assert not torch.equal(read(chips[0], 2, 20.0), first)
    assert not torch.equal(read(chips[0], 1, 21.0), first)


@pytest.mark.aihwkit
@pytest.mark.skipif(bool(reason), reason=reason)
def test_aihwkits_memory_follows_from_the_seed_too() -> None:
    state = trainable(of("aihwkit", "hwa"), 3).state_dict()
    chips = [get("aihwkit").for_inference(of("aihwkit", "hwa"), Shape(), (3,), state, CPU) for _ in range(2)]
    outputs = []
    for chip in chips:
        chip.program(PcmInference(), 1)
        chip.at_time(1e5)
        outputs.append(chip.outputs(x_BCHW))
    assert torch.equal(*outputs)
    chips[0].program(PcmInference(), 2)
    chips[0].at_time(1e5)
    assert not torch.equal(chips[0].outputs(x_BCHW), outputs[0])


def test_magneto_ionic_devices_are_refused_with_what_is_not() -> None:
    run = of("digital", "fp-sgd")
    with pytest.raises(BackendError, match=r"a magneto-ionic run .* backend digital, native or aihwkit"):
        get("magnetoionic").for_inference(run, Shape(), (3,), [{}], CPU)
