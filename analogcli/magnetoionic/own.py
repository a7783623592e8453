"""The law of a spec: a built-in one by name, or a class of the user's own, which is checked first."""

import torch

from analogcli.crossbar.custom import load_class
from analogcli.errors import SpecError
from analogcli.magnetoionic.laws import DeviceLaw, ExponentialLaw, LinearLaw
from analogcli.spec import DoubleDevice

BUILT_IN: dict[str, type[DeviceLaw]] = {"linear": LinearLaw, "exponential": ExponentialLaw}
POINTS = 1001
"""Pulse counts at which a law of the user's own is looked at."""
TOLERANCE = 1e-3
"""Largest error of f⁻¹(f(x)) [pulses]."""


def law_of(spec: DoubleDevice) -> DeviceLaw:
    """Return the law of a spec.

    Raises:
        SpecError: it is no built-in law, and its class cannot be loaded or is no falling function with its inverse.
    """
    if spec.law in BUILT_IN:
        return BUILT_IN[spec.law]()
    name = f"algorithm.law = {spec.law!r}"
    law = load_class(spec.law, spec.sha256, DeviceLaw, "algorithm.law")()
    try:
        x = torch.linspace(0, law.pulses, POINTS, dtype=torch.float64)
        w, back = law.f(x), law.f_inv(law.f(x))
    except Exception as exc:
        raise SpecError(f"{name}: it fails: {type(exc).__name__}: {exc}") from exc
    if not bool((w.diff() < 0).all()):
        raise SpecError(
            f"{name}: f does not fall from x = 0 to x = {law.pulses:g}; pulses can only bring a device down"
        )
    if not bool(((back - x).abs() < TOLERANCE).all()):
        worst = float(x[(back - x).abs().nan_to_num(torch.inf).argmax()])
        raise SpecError(f"{name}: f_inv(f(x)) is not x at x = {worst:.3g}; one of the two is wrong")
    return law
