"""Reads, pulse trains and the mapping of a spec as AIHWKit's: the same names; only what the spec says differs."""

from typing import Any

from aihwkit.simulator.configs import IOParameters, MappingParameter, UpdateParameters
from aihwkit.simulator.parameters.enums import BoundManagementType, NoiseManagementType, PulseType, WeightNoiseType

from analogcli.spec import IO, Mapping, Pulses

_NOISE_MANAGEMENT = {"abs-max": NoiseManagementType.ABS_MAX, "none": NoiseManagementType.NONE}
_BOUND_MANAGEMENT = {"iterative": BoundManagementType.ITERATIVE, "none": BoundManagementType.NONE}
_PULSE_TYPE = {
    "stochastic-compressed": PulseType.STOCHASTIC_COMPRESSED,
    "mean-count": PulseType.MEAN_COUNT,
    "deterministic": PulseType.DETERMINISTIC_IMPLICIT,
}


def io_parameters(io: IO) -> Any:
    """Return one analog product; AIHWKit counts resolutions as fractions of the full range."""
    return IOParameters(
        is_perfect=io.perfect,
        inp_bound=io.inp_bound,
        inp_res=_resolution(io.inp_steps),
        inp_noise=io.inp_noise,
        out_bound=io.out_bound,
        out_res=_resolution(io.out_steps),
        out_noise=io.out_noise,
        w_noise=io.w_noise,
        w_noise_type=WeightNoiseType.ADDITIVE_CONSTANT if io.w_noise else WeightNoiseType.NONE,
        noise_management=_NOISE_MANAGEMENT[io.noise_management],
        bound_management=_BOUND_MANAGEMENT[io.bound_management],
    )


def update_parameters(pulses: Pulses) -> Any:
    """Return the pulse trains of an update."""
    return UpdateParameters(
        pulse_type=_PULSE_TYPE[pulses.pulse_type],
        desired_bl=pulses.desired_bl,
        update_management=pulses.update_management,
        update_bl_management=pulses.update_bl_management,
    )


def mapping_parameter(mapping: Mapping) -> Any:
    """Return how a layer lies on tiles; the bias stays digital."""
    return MappingParameter(
        max_input_size=mapping.max_input_size,
        max_output_size=mapping.max_output_size,
        learn_out_scaling=mapping.learn_out_scaling,
        weight_scaling_omega=mapping.weight_scaling_omega,
        weight_scaling_columnwise=mapping.weight_scaling_columnwise,
    )


def _resolution(steps: int) -> float:
    return 1.0 / steps if steps else 0.0
