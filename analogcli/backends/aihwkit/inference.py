"""Spec → AIHWKit's inference tiles: what a mini-batch of hardware-aware training sees, and the PCM-like noise model."""

from typing import Any

from aihwkit.inference import GlobalDriftCompensation, PCMLikeNoiseModel
from aihwkit.simulator.configs import InferenceRPUConfig
from aihwkit.simulator.parameters.enums import WeightClipType, WeightModifierType
from aihwkit.simulator.parameters.inference import WeightClipParameter, WeightModifierParameter

from analogcli.spec import HardwareAware, PcmInference


def inference_config(algorithm: HardwareAware, **around: Any) -> Any:
    """Return the configuration of hardware-aware tiles; ``around`` are forward, backward and mapping."""
    # AIHWKit keeps the backward read out of the constructor, since it is perfect by default, and computes any other.
    backward = around.pop("backward")
    config = InferenceRPUConfig(
        noise_model=noise_model(algorithm.inference),
        drift_compensation=drift_compensation(algorithm.inference),
        modifier=_modifier(algorithm),
        clip=_clip(algorithm),
        **around,
    )
    config.backward = backward
    return config


def noise_model(settings: PcmInference) -> Any:
    """Return the model of programming noise, drift and read noise."""
    scales = settings.model_dump(exclude={"g_max", "drift_compensation"})
    return PCMLikeNoiseModel(g_max=settings.g_max, **scales)


def drift_compensation(settings: PcmInference) -> Any:
    """Return the compensation, or None."""
    return GlobalDriftCompensation() if settings.drift_compensation == "global" else None


def _modifier(algorithm: HardwareAware) -> Any:
    given = algorithm.modifier
    used = given.std_dev > 0 or given.pdrop > 0
    kind = WeightModifierType.ADD_NORMAL if used else WeightModifierType.NONE
    return WeightModifierParameter(type=kind, **given.model_dump())


def _clip(algorithm: HardwareAware) -> Any:
    given = algorithm.clip
    kind = WeightClipType.FIXED_VALUE if given.fixed_value else WeightClipType.NONE
    kind = WeightClipType.LAYER_GAUSSIAN if given.sigma else kind
    # AIHWKit's fixed bound counts with any kind of clipping; below 0 it is none.
    return WeightClipParameter(type=kind, sigma=given.sigma, fixed_value=given.fixed_value or -1.0)
