"""What of a network lies on arrays, and how: one row a layer."""

from dataclasses import astuple, dataclass, fields

from torch.nn import Module

from analogcli.nn.convert import analog_layers
from analogcli.spec import Ideal


@dataclass(frozen=True)
class LayerSummary:
    """One layer on arrays; sizes and counts are those of one model."""

    layer: str
    """Dotted name in the network."""
    shape: str
    """Shape of the weight."""
    tiles: int
    """Tiles that the weight is cut into; each group of a convolution has its own."""
    device: str
    """Kind of the devices at the cross points."""
    algorithm: str
    """Kind of the algorithm that the tiles learn by."""
    parameters: int
    """Weights, not counting the digital bias."""
    states: int | None
    """Conductance states of a device, 2 tau / dw_min; none for devices without pulses."""


@dataclass(frozen=True)
class AnalogSummary:
    """The layers on arrays of a network; as text it is a table."""

    layers: tuple[LayerSummary, ...]
    digital_parameters: int
    """Parameters of one model that are not on arrays: biases, scales, normalisations, layers that were not selected."""
    replicas: int
    """Models in the network."""

    def __str__(self) -> str:
        header = [f.name for f in fields(LayerSummary)]
        rows = [header, *([_cell(value) for value in astuple(one)] for one in self.layers)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
        right = {"tiles", "parameters", "states"}
        lines = [
            "  ".join(
                cell.rjust(width) if name in right else cell.ljust(width)
                for cell, width, name in zip(row, widths, header, strict=True)
            ).rstrip()
            for row in rows
        ]
        analog = sum(one.parameters for one in self.layers)
        models = f", {self.replicas} models" if self.replicas > 1 else ""
        return "\n".join([*lines, f"{analog:,} weights on arrays, {self.digital_parameters:,} digital{models}"])


def analog_summary(network: Module) -> AnalogSummary:
    """Return what of ``network`` (from :func:`~analogcli.nn.convert_to_analog`) lies on arrays; print it as a table."""
    layers = analog_layers(network)
    replicas = max((layer.array.chip.replicas for layer in layers.values()), default=1)
    rows = [
        LayerSummary(
            layer=name,
            shape="×".join(map(str, layer.weight_shape)),
            tiles=len(layer.array.placed) * layer.array.groups,
            device=layer.array.chip.device.kind,
            algorithm=layer.array.chip.algorithm.kind,
            parameters=layer.weight_shape[0] * layer.array.shape[2],
            states=None if isinstance(device := layer.array.chip.device, Ideal) else round(device.states),
        )
        for name, layer in layers.items()
    ]
    digital = sum(p.numel() for p in network.parameters()) // replicas
    return AnalogSummary(tuple(rows), digital, replicas)


def _cell(value: str | int | None) -> str:
    return f"{value:,}" if isinstance(value, int) else value or "-"
