"""Which backend can run which spec, known without importing any of them.

A refusal is one sentence that names what is missing and which backend has it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, get_args

from analogcli.spec.algorithm import WITHOUT_ANALOG_PARTS, Algorithm
from analogcli.spec.devices import Device
from analogcli.spec.unions import members

if TYPE_CHECKING:
    from analogcli.spec.run import RunSpec

BackendName = Literal["digital", "native", "aihwkit", "magnetoionic"]
BACKENDS: tuple[BackendName, ...] = get_args(BackendName)

FIDELITIES: dict[BackendName, tuple[str, ...]] = {
    "digital": (),
    "native": ("chunked", "sequential", "mean-field", "mean-field-batch"),
    "aihwkit": ("sequential",),
    "magnetoionic": (),
}
_ANALOG = tuple(kind for kind in members(Algorithm) if kind not in WITHOUT_ANALOG_PARTS)
_AT_CROSS_POINTS = tuple(members(Device))
ALGORITHMS: dict[BackendName, tuple[str, ...]] = {
    "digital": ("fp-sgd",),
    "native": _ANALOG,
    "aihwkit": tuple(kind for kind in _ANALOG if kind != "rl-v2"),
    "magnetoionic": ("double-device",),
}
DEVICES: dict[BackendName, tuple[str, ...]] = {
    "digital": (),
    "native": _AT_CROSS_POINTS,
    "aihwkit": tuple(kind for kind in _AT_CROSS_POINTS if kind not in ("linear", "exponential", "custom")),
    "magnetoionic": (),
}
ONLY_WITH: dict[tuple[BackendName, str], tuple[str, ...]] = {("aihwkit", "ideal"): ("analog-sgd", "hwa")}
"""Devices that a backend has for some algorithms only."""
ONLY_ON: dict[str, tuple[str, ...]] = {"hwa": ("ideal",)}
"""Algorithms for some devices only: hardware-aware training changes weights exactly as asked for."""
LACKS: dict[BackendName, tuple[tuple[str, str, Callable[["RunSpec"], bool]], ...]] = {
    "digital": (),
    "native": (),
    "magnetoionic": (),
    "aihwkit": (
        (
            "noise on the gradient",
            "or --set task.gradient_noise=0",
            lambda spec: getattr(spec.task, "gradient_noise", 0) > 0,
        ),
        (
            "the warm start of resl",
            "or --set algorithm.warm_start=off",
            lambda spec: getattr(spec.algorithm, "warm_start", "off") != "off",
        ),
        (
            "algorithm.fast_lr = 0, the optimizer's, with a fast_device",
            "or --set algorithm.fast_lr to a rate",
            lambda spec: "algorithm.fast_device" in spec.devices and not getattr(spec.algorithm, "fast_lr", 1),
        ),
        (
            # 1.1.0 stops with an error, 1.2.0 undoes the choppers at the wrong cross points.
            "algorithm.gamma > 0 with a buffer in pulses",
            "or --set algorithm.gamma=0",
            lambda spec: spec.algorithm.kind in ("tt-v2-chopped", "c-ttv2", "agad") and spec.algorithm.gamma > 0,
        ),
    ),
}
"""What else a backend does not have: its name, another way out, and whether a spec asks for it."""


def backends_for(algorithm: str | None, device: str | None) -> list[BackendName]:
    """Return the backends that can run ``algorithm`` on ``device`` (None: on any), the preferred one first."""
    return [b for b in BACKENDS if algorithm in ALGORITHMS[b] and (device is None or device in devices(b, algorithm))]


def devices(backend: BackendName, algorithm: str | None) -> list[str]:
    """Return the devices on which ``backend`` can run ``algorithm``."""
    known = ONLY_ON.get(algorithm or "", DEVICES[backend])
    return [d for d in known if d in DEVICES[backend] and algorithm in ONLY_WITH.get((backend, d), (algorithm,))]


def refusal(backend: BackendName, spec: "RunSpec") -> str | None:
    """Return why ``backend`` cannot run ``spec``, or None if it can."""
    algorithm, kinds = spec.algorithm.kind, [device.kind for device in spec.devices.values()]
    # A run on devices of several kinds is named by the first that this backend does not have.
    device = next((kind for kind in kinds if kind not in devices(backend, algorithm)), next(iter(kinds), None))
    able = [b for b in backends_for(algorithm, device) if set(kinds) <= set(devices(b, algorithm))]
    instead = f"use --backend {' or '.join(able)}" if able else f"no backend runs it there: {_partners(algorithm)}"
    if algorithm not in ALGORITHMS[backend]:
        return f"backend {backend} does not have the algorithm {algorithm}; {instead}"
    if device is not None and device not in devices(backend, algorithm):
        there = f" for {algorithm}" if device in DEVICES[backend] else ""
        return f"backend {backend} does not have the device {device}{there}; {instead}"
    reason = _task_refusal(backend, spec)
    if reason:
        return f"{reason}; use --backend native"
    if spec.update is not None and spec.update.fidelity not in FIDELITIES[backend]:
        has = " or ".join(FIDELITIES[backend])
        other = [b for b in able if spec.update.fidelity in FIDELITIES[b]]
        there = f"; use --backend {' or '.join(other)}" if other else ""
        return f"backend {backend} does not have update.fidelity {spec.update.fidelity}, it has {has}{there}"
    for what, other_way, asked in LACKS[backend]:
        if asked(spec):
            others = [b for b in able if b != backend]
            return f"backend {backend} does not have {what}; use --backend {' or '.join(others)}, {other_way}"
    return None


def _task_refusal(backend: BackendName, spec: "RunSpec") -> str | None:
    """Return what of the task ``backend`` lacks: AIHWKit's optimizer moves everything alike, in single precision."""
    if backend != "aihwkit":
        return None
    if getattr(spec.task, "lr_groups", "one") != "one":
        return "backend aihwkit has one learning rate for all layers"
    if getattr(spec.task, "precision", "float32") != "float32":
        return "backend aihwkit computes in float32"
    train_mode = getattr(spec.task.model, "train_mode", None)
    if train_mode == "full-analog" and getattr(spec.task.model, "name", "").startswith("mobilenet"):
        return "backend aihwkit has no convolutions with groups"
    if train_mode == "fix-analog":
        return "backend aihwkit has no arrays that do not learn"
    return None


def _partners(algorithm: str) -> str:
    """Return on which devices the backends run ``algorithm``."""
    able: dict[str, list[BackendName]] = {}
    for backend in backends_for(algorithm, None):
        able.setdefault(" and ".join(devices(backend, algorithm)) or "no device", []).append(backend)
    return "; ".join(f"--backend {' or '.join(backends)} has {algorithm} on {on}" for on, backends in able.items())
