"""RunSpec: one frozen value that says everything that decides a result; its hash names the result."""

import hashlib
import json
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, PositiveInt, model_validator

from analogcli.spec.algorithm import WITHOUT_ANALOG_PARTS, Algorithm
from analogcli.spec.base import Spec
from analogcli.spec.devices import Device
from analogcli.spec.mapping import Mapping
from analogcli.spec.periphery import Periphery
from analogcli.spec.support import BackendName, refusal
from analogcli.spec.tasks import Task
from analogcli.spec.update import Update

LABELS = ("experiment", "protocol", "setting")
ANALOG_PARTS = ("device", "periphery", "update", "mapping")
Label = Annotated[str, Field(max_length=100, pattern=r"^[^\x00-\x1f]*$")]
"""A name that is shown; it does not decide the result."""


class RunSpec(Spec):
    """A training run; equal specs (labels aside) are the same run and have the same :attr:`hash`."""

    experiment: Label = "custom"
    """Label: the registry's experiment; does not decide the result."""
    protocol: Label = "custom"
    """Label: the protocol of the experiment; does not decide the result."""
    setting: Label = "custom"
    """Label: the setting, spelled as in the papers; does not decide the result."""
    task: Task
    """What is learnt, and for how long."""
    algorithm: Algorithm
    """How the weights learn."""
    device: Device | None = None
    """The devices at the cross points; null for floating-point training."""
    periphery: Periphery | None = None
    """DAC, ADC and noise of forward and backward reads; null for floating-point training."""
    update: Update | None = None
    """How the gradient becomes pulses; null for floating-point training."""
    mapping: Mapping | None = None
    """How layers lie on tiles; null for floating-point training."""
    backend: BackendName
    """Engine: digital, native, aihwkit or magnetoionic."""
    seed: int = Field(0, ge=0, lt=2**31)
    """Seed of model 0; model i uses seed + i."""
    n_models: int = Field(1, ge=1)
    """Models trained, each with its own seed."""

    @model_validator(mode="after")
    def _analog_parts_belong_together(self) -> Self:
        analog = self.algorithm.kind not in WITHOUT_ANALOG_PARTS
        for part in ANALOG_PARTS:
            if (getattr(self, part) is not None) != analog:
                needs = "needs" if analog else "has no"
                raise ValueError(f"algorithm {self.algorithm.kind} {needs} {part}")
        if analog and getattr(self.task.model, "block_type", "A").count("A") == 0:
            raise ValueError("task.model.block_type leaves nothing on arrays; use --setting fp-sgd, or give an A")
        if self.algorithm.kind == "double-device":
            self._task_of_double_devices()
        reason = refusal(self.backend, self)
        if reason:
            raise ValueError(reason)
        return self

    def _task_of_double_devices(self) -> None:
        if self.task.model.kind != "fcn-batchnorm":
            raise ValueError(
                f"algorithm double-device trains the model fcn-batchnorm, not {self.task.model.kind}; "
                "`analog run magnetoionic-mnist` has it"
            )
        for name, only in (("label_smoothing", 0.0), ("precision", "float32"), ("lr_groups", "one")):
            if getattr(self.task, name, only) != only:
                raise ValueError(f"algorithm double-device has no task.{name} but {only}; leave it out")

    def identity(self) -> dict[str, Any]:
        """Return everything that decides the result, as plain data (labels left out)."""
        return self.model_dump(mode="json", exclude=set(LABELS))

    @property
    def devices(self) -> dict[str, Device]:
        """All devices of the run, by the path of their field."""
        further = getattr(self.algorithm, "further_devices", ())
        found = {"device": self.device, "algorithm.fast_device": getattr(self.algorithm, "fast_device", None)}
        found |= {f"algorithm.further_devices.{i}": device for i, device in enumerate(further)}
        return {path: device for path, device in found.items() if device is not None}

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON of everything that decides the result (64 hex digits)."""
        return _sha256({part: value for part, value in self.hashed().items() if part not in LABELS})

    def to_yaml(self) -> str:
        """Return the spec as YAML that :func:`analogcli.spec.load_yaml` reads back to an equal spec."""
        data = self.model_dump(mode="json", exclude_none=True)
        return yaml.dump(data, Dumper=_ListsInline, sort_keys=False, allow_unicode=True)

    def leaves(self) -> dict[str, Any]:
        """Return the identity flattened to dotted paths, e.g. ``{"device.tau": 0.7, …}``."""
        return dict(_leaves(self.identity()))


class ExecutionOptions(Spec):
    """What does not decide the result: where it runs, how often it is saved."""

    cuda: int | None = Field(None, ge=0)
    """Index of the CUDA device; null: CPU."""
    threads: int | None = Field(None, ge=1)
    """CPU threads; null: one, which is fastest for small networks and gives the same bits on a busy machine."""
    data_dir: str | None = None
    """Where data sets lie or are downloaded to."""
    fuse: PositiveInt | Literal["auto"] | None = None
    """Most models that train in one group, with its memory and speed; null: all of a run that stand at the same
    position; auto: those of other runs of a sweep too, as many as memory has room for."""
    checkpoint_minutes: float = Field(5.0, gt=0)
    """Longest time between two checkpoints within an epoch; every epoch ends with one [minutes]."""


class _ListsInline(yaml.SafeDumper):
    """Writes lists on one line, as people do: ``hidden: [256, 128]``."""


_ListsInline.add_representer(list, lambda d, x: d.represent_sequence("tag:yaml.org,2002:seq", x, flow_style=True))


def canonical_json(value: Any) -> str:
    """Return JSON with sorted keys and no spaces: equal values, equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest(value: Spec) -> str:
    """Return what names a part of a spec: the SHA-256 of its canonical JSON (64 hex digits)."""
    return _sha256(value.model_dump(mode="json"))


def _sha256(data: dict[str, Any]) -> str:
    return hashlib.sha256(canonical_json(data).encode()).hexdigest()


def _leaves(value: Any, prefix: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [leaf for k, v in value.items() for leaf in _leaves(v, f"{prefix}.{k}" if prefix else k)]
    return [(prefix, value)]
