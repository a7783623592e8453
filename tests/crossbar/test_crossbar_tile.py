"""A tile: mapping between the visible weight and what the devices hold."""

import pytest
import torch
from crossbar_helpers import IDEAL, TAU, law_of

from analogcli.crossbar import Tile
from analogcli.spec import Mapping, Periphery, Update

PERFECT = Periphery.model_validate({"forward": {"perfect": True}, "backward": {"perfect": True}})


def tile(**mapping: object) -> Tile:
    return Tile(law_of("soft-bounds"), PERFECT, Mapping.model_validate(mapping), Update(fidelity="mean-field"))


def test_a_tile_clips_what_its_devices_cannot_hold() -> None:
    t = tile()
    t.set_weights(torch.full((5, 7), 9.0))
    assert torch.equal(t.weights(), t.law.upper_OI)


@pytest.mark.parametrize("columnwise", [False, True])
def test_mapping_uses_the_range_and_is_invisible_from_outside(columnwise: bool) -> None:
    t = tile(weight_scaling_omega=0.05, weight_scaling_columnwise=columnwise)
    w = torch.randn(5, 7)
    t.set_weights(w)
    peaks_O = t.w_OI.abs().amax(1)
    assert float(peaks_O.max()) == pytest.approx(0.05)
    assert (float(peaks_O.min()) == pytest.approx(0.05)) == columnwise
    x, d = torch.randn(3, 7), torch.randn(3, 5)
    torch.testing.assert_close(t.weights(), w)
    torch.testing.assert_close(t.forward(x, torch.Generator()), x @ w.T)
    torch.testing.assert_close(t.backward(d, torch.Generator()), d @ w)


def test_an_update_through_the_mapping_moves_the_visible_weight_by_what_was_asked() -> None:
    law = law_of("soft-bounds", **IDEAL)
    t = Tile(law, Periphery(), Mapping(weight_scaling_omega=0.1), Update(fidelity="mean-field"))
    w = torch.randn(5, 7)
    t.set_weights(w)
    x, d = torch.ones(1, 7), torch.full((1, 5), 1e-3)
    t.update(x, d, 1.0, torch.Generator())
    torch.testing.assert_close(t.weights() - w, -1e-3 * (1 + t.w_OI / TAU), atol=1e-5, rtol=1e-2)
