"""A user's own device: two formulas for the mean device, stretched to every device's bounds.

::

    q₊(w) = s₊ f₊(w̄)        q₋(w) = s₋ f₋(w̄)        w̄ = w̄_min + (w − w_min)/(w_max − w_min) (w̄_max − w̄_min)

f± are the user's ``q_plus`` and ``q_minus``, w̄_max, w̄_min the bounds of the mean device. The curves are taken at 1,025
weights and are linear in between, so that every path of the engine has the same law. The whole of a device::

    from dataclasses import dataclass
    from analogcli.crossbar import CustomDevice

    @dataclass(frozen=True)
    class MyDevice(CustomDevice):
        gamma: float = 2.0

        def q_plus(self, w):
            return (1 - w / self.tau) ** self.gamma

        def q_minus(self, w):
            return (1 + w / self.tau) ** self.gamma

``analog run … --device my_device.py:MyDevice --set device.parameters.gamma=3`` uses it.
"""

import hashlib
import importlib
import importlib.util
import inspect
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analogcli.crossbar.piecewise import NodesLaw
from analogcli.errors import SpecError, nearest
from analogcli.spec import CustomStep
from analogcli.spec.custom import digest, source, split

T = TypeVar("T")

NODES = 1025
"""Weights at which the formulas are evaluated."""
NEAR_ZERO = 1e-4
"""Largest response at the bound that still counts as 0 [units of dw_min]."""


@dataclass(frozen=True)
class CustomDevice:
    """Base of a user's own device; further fields are its parameters."""

    tau: float
    """Half dynamic range of the mean device [weight units]."""

    def q_plus(self, w: Tensor) -> Tensor:
        """Return the response to an up pulse at ``w`` [units of dw_min]: ≥ 0, and 0 at the upper bound."""
        raise NotImplementedError

    def q_minus(self, w: Tensor) -> Tensor:
        """Return the response to a down pulse at ``w`` [units of dw_min]: ≥ 0, and 0 at the lower bound."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class CustomLaw(NodesLaw):
    """Responses by a user's formulas."""

    spec: CustomStep

    @cached_property
    def nodes_2N(self) -> NDArray[np.float32]:
        """The formulas at 1,025 weights."""
        return formulas(self.spec)


def parameters(spec: CustomStep) -> dict[str, float]:
    """Return all parameters of a user's device, those left out with the values that the class gives them.

    Raises:
        SpecError: as :func:`formulas`.
    """
    formulas(spec)
    return {name: value for name, value in vars(_device(spec)).items() if name != "tau"}


def formulas(spec: CustomStep) -> NDArray[np.float32]:
    """Return the up and down responses [2, NODES] of a user's device from its lower to its upper bound.

    Raises:
        SpecError: the source has changed or gives no such device; what the formulas return is no response.
    """
    device = _device(spec)
    w_N = torch.linspace(spec.w_min, spec.w_max, NODES, dtype=torch.float64)
    curves = []
    for name, end, bound in (("q_plus", -1, "upper"), ("q_minus", 0, "lower")):
        try:
            q_N = getattr(device, name)(w_N.clone())
        except Exception as exc:
            raise _wrong(spec, f"{name} fails: {type(exc).__name__}: {exc}") from exc
        if not isinstance(q_N, Tensor) or q_N.shape != w_N.shape:
            got = f"shape {tuple(q_N.shape)}" if isinstance(q_N, Tensor) else type(q_N).__name__
            raise _wrong(spec, f"{name} returns {got} for weights of shape {tuple(w_N.shape)}; it must keep the shape")
        if not bool(q_N.isfinite().all()):
            at = float(w_N[~q_N.isfinite()][0])
            raise _wrong(
                spec, f"{name} is not finite at w = {at:.4g}; it must be, from {spec.w_min:g} to {spec.w_max:g}"
            )
        if bool((q_N < -NEAR_ZERO).any()):
            at = float(w_N[q_N < -NEAR_ZERO][0])
            raise _wrong(spec, f"{name} is negative at w = {at:.4g}; a response must be ≥ 0")
        if abs(float(q_N[end])) > NEAR_ZERO:
            where = f"the {bound} bound, w = {float(w_N[end]):g}"
            raise _wrong(spec, f"{name} is {float(q_N[end]):.4g} at {where}; it must be 0 there")
        curves.append(q_N.clamp_min(0).numpy())
    return np.array(curves, np.float32)


def _device(spec: CustomStep) -> CustomDevice:
    cls = load_class(spec.law, spec.sha256, CustomDevice, "device.law")
    known = [name for name in inspect.signature(cls).parameters if name != "tau"]
    for name in spec.parameters:
        if name not in known:
            near = nearest(name, known)
            advice = f"did you mean {near[0]}?" if near else f"it has: {', '.join(known) or 'none'}"
            raise SpecError(f"device.parameters.{name} is not a parameter of {spec.law}; {advice}")
    try:
        return cls(tau=spec.tau, **spec.parameters)
    except Exception as exc:
        raise _wrong(spec, f"it cannot be made: {type(exc).__name__}: {exc}") from exc


def load_class(law: str, sha256: str, base: type[T], field: str) -> type[T]:
    """Return the class that ``law`` names, ``my_file.py:MyClass`` or ``package.module:MyClass``, derived from ``base``.

    Raises:
        SpecError: its source has changed since ``sha256`` was taken, cannot be imported or has no such class; ``field``
            names the field of the spec.
    """
    where, name = split(law)
    try:
        found = digest(law)
    except ValueError as exc:
        raise SpecError(f"{field.removesuffix('law')}{exc}") from exc
    if found != sha256:
        option = "--device " if field == "device.law" else f"--set {field}="
        raise SpecError(
            f"{field} = {law!r}: the file is not the one that the run was made with (SHA-256 {found[:12]}… "
            f"instead of {sha256[:12]}…); restore it, or start a new run with {option}{law}"
        )
    try:
        module = _import_file(source(law)) if where.endswith(".py") else importlib.import_module(where)
    except Exception as exc:
        raise SpecError(f"{field} = {law!r}: it cannot be imported: {type(exc).__name__}: {exc}") from exc
    cls = getattr(module, name, None)
    if not (inspect.isclass(cls) and issubclass(cls, base)):
        devices = [n for n, c in vars(module).items() if inspect.isclass(c) and issubclass(c, base)]
        own = ", ".join(n for n in devices if n != base.__name__)
        what = f"{name} is no {base.__name__}" if inspect.isclass(cls) else f"there is no class {name}"
        way = f"devices there: {own}" if own else f"derive it from {base.__name__}"
        raise SpecError(f"{field} = {law!r}: {what}; {way}")
    return cls


def _import_file(path: Path) -> ModuleType:
    """Import a file under a name of its own content: two files of one name, or two versions of one, do not mix."""
    name = f"analogcli_device_{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None, "a .py file has a loader"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # Dataclasses look their own module up while they are made.
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _wrong(spec: CustomStep, problem: str) -> SpecError:
    return SpecError(f"device.law = {spec.law!r}: {problem}")
