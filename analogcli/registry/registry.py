"""The registry: names, aliases and nearest names; from an experiment, a protocol and a setting to a RunSpec."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from analogcli.errors import SpecError, UnknownName
from analogcli.registry.commands import FLAGS, command_of
from analogcli.registry.curves import Curve, curves_of
from analogcli.registry.devices import KINDS, SPELLED, installed_devices
from analogcli.registry.entries import Data, Experiment, Figure, Preset, Protocol
from analogcli.registry.published import Published, PublishedSpec, published_values, reproduced_by
from analogcli.spec import ANALOG_PARTS, RunSpec, build, merge, nested
from analogcli.spec.unions import members


def fold(name: str) -> str:
    """Return a name as it is compared: lower case, spaces and underscores as hyphens."""
    return "-".join(name.strip().lower().replace("_", " ").replace("-", " ").split())


@dataclass(frozen=True)
class Registry:
    """All entries by id."""

    experiments: Mapping[str, Experiment] = field(default_factory=dict)
    protocols: Mapping[str, Protocol] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)
    presets: Mapping[str, Preset] = field(default_factory=dict)

    @cached_property
    def _published(self) -> dict[str, list[PublishedSpec]]:
        return {}

    @cached_property
    def _experiment_names(self) -> dict[str, str]:
        return _names(self.experiments.values())

    @cached_property
    def _figure_names(self) -> dict[str, str]:
        names = _names(self.figures.values())
        # "figure4" is what people type for "fig4".
        spelled_out = {n.replace("fig", "figure", 1): i for n, i in names.items() if n.startswith("fig")}
        return spelled_out | names

    @cached_property
    def _preset_names(self) -> dict[str, str]:
        return _names(self.presets.values())

    def experiment(self, name: str) -> Experiment:
        """Return the experiment of this id or alias."""
        return self.experiments[_find("experiment", name, self._experiment_names)]

    def figure(self, name: str) -> Figure:
        """Return the figure of this id or alias."""
        if not self.is_figure(name):
            raise UnknownName("figure", name, [*self.figures, *self._figure_names])
        return self.figures[self._figure_names[fold(name)]]

    def is_experiment(self, name: str) -> bool:
        """Return whether an experiment answers to ``name``."""
        return fold(name) in self._experiment_names

    def is_figure(self, name: str) -> bool:
        """Return whether a figure answers to ``name``."""
        return fold(name) in self._figure_names

    def protocol(self, experiment: Experiment, name: str | None) -> Protocol:
        """Return the protocol of an experiment, the default one for None."""
        known = {fold(n): p for p in experiment.protocols for n in (*self.protocols[p].aliases, p)}
        return self.protocols[_find(f"protocol of {experiment.id}", name or experiment.default_protocol, known)]

    def setting(self, protocol: Protocol, name: str) -> str:
        """Return the id of a setting from any of its spellings (``FP SGD``, ``fp-sgd`` …)."""
        known = {fold(s): i for i, entry in protocol.settings.items() for s in (i, *entry.spelled)}
        return _find(f"setting of protocol {protocol.id}", name, known)

    def is_digital(self, protocol: str, setting: str) -> bool:
        """Return whether a setting trains in floating point, without devices."""
        spec = self.protocols[protocol].settings[setting].spec
        return "device" in spec and spec["device"] is None

    def spec(
        self,
        experiment: str,
        *,
        protocol: str | None = None,
        setting: str | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> RunSpec:
        """Resolve a run: experiment, protocol, setting, then ``overrides`` (dotted paths).

        Raises:
            UnknownName: no such experiment, protocol, setting or device.
            SpecError: an override names no field, or a value is not allowed.
        """
        exp = self.experiment(experiment)
        prot = self.protocol(exp, protocol)
        setting = self.setting(prot, setting or exp.default_setting)
        labels = {"experiment": exp.id, "protocol": prot.id, "setting": setting}
        data = merge(merge(exp.base, prot.base), exp.protocols[prot.id])
        data = merge(merge(data, prot.settings[setting].spec), exp.settings.get(setting, {}))
        for path in overrides or {}:
            part = path.split(".")[0]
            if part in data and data[part] is None:
                raise SpecError(f"setting {setting} is floating-point and has no {part}; leave out {_flag_of(path)}")
        return build(labels | self.overlay(data, overrides or {}))

    def overlay(self, data: Mapping[str, Any], overrides: Mapping[str, Any]) -> Data:
        """Lay ``overrides`` (dotted paths) on a run as plain data; their ``device.kind`` may be any name of a device.

        Raises:
            UnknownName: no such device.
        """
        others = {path: value for path, value in overrides.items() if path != "device.kind"}
        name = overrides.get("device.kind")
        if isinstance(name, str):
            data = self.with_device(data, name)
        elif name is not None:
            others["device.kind"] = name
        return merge(data, nested(others))

    def with_device(self, data: Mapping[str, Any], name: str) -> Data:
        """Return a run, as plain data, on other devices: a kind, a preset, path/to/file.py:Class, an installed device.

        A preset replaces the device and brings its periphery; all others keep the fields that they have too.

        Raises:
            UnknownName: no such device.
        """
        kind = SPELLED.get(fold(name), fold(name))
        if kind in KINDS:
            return merge(data, {"device": {"kind": kind}})
        if fold(name) in self._preset_names:
            preset = self.presets[self._preset_names[fold(name)]]
            seed = {k: v for k, v in (data.get("device") or {}).items() if k == "construction_seed"}
            own = {**data, "device": seed | preset.device}
            return merge(own, {"periphery": preset.periphery, "update": preset.update})
        law = name if ":" in name else installed_devices().get(name)
        if law is None:
            known = [*KINDS, *self.presets, *installed_devices()]
            raise UnknownName("device", name, known, "A device of your own is path/to/file.py:Class.")
        return merge(data, {"device": {"kind": "custom", "law": law, "sha256": ""}})

    def curves(self, figure: Figure, overrides: Mapping[str, Any] | None = None) -> list[Curve]:
        """Return the lines of a figure in drawing order; ``overrides`` apply to every run that has the field.

        Raises:
            SpecError: an override names no field or no τ of the figure, or a value is not allowed.
        """
        return curves_of(self, figure, overrides or {})

    def published(self, spec: RunSpec) -> Published | None:
        """Return the published value that ``spec`` reproduces, if there is one (epochs may differ, and then say so).

        A run that differs from the published one in anything else, e.g. the granularity, reproduces nothing.
        """
        if spec.experiment not in self.experiments:
            return None
        if spec.experiment not in self._published:
            self._published[spec.experiment] = published_values(self, self.experiments[spec.experiment])
        return reproduced_by(self._published[spec.experiment], spec)

    def command(self, spec: RunSpec) -> str:
        """Return the shortest `analog run` that makes a run of this spec."""
        return command_of(self, spec)

    def applies(self, protocol: str, setting: str, path: str) -> bool:
        """Return whether an override of several settings is for this one; a field that none has is left to `build`."""
        part, name = [*path.split("."), ""][:2]
        if self.is_digital(protocol, setting) and (part in ANALOG_PARTS or part == "backend"):
            return False
        kinds = members(RunSpec.model_fields["algorithm"].annotation)
        own = self.protocols[protocol].settings[setting].spec.get("algorithm", {}).get("kind")
        elsewhere = any(name in kind.model_fields for kind in kinds.values())
        return part != "algorithm" or not elsewhere or own not in kinds or name in kinds[own].model_fields


def _names(entries: Iterable[Experiment | Figure | Preset]) -> dict[str, str]:
    return {fold(name): e.id for e in entries for name in (e.id, *e.aliases)}


def _find(what: str, name: str, known: Mapping[str, str]) -> str:
    if fold(name) not in known:
        raise UnknownName(what, name, dict.fromkeys(known.values()))
    return known[fold(name)]


def _flag_of(path: str) -> str:
    return FLAGS.get(path, f"--set {path}=…")
