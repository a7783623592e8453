"""The registry: names, aliases and nearest names; from an experiment, a protocol and a setting to a RunSpec."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from analogcli.errors import SpecError, UnknownName
from analogcli.registry.entries import Data, Experiment, Figure, Panel, Protocol
from analogcli.spec import ANALOG_PARTS, RunSpec, build, merge, nested

FLAGS = {
    "device.tau": "--tau",
    "device.kind": "--device",
    "task.lr": "--lr",
    "task.epochs": "--epochs",
    "task.batch_size": "--batch-size",
    "task.dataset": "--dataset",
    "seed": "--seed",
    "n_models": "--n-models",
    "backend": "--backend",
}


def flag(path: str, value: Any) -> str:
    """Return how an override is typed: its own flag, or ``--set path=value``."""
    return f"{FLAGS[path]} {value}" if path in FLAGS else f"--set {path}={value}"


def fold(name: str) -> str:
    """Return a name as it is compared: lower case, spaces and underscores as hyphens."""
    return "-".join(name.strip().lower().replace("_", " ").replace("-", " ").split())


@dataclass(frozen=True)
class Curve:
    """One line of a figure: the run it shows and the command that makes that run."""

    panel: int
    setting: str
    tau: float | None
    spec: RunSpec
    command: str


@dataclass(frozen=True)
class Published:
    """A published number beside which a run may be put."""

    value: float
    std: float | None
    source: str
    rule: str
    matches_epochs: bool


@dataclass(frozen=True)
class Registry:
    """All entries by id."""

    experiments: Mapping[str, Experiment] = field(default_factory=dict)
    protocols: Mapping[str, Protocol] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)

    @cached_property
    def _experiment_names(self) -> dict[str, str]:
        return _names(self.experiments.values())

    @cached_property
    def _figure_names(self) -> dict[str, str]:
        names = _names(self.figures.values())
        # "figure4" is what people type for "fig4".
        spelled_out = {n.replace("fig", "figure", 1): i for n, i in names.items() if n.startswith("fig")}
        return spelled_out | names

    def experiment(self, name: str) -> Experiment:
        """Return the experiment of this id or alias."""
        return self.experiments[_find("experiment", name, self._experiment_names)]

    def figure(self, name: str) -> Figure:
        """Return the figure of this id or alias."""
        return self.figures[_find("figure", name, self._figure_names)]

    def is_experiment(self, name: str) -> bool:
        """Return whether an experiment answers to ``name``."""
        return fold(name) in self._experiment_names

    def is_figure(self, name: str) -> bool:
        """Return whether a figure answers to ``name``."""
        return fold(name) in self._figure_names

    def protocol(self, experiment: Experiment, name: str | None) -> Protocol:
        """Return the protocol of an experiment, the default one for None."""
        known = {fold(p): p for p in experiment.protocols}
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
        layer: Mapping[str, Any] | None = None,
    ) -> RunSpec:
        """Resolve a run: experiment, protocol, setting, then ``layer`` (nested), then ``overrides`` (dotted paths).

        Raises:
            UnknownName: no such experiment, protocol or setting.
            SpecError: an override names no field, or a value is not allowed.
        """
        exp = self.experiment(experiment)
        prot = self.protocol(exp, protocol)
        setting = self.setting(prot, setting or exp.default_setting)
        labels = {"experiment": exp.id, "protocol": prot.id, "setting": setting}
        data = merge(merge(exp.base, prot.base), exp.protocols[prot.id])
        data = merge(data, layer or {})
        data = merge(data, prot.settings[setting].spec)
        for path in overrides or {}:
            part = path.split(".")[0]
            if part in data and data[part] is None:
                raise SpecError(f"setting {setting} is floating-point and has no {part}; leave out {_flag_of(path)}")
        return build(labels | merge(data, nested(overrides or {})))

    def curves(self, figure: Figure, overrides: Mapping[str, Any] | None = None) -> list[Curve]:
        """Return the lines of a figure in drawing order; ``overrides`` apply to every run that has the field."""
        out = []
        for index, panel in enumerate(figure.panels):
            for setting in panel.settings:
                digital = self.is_digital(figure.protocol, setting)
                for tau in (None,) if digital else panel.tau:
                    own = {"device.tau": tau} if tau is not None else {}
                    asked = {
                        p: v for p, v in (overrides or {}).items() if not (digital and p.split(".")[0] in ANALOG_PARTS)
                    }
                    spec = self.spec(
                        panel.experiment,
                        protocol=figure.protocol,
                        setting=setting,
                        layer={} if digital else figure.spec,
                        overrides=own | asked,
                    )
                    command = self._command(figure, panel, setting, own | asked, digital)
                    out.append(Curve(index, setting, tau, spec, command))
        return out

    def published(self, spec: RunSpec) -> Published | None:
        """Return the published value that ``spec`` reproduces, if there is one (epochs may differ, and then say so)."""
        if spec.experiment not in self.experiments:
            return None
        leaves = spec.leaves()
        for table in self.experiments[spec.experiment].published:
            if table.protocol != spec.protocol:
                continue
            for entry in table.values:
                where = table.where | entry.where
                epochs = where.get("task.epochs")
                rest = {p: v for p, v in where.items() if p != "task.epochs"}
                if entry.setting == spec.setting and all(leaves.get(p) == v for p, v in rest.items()):
                    same = epochs is None or epochs == spec.task.epochs
                    return Published(entry.value, entry.std, table.source.text, table.source.rule, same)
        return None

    def _command(self, figure: Figure, panel: Panel, setting: str, dotted: Mapping[str, Any], digital: bool) -> str:
        words = ["analog run", panel.experiment]
        if figure.protocol != self.experiment(panel.experiment).default_protocol:
            words.append(f"--protocol {figure.protocol}")
        words.append(f"--setting {setting}")
        extra = {} if digital else _dotted(figure.spec)
        words += [flag(path, value) for path, value in (extra | dict(dotted)).items()]
        return " ".join(words)


def _names(entries: Iterable[Experiment | Figure]) -> dict[str, str]:
    return {fold(name): e.id for e in entries for name in (e.id, *e.aliases)}


def _find(what: str, name: str, known: Mapping[str, str]) -> str:
    if fold(name) not in known:
        raise UnknownName(what, name, dict.fromkeys(known.values()))
    return known[fold(name)]


def _dotted(value: Mapping[str, Any], prefix: str = "") -> Data:
    out: Data = {}
    for key, item in value.items():
        out |= _dotted(item, f"{prefix}{key}.") if isinstance(item, Mapping) else {f"{prefix}{key}": item}
    return out


def _flag_of(path: str) -> str:
    return FLAGS.get(path, f"--set {path}=…")
