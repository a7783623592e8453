"""The converters of all reads as the papers' scripts spell them: ``--io-perfect`` and its kin, as fields of a spec."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from analogcli.cli.options import SPEC

if TYPE_CHECKING:
    from analogcli.registry import Registry

READS = {"f": "periphery.forward", "b": "periphery.backward", "t": "algorithm.transfer_read"}
"""Forward, backward and transfer read by the letter of their flag."""

PerfectOption = Annotated[
    bool,
    typer.Option("--io-perfect", help="Exact products in all reads: no converters, no noise.", rich_help_panel=SPEC),
]
PerfectForwardOption = Annotated[
    bool, typer.Option("--io-perfect-f", "-io-perfect-F", help="Exact forward reads.", rich_help_panel=SPEC)
]
PerfectBackwardOption = Annotated[
    bool, typer.Option("--io-perfect-b", "-io-perfect-B", help="Exact backward reads.", rich_help_panel=SPEC)
]
PerfectTransferOption = Annotated[
    bool, typer.Option("--io-perfect-t", "-io-perfect-T", help="Exact reads of a transfer.", rich_help_panel=SPEC)
]
InputBitsOption = Annotated[
    int | None, typer.Option("--io-inp-res-bit", min=2, help="Bits of the DAC in all reads.", rich_help_panel=SPEC)
]
OutputBitsOption = Annotated[
    int | None, typer.Option("--io-out-res-bit", min=2, help="Bits of the ADC in all reads.", rich_help_panel=SPEC)
]
InputNoiseOption = Annotated[
    float | None, typer.Option("--io-inp-noise", min=0, help="Noise on the inputs of all reads.", rich_help_panel=SPEC)
]
OutputNoiseOption = Annotated[
    float | None, typer.Option("--io-out-noise", min=0, help="Noise on the outputs of all reads.", rich_help_panel=SPEC)
]


def io_overrides(
    perfect: bool,
    reads: dict[str, bool],
    inp_bits: int | None,
    out_bits: int | None,
    inp_noise: float | None,
    out_noise: float | None,
) -> dict[str, Any]:
    """Return the fields that the flags mean; ``reads`` says for each letter of :data:`READS` whether it is perfect.

    b bits are 2^b − 2 steps, as in AIHWKit's defaults.
    """
    fields: dict[str, Any] = {
        "inp_steps": None if inp_bits is None else 2**inp_bits - 2,
        "out_steps": None if out_bits is None else 2**out_bits - 2,
        "inp_noise": inp_noise,
        "out_noise": out_noise,
    }
    out = {f"{read}.{name}": value for name, value in fields.items() if value is not None for read in READS.values()}
    return out | {f"{read}.perfect": True for letter, read in READS.items() if perfect or reads[letter]}


def that_apply(
    registry: "Registry", experiment: str, protocol: str | None, setting: str | None, fields: dict[str, Any]
) -> dict[str, Any]:
    """Return the fields without those of transfer reads where the setting transfers nothing.

    Raises:
        UsageError: the setting is floating point.
    """
    from analogcli.errors import UsageError

    if not fields:
        return fields
    entry = registry.experiment(experiment)
    chosen = registry.protocol(entry, protocol)
    name = registry.setting(chosen, setting or entry.default_setting)
    if registry.is_digital(chosen.id, name):
        raise UsageError(f"setting {name} is floating-point and reads no arrays; leave out --io-perfect and its kin")
    return {path: value for path, value in fields.items() if registry.applies(chosen.id, name, path)}
