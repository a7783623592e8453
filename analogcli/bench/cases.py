"""What is timed: the papers' networks at their batch sizes, and who competes on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from analogcli.errors import UnknownName, UsageError
from analogcli.spec import (
    BatchNormFcnModel,
    FcnModel,
    LeNet5Model,
    Model,
    ResNetModel,
    RunSpec,
    TorchvisionModel,
)
from analogcli.spec.support import BackendName, refusal

if TYPE_CHECKING:
    from analogcli.registry import Registry

Engine = Literal["pytorch", "native", "magnetoionic", "aihwkit"]
ENGINES: tuple[Engine, ...] = ("pytorch", "native", "magnetoionic", "aihwkit")
_BACKENDS: dict[Engine, BackendName] = {
    "pytorch": "digital",
    "native": "native",
    "magnetoionic": "magnetoionic",
    "aihwkit": "aihwkit",
}


@dataclass(frozen=True)
class Network:
    """A network of the registry as it is timed; ``small`` is one like it that is trained first, for the compiler."""

    name: str
    experiment: str
    images: Literal["digits", "random"]
    """digits: the 4,000 of the embedded MNIST digits; random: as large and as many-coloured as CIFAR's."""
    batch_size: int
    small: Model
    overrides: Mapping[str, Any] = field(default_factory=dict)
    protocol: str | None = None
    """Protocol of the experiment that the settings are those of; None: its default."""
    settings: tuple[str, ...] = ("analog-sgd",)
    engines: tuple[Engine, ...] = ("pytorch", "native", "aihwkit")
    replicas: tuple[int, ...] = (1,)
    device: str | None = "soft-bounds"
    """What is timed where nothing else is asked for; None: the network has devices of its own."""


NETWORKS = {
    network.name: network
    for network in (
        Network("fcn", "mnist-fcn", "digits", 10, FcnModel(hidden=(4,))),
        Network("lenet5", "mnist-cnn", "digits", 8, LeNet5Model(channels=(2, 2), hidden=4)),
        Network(
            "resnet18",
            "cifar-resnet",
            "random",
            16,
            ResNetModel(blocks=(1, 1, 1, 1), width=2),
            {"mapping.learn_out_scaling": False},
            protocol="response",
        ),
        Network(
            "resnet18-dddaaa",
            "cifar-resnet",
            "random",
            16,
            ResNetModel(blocks=(1, 1, 1, 1), width=2, block_type="DDDAAA"),
            {"mapping.learn_out_scaling": False},
            protocol="multitile-cifar",
        ),
        Network(
            "mobilenet",
            "cifar-finetune",
            "random",
            8,
            TorchvisionModel(name="mobilenet_v3_small"),
            {
                "task.model.name": "mobilenet_v3_small",
                "task.model.pretrained": "none",
                "task.model.train_mode": "full-analog",
                "mapping.learn_out_scaling": False,
            },
        ),
        Network(
            "magnetoionic",
            "magnetoionic-mnist",
            "digits",
            128,
            BatchNormFcnModel(hidden=(4,)),
            {"algorithm.resistor_noise": 0.015, "algorithm.clipping": 0.1, "algorithm.var": 0.2},
            settings=("double-linear", "double-exponential"),
            engines=("pytorch", "magnetoionic"),
            replicas=(1, 10),
            device=None,
        ),
    )
}


@dataclass(frozen=True)
class Contender:
    """One line of the table: an engine that trains ``replicas`` models of the same spec at once."""

    engine: Engine
    network: Network
    spec: RunSpec
    replicas: int = 1

    def __str__(self) -> str:
        many = f", {self.replicas} replicas" if self.replicas > 1 else ""
        return f"{self.engine} {self.spec.setting}{many}"


@dataclass(frozen=True)
class LeftOut:
    """An engine that cannot compete in a setting, and why."""

    engine: Engine
    setting: str
    reason: str


def contenders(
    registry: "Registry",
    network: str,
    settings: Sequence[str] | None,
    replicas: Sequence[int] | None,
    engines: Sequence[str] | None,
    overrides: Mapping[str, Any],
    *,
    perfect: bool = False,
) -> tuple[list[Contender], list[LeftOut]]:
    """Return who competes and who cannot; PyTorch comes first, then each setting on its engines.

    Args:
        settings: analog settings; None, here and below: what the network is usually timed with.
        replicas: models trained at once, by our engines; PyTorch and AIHWKit train one.
        engines: who competes.
        overrides: fields of the spec by dotted path, for all alike; those of devices are left out in floating point.
        perfect: reads of forward and backward passes without noise and converters.

    Raises:
        UnknownName: no such network, engine or setting.
        UsageError: a setting is floating point, or a field is not allowed.
    """
    case = NETWORKS.get(network)
    if case is None:
        raise UnknownName("network of the benchmark", network, NETWORKS)
    settings = case.settings if settings is None else settings
    replicas = case.replicas if replicas is None else replicas
    engines = case.engines if engines is None else engines
    if case.device and "device.kind" not in overrides:
        overrides = {"device.kind": case.device, **overrides}
    for name in engines:
        if name not in ENGINES:
            raise UnknownName("engine", name, ENGINES)
    own = {"task.batch_size": case.batch_size, **case.overrides, **overrides}
    everywhere = {path: value for path, value in own.items() if path.startswith("task.")}
    analog = dict(own)
    if perfect:
        analog |= {"periphery.forward.perfect": True, "periphery.backward.perfect": True}

    competing, left_out = [], []
    plain = registry.spec(case.experiment, protocol=case.protocol, setting="fp-sgd", overrides=everywhere)
    if "pytorch" in engines:
        competing.append(Contender("pytorch", case, plain))
    for setting in settings:
        entry = registry.setting(registry.protocols[plain.protocol], setting)
        if registry.is_digital(plain.protocol, entry):
            raise UsageError(f"--setting {setting} is floating point, which is engine pytorch; name an analog setting")
        spec = registry.spec(case.experiment, protocol=case.protocol, setting=entry, overrides=analog)
        for engine in ENGINES[1:]:
            if engine not in engines:
                continue
            candidate = _on(engine, spec)
            reason = refusal(_BACKENDS[engine], candidate)
            if reason:
                left_out.append(LeftOut(engine, entry, reason))
                continue
            numbers = [1] if engine == "aihwkit" else replicas
            competing += [Contender(engine, case, candidate, number) for number in numbers]
    return competing, left_out


def _on(engine: Engine, spec: RunSpec) -> RunSpec:
    changes: dict[str, Any] = {"backend": _BACKENDS[engine]}
    if engine == "aihwkit" and spec.update is not None:
        # AIHWKit has one fidelity; on the native engine it is a choice, and the spec's is timed.
        changes["update"] = spec.update.model_copy(update={"fidelity": "sequential"})
    return spec.model_copy(update=changes)
