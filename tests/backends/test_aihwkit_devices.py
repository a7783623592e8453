"""Devices of a spec arrive in AIHWKit under the same names."""

from dataclasses import asdict, fields
from typing import Any

import pytest
from pydantic import TypeAdapter

from analogcli.backends import get
from analogcli.errors import BackendError
from analogcli.spec import Device
from analogcli.spec.support import DEVICES
from analogcli.spec.unions import members

try:
    get("aihwkit").check()
    reason = ""
except BackendError as exc:
    reason = str(exc)
else:
    from analogcli.backends.aihwkit.devices import CLASSES, OURS, pulsed_device

pytestmark = [pytest.mark.aihwkit, pytest.mark.skipif(bool(reason), reason=reason or "AIHWKit works")]


def spec_of(kind: str, **given: Any) -> Any:
    law = {"law": "analogcli.crossbar.custom:CustomDevice"} if kind == "custom" else {}
    return TypeAdapter(Device).validate_python({"kind": kind, **law, **given})


@pytest.mark.parametrize("kind", [kind for kind in DEVICES["aihwkit"] if kind != "power"])
def test_defaults_are_aihwkits_own(kind: str) -> None:
    ours, theirs = asdict(pulsed_device(spec_of(kind))), asdict(CLASSES[kind]())
    if kind == "piecewise":  # Two equal nodes are what AIHWKit writes as one.
        assert (ours.pop("piecewise_up"), ours.pop("piecewise_down")) == ([1.0, 1.0], [1.0, 1.0])
        assert (theirs.pop("piecewise_up"), theirs.pop("piecewise_down")) == ([1], [1])
    assert ours == theirs


@pytest.mark.parametrize("kind", [kind for kind in DEVICES["aihwkit"] if kind != "power"])
def test_every_field_but_our_own_has_the_same_name_there(kind: str) -> None:
    known = {f.name for f in fields(CLASSES[kind])}
    assert set(members(Device)[kind].model_fields) - OURS <= known


def test_an_off_centre_range_arrives_as_bounds() -> None:
    made = pulsed_device(spec_of("linear-step", tau=1.0, centre=0.25))
    assert (made.w_max, made.w_min) == (1.25, -0.75)


@pytest.mark.parametrize("gamma_res", [0.5, 1.0, 2.0])
def test_power_has_the_pulse_and_the_write_noise_of_the_papers_normalisation(gamma_res: float) -> None:
    made = pulsed_device(spec_of("power", gamma_res=gamma_res, dw_min=0.002, write_noise_std=3.0))
    assert made.dw_min * 0.5**gamma_res == pytest.approx(0.002)
    assert made.write_noise_std * made.dw_min == pytest.approx(3.0 * 0.002)
    assert (made.pow_gamma, made.pow_gamma_dtod) == (gamma_res, 0.0)
