"""Convolutions with many groups are read in one loop; what it gives is what group after group gives.

Both draw the same random numbers, so that only the order of additions differs: where that changes the last bit before a
converter rounds, an output differs by a step.
"""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from analogcli.nn import Chip, analog_layers, convert_to_analog, convolution
from analogcli.spec import IO, BackwardRead, Mapping, Periphery, SoftBounds

FORMS: dict[str, dict[str, Any]] = {
    "depthwise": {"in_channels": 12, "out_channels": 12, "groups": 12, "padding": 1},
    "two outputs a channel": {"in_channels": 6, "out_channels": 12, "groups": 6, "bias": False},
    "two channels a group": {"in_channels": 8, "out_channels": 4, "groups": 4},
    "stride and dilation": {"in_channels": 5, "out_channels": 5, "groups": 5, "stride": 2, "padding": 2, "dilation": 2},
}
READS: dict[str, tuple[IO, BackwardRead]] = {
    "default": (IO(), BackwardRead()),
    "perfect": (IO(perfect=True), BackwardRead(perfect=True)),
    "clips": (IO(out_bound=0.2, inp_noise=0.01, w_noise=0.01), BackwardRead(out_bound=0.5)),
}
MAPPINGS = {
    "plain": Mapping(),
    "scaled": Mapping(learn_out_scaling=True, weight_scaling_omega=0.5, weight_scaling_columnwise=True),
}


def passes(form: dict[str, Any], reads: str, mapping: str) -> dict[str, Tensor]:
    """What a forward and a backward pass of two models give."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(kernel_size=3, **form))
        x = torch.randn(2 * 3, form["in_channels"], 9, 8)
    forward, backward = READS[reads]
    chip = Chip(
        SoftBounds(), periphery=Periphery(forward=forward, backward=backward), mapping=MAPPINGS[mapping], seeds=(3, 4)
    )
    model = convert_to_analog(net, chip)
    (layer,) = analog_layers(model).values()
    if layer.out_scale is not None:
        layer.out_scale.data.uniform_(0.5, 1.5, generator=torch.Generator().manual_seed(1))
    x.requires_grad_(True)
    y = model(x)
    y.square().mean().backward()
    assert x.grad is not None
    found = {"y": y.detach(), "x": x.grad}
    return found | {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("mapping", MAPPINGS)
@pytest.mark.parametrize("reads", READS)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_groups_in_one_loop_are_the_groups_one_by_one(
    monkeypatch: pytest.MonkeyPatch, form: dict[str, Any], reads: str, mapping: str
) -> None:
    together = passes(form, reads, mapping)
    monkeypatch.setattr(convolution, "SMALL", 0)
    one_by_one = passes(form, reads, mapping)
    assert together.keys() == one_by_one.keys()
    for name, tensor in together.items():
        differs = (tensor - one_by_one[name]).abs() > 1e-5 * one_by_one[name].abs().max()
        assert differs.float().mean() < 0.01, name
        torch.testing.assert_close(tensor, one_by_one[name], rtol=0.1, atol=0.1 * float(tensor.abs().max()))


def test_what_clips_is_read_once_more() -> None:
    # With the bound management off the outputs end at the bound; on, in one loop as well, they do not.
    form = FORMS["depthwise"]
    bound = READS["clips"][0].out_bound
    assert passes(form, "clips", "plain")["y"].abs().max() > 3 * bound
