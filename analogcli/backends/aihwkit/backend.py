"""From a spec to a model on AIHWKit's tiles, or to one sentence about why this machine cannot."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import torch

from analogcli.backends.aihwkit import pairs
from analogcli.backends.aihwkit.peculiarities import peculiarities
from analogcli.backends.aihwkit.probe import probe
from analogcli.backends.base import Programmable, State, Trainable
from analogcli.backends.single import OneAtATime
from analogcli.backends.start import build_networks
from analogcli.errors import BackendError
from analogcli.nn.models import ImageShape, build_model
from analogcli.spec import RunSpec
from analogcli.spec.support import BackendName


class AihwkitBackend:
    """AIHWKit as the engine. Its pulses and read noise have no seed, so that runs repeat only as distributions."""

    name: BackendName = "aihwkit"
    repeatable = False
    several = False

    def check(self) -> None:
        """Raise :class:`BackendError` where AIHWKit is absent or does not fit the installed torch."""
        _check()

    def reason_against(self, device: torch.device) -> str | None:
        """Return why AIHWKit computes on the CPU even where there is a CUDA device."""
        self.check()
        from analogcli.backends.aihwkit.tiles import compiled_with_cuda

        if device.type == "cuda" and not compiled_with_cuda():
            return "the installed AIHWKit is compiled without CUDA (no wheel on PyPI has it)"
        return None

    def notes(self, spec: RunSpec) -> list[str]:
        """Return what a user should know of this run on this engine, one sentence each."""
        return peculiarities(spec)

    def build(self, spec: RunSpec, shape: ImageShape, seeds: Sequence[int], device: torch.device) -> Trainable:
        """Return one untrained model; initial weights and device population follow from its seed."""
        self.check()
        # Everything that imports AIHWKit is imported here, after the check.
        from analogcli.backends.aihwkit.trainable import AihwkitModel

        (seed,) = seeds
        (network,) = build_networks(spec.task, shape, seeds)
        return OneAtATime(AihwkitModel(network, spec, seed, device))

    def for_inference(
        self, spec: RunSpec, shape: ImageShape, seeds: Sequence[int], states: list[State], device: torch.device
    ) -> Programmable:
        """Return one model with this seed and state on inference tiles, whatever tiles it was trained on."""
        self.check()
        from analogcli.backends.aihwkit.programmed import ProgrammedModel

        (seed,), (state,) = seeds, states
        return ProgrammedModel(build_model(spec.task.model, shape, seed), spec, seed, state, device)

    def resolved_config(self, spec: RunSpec) -> dict[str, Any]:
        """Return the configuration of a tile as AIHWKit gets it, every default written out, and the versions."""
        self.check()
        from analogcli.backends.aihwkit.config import as_data, rpu_config

        aihwkit_version, torch_version = pairs.installed()
        config = as_data(rpu_config(spec))
        given = spec.device.construction_seed if spec.device else None
        config["device"]["construction_seed"] = given or "one for each tile, from the model's seed"
        return {"aihwkit": aihwkit_version, "torch": torch_version, "rpu_config": config}


@cache
def _check() -> None:
    aihwkit_version, torch_version = pairs.installed()
    if pairs.known_to_work(aihwkit_version, torch_version):
        problem, advice = _import_problem(), pairs.advice(torch_version)
    else:
        result = probe()
        problem, advice = result.problem, result.advice
    if not problem:
        return
    found = f"aihwkit {aihwkit_version or 'not installed'}, torch {torch_version}"
    raise BackendError(f"backend aihwkit does not work here ({found}): {problem.rstrip('.')}; {advice}")


def _import_problem() -> str:
    try:
        import aihwkit.nn
        import aihwkit.optim  # noqa: F401
    except Exception as exc:  # a damaged wheel raises whatever its loader raises
        return f"{type(exc).__name__}: {exc}".splitlines()[0]
    return ""
