"""The command line that makes a run, from the run."""

import json
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from analogcli.errors import SpecError
from analogcli.spec import RunSpec, parse_value

if TYPE_CHECKING:
    from analogcli.registry.registry import Registry

FLAGS = {
    "device.tau": "--tau",
    "device.kind": "--device",
    "device.states": "--states",
    "task.lr": "--lr",
    "algorithm.clipping": "--clipping",
    "algorithm.var": "--var",
    "algorithm.resistor_noise": "--resistor-noise",
    "task.epochs": "--epochs",
    "task.batch_size": "--batch-size",
    "task.dataset": "--dataset",
    "task.model.name": "--model",
    "task.model.pretrained": "--pretrained",
    "task.model.train_mode": "--train-mode",
    "task.model.blocks": "--block-number",
    "task.model.block_type": "--block-type",
    "algorithm.gamma": "--gamma",
    "algorithm.tiles": "--tiles",
    "algorithm.warm_start": "--warm-start",
    "seed": "--seed",
    "n_models": "--n-models",
    "backend": "--backend",
}
"""Fields that have an option of their own; all others are typed --set path=value."""


def flag(path: str, value: Any) -> str:
    """Return how an override is typed in a shell: its own flag, several numbers as words, or ``--set path=value``."""
    if path in FLAGS and isinstance(value, list | tuple) and all(isinstance(word, int) for word in value):
        return " ".join([FLAGS[path], *map(str, value)])
    plain = isinstance(value, str) and (path in FLAGS or parse_value(value) == value)
    text = value if plain else json.dumps(value, ensure_ascii=False).removesuffix(".0")
    return f"{FLAGS[path]} {shlex.quote(text)}" if path in FLAGS else f"--set {shlex.quote(f'{path}={text}')}"


def words(registry: "Registry", experiment: str, protocol: str, setting: str, overrides: Mapping[str, Any]) -> str:
    """Return `analog run` with these names and overrides (dotted paths)."""
    given = ["analog run", experiment]
    if protocol != registry.experiment(experiment).default_protocol:
        given.append(f"--protocol {protocol}")
    return " ".join([*given, f"--setting {setting}", *(flag(path, value) for path, value in overrides.items())])


def command_of(registry: "Registry", spec: RunSpec) -> str:
    """Return a short `analog run` that makes a run of ``spec``."""
    names = spec.experiment, spec.protocol, spec.setting

    def makes_it(overrides: Mapping[str, Any]) -> bool:
        try:
            made = registry.spec(names[0], protocol=names[1], setting=names[2], overrides=overrides)
        except SpecError:  # Some fields are allowed together only.
            return False
        return made.hash == spec.hash

    leaves, plain = spec.leaves(), registry.spec(names[0], protocol=names[1], setting=names[2]).leaves()
    changed = {path for path, value in leaves.items() if path not in plain or plain[path] != value}
    # A part that is there by default only has to be told which kind it is before any of its fields.
    kinds = {f"{path.rpartition('.')[0]}.kind" for path in changed}
    own = {path: value for path, value in leaves.items() if path in changed | kinds}
    # What follows from another override, e.g. an engine's only fidelity, need not be typed.
    for path in list(own):
        fewer = {other: value for other, value in own.items() if other != path}
        own = fewer if makes_it(fewer) else own
    return words(registry, *names, own)
