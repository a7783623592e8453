"""A tile: mapping between the visible weight and what the devices hold."""

from typing import Any

import pytest
import torch
from crossbar_helpers import EQUAL, TAU, law_of

from analogcli.algorithms.analog_sgd import AnalogSgdCell
from analogcli.crossbar import CrossbarArray, Randomness, Tile
from analogcli.spec import Mapping, Periphery, Update

PERFECT = Periphery.model_validate({"forward": {"perfect": True}, "backward": {"perfect": True}})


def tile(periphery: Periphery = PERFECT, devices: dict[str, Any] | None = None, **mapping: object) -> Tile:
    array = CrossbarArray(law_of("soft-bounds", **(devices or {})))
    return Tile(AnalogSgdCell(array, Update(fidelity="mean-field")), periphery, Mapping.model_validate(mapping))


def randomness() -> Randomness:
    return Randomness([0, 1])


def test_a_tile_clips_what_its_devices_cannot_hold() -> None:
    t = tile()
    t.set_weights(torch.full((2, 5, 7), 9.0), randomness())
    assert torch.equal(t.weights(), law_of("soft-bounds").upper_ROI)


@pytest.mark.parametrize("columnwise", [False, True])
def test_mapping_uses_the_range_and_is_invisible_from_outside(columnwise: bool) -> None:
    t = tile(weight_scaling_omega=0.05, weight_scaling_columnwise=columnwise)
    w = torch.randn(2, 5, 7)
    t.set_weights(w, randomness())
    peaks_RO = t.cell.visible().abs().amax(2)
    assert float(peaks_RO.max()) == pytest.approx(0.05)
    assert (float(peaks_RO.min()) == pytest.approx(0.05)) == columnwise
    x, d = torch.randn(2, 3, 7), torch.randn(2, 3, 5)
    torch.testing.assert_close(t.weights(), w)
    torch.testing.assert_close(t.forward(x, randomness()), x @ w.mT)
    torch.testing.assert_close(t.backward(d, randomness()), d @ w)


def test_an_update_through_the_mapping_moves_the_visible_weight_by_what_was_asked() -> None:
    t = tile(devices=EQUAL, weight_scaling_omega=0.1)
    w = torch.randn(2, 5, 7)
    t.set_weights(w, randomness())
    held = t.cell.visible().clone()
    t.update(torch.ones(2, 1, 7), torch.full((2, 1, 5), 1e-3), 1.0, randomness())
    torch.testing.assert_close(t.weights() - w, -1e-3 * (1 + held / TAU), atol=1e-5, rtol=1e-2)
