"""What a registry file may say: experiments, protocols with their settings, figures, presets, published values."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Data = dict[str, Any]


class Entry(BaseModel):
    """A registry entry; unknown keys are refused so that a typo in YAML is found at once."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Setting(Entry):
    """One way of training, e.g. ``tt-v1``, as changes to the protocol's base."""

    title: str
    spelled: tuple[str, ...] = ()
    spec: Data


class Protocol(Entry):
    """How the scripts of one paper configure their experiments."""

    id: str
    title: str
    aliases: tuple[str, ...] = ()
    """Further names, for the experiments that have this protocol."""
    source: str
    notes: tuple[str, ...] = ()
    base: Data
    settings: dict[str, Setting]


class PublishedValue(Entry):
    """One number of a published table."""

    setting: str
    value: float
    std: float | None = None
    relaxed: float | None = None
    """The same after the devices have relaxed."""
    where: Data = {}


class PublishedSource(Entry):
    """What a group of published numbers has in common."""

    text: str
    rule: str
    last_epochs: int = Field(5, ge=1)
    """Epochs that the numbers are means of, the last of a run."""
    sample_std: bool = False
    """Whether ± is the std of a sample of models (n − 1) instead of that of the population."""


class PublishedTable(Entry):
    """Published numbers of one experiment and protocol: test accuracies [%], or floors of the error."""

    source: PublishedSource
    protocol: str
    where: Data = {}
    values: tuple[PublishedValue, ...]


class Experiment(Entry):
    """A network on a data set, in the protocols of one or several papers."""

    id: str
    title: str
    aliases: tuple[str, ...] = ()
    default_protocol: str
    default_setting: str
    base: Data
    protocols: dict[str, Data]
    settings: dict[str, Data] = {}
    """What settings have of their own in this experiment, laid on what their protocol says."""
    notes: tuple[str, ...] = ()
    """Where paper and scripts differ: what the default is, and which setting is the other reading."""
    published: tuple[PublishedTable, ...] = ()


class Preset(Entry):
    """A device with the parameters of a real or assumed technology, and the periphery that belongs to it."""

    id: str
    title: str
    aliases: tuple[str, ...] = ()
    source: str
    device: Data
    periphery: Data = {}
    update: Data = {}


class Inset(Entry):
    """The enlarged part of an accuracy panel; ``box`` is x, y, width, height in fractions of the panel."""

    epochs: tuple[float, float]
    accuracy: tuple[float, float]
    box: tuple[float, float, float, float]


class Group(Entry):
    """A few runs of a panel that differ in their settings only: what they have in common, as dotted paths."""

    label: str = ""
    set: Data = {}


class Devices(Entry):
    """The devices whose responses a panel shows, one line each."""

    label: str
    device: Data


class Panel(Entry):
    """One panel of a figure: every setting at every tau (settings without devices once); without tau at the default.

    ``spec`` is laid on all its runs, ``of_setting`` (dotted paths) on those of one setting, and ``grid`` (dotted paths
    with values) multiplies the runs of all settings that have the field.

    With groups it is all of that in each of them, and with devices their responses, for which nothing is trained.
    """

    title: str
    experiment: str = ""
    settings: tuple[str, ...] = ()
    tau: tuple[float, ...] = ()
    spec: Data = {}
    of_setting: dict[str, Data] = {}
    grid: dict[str, tuple[Any, ...]] = {}
    groups: tuple[Group, ...] = ()
    devices: tuple[Devices, ...] = ()
    y_min: float = 0
    inset: Inset | None = None


class CurveStyle(Entry):
    """How curves are drawn."""

    smoothing: float = Field(0.0, ge=0, lt=1)
    marker_every: int = Field(5, ge=1)
    lines: dict[str, str] = {}
    """Dashes and marker of each setting in matplotlib's signs, e.g. ``--o``."""
    panel_inches: tuple[float, float] | None = None
    """Width and height of a panel."""
    legend: Literal["right", "below"] = "right"


class Figure(Entry):
    """A figure as the runs that it needs and the way that it is drawn."""

    id: str
    title: str
    aliases: tuple[str, ...] = ()
    kind: str
    source: str
    protocol: str = ""
    spec: Data = {}
    """Laid on the runs of all panels that have the fields, below what a panel says of its own."""
    notes: tuple[str, ...] = ()
    """Where the figure is not drawn as published, and why."""
    panels: tuple[Panel, ...]
    style: CurveStyle = CurveStyle()
