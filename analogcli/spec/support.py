"""Which backend can run which spec, known without importing any of them.

A refusal is one sentence that names what is missing and which backend has it.
"""

from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from analogcli.spec.run import RunSpec

BackendName = Literal["digital", "native", "aihwkit"]
BACKENDS: tuple[BackendName, ...] = get_args(BackendName)

FIDELITIES: dict[BackendName, tuple[str, ...]] = {
    "digital": (),
    "native": ("chunked", "sequential", "mean-field"),
    "aihwkit": ("sequential",),
}
ALGORITHMS: dict[BackendName, tuple[str, ...]] = {
    "digital": ("fp-sgd",),
    "native": (
        "analog-sgd",
        "tt-v1",
        "tt-v2",
        "tt-v2-chopped",
        "c-ttv2",
        "agad",
        "mp",
        "rl-v1",
        "rl-v2",
        "resl",
    ),
    "aihwkit": ("analog-sgd", "tt-v1"),
}
DEVICES: dict[BackendName, tuple[str, ...]] = {
    "digital": (),
    "native": (
        "ideal",
        "constant-step",
        "linear-step",
        "soft-bounds",
        "linear",
        "exp-step",
        "pow-step",
        "power",
        "exponential",
        "piecewise",
        "custom",
    ),
    "aihwkit": ("constant-step", "linear-step", "soft-bounds", "exp-step", "pow-step", "power", "piecewise"),
}


def backends_for(algorithm: str | None, device: str | None) -> list[BackendName]:
    """Return the backends that can run ``algorithm`` on ``device`` (None: on any), the preferred one first."""
    return [b for b in BACKENDS if algorithm in ALGORITHMS[b] and (device is None or device in DEVICES[b])]


def refusal(backend: BackendName, spec: "RunSpec") -> str | None:
    """Return why ``backend`` cannot run ``spec``, or None if it can."""
    algorithm, device = spec.algorithm.kind, spec.device.kind if spec.device else None
    able = backends_for(algorithm, device)
    instead = f"use --backend {' or '.join(able)}" if able else f"no backend runs it there: {_partners(algorithm)}"
    if algorithm not in ALGORITHMS[backend]:
        return f"backend {backend} does not have the algorithm {algorithm}; {instead}"
    if device is not None and device not in DEVICES[backend]:
        return f"backend {backend} does not have the device {device}; {instead}"
    if spec.update is not None and spec.update.fidelity not in FIDELITIES[backend]:
        has = " or ".join(FIDELITIES[backend])
        other = [b for b in able if spec.update.fidelity in FIDELITIES[b]]
        there = f"; use --backend {' or '.join(other)}" if other else ""
        return f"backend {backend} does not have update.fidelity {spec.update.fidelity}, it has {has}{there}"
    return None


def _partners(algorithm: str) -> str:
    """Return on which devices each backend runs ``algorithm``."""
    able = backends_for(algorithm, None)
    return "; ".join(f"--backend {b} has {algorithm} on {' and '.join(DEVICES[b]) or 'no device'}" for b in able)
