"""Which backend runs what: a refusal always names a way out, and the default backend is one that can."""

import itertools
from typing import Any

import pytest

from analogcli.errors import SpecError
from analogcli.registry import load
from analogcli.spec import ANALOG_PARTS, BACKENDS, WITHOUT_ANALOG_PARTS, RunSpec, build, merge
from analogcli.spec.support import ALGORITHMS, DEVICES, FIDELITIES, LACKS, BackendName, backends_for
from analogcli.spec.unions import members

ALL_ALGORITHMS = list(members(RunSpec.model_fields["algorithm"].annotation))
ALL_DEVICES = list(members(RunSpec.model_fields["device"].annotation))
SPEC = load().spec("mnist-fcn", setting="analog-sgd").model_dump(mode="json") | {"backend": None, "update": {}}


def asked(backend: BackendName | None, algorithm: str, device: str | None) -> RunSpec:
    cascade = {"warm_start": "off"} if (backend, algorithm) == ("aihwkit", "resl") else {}
    over: dict[str, Any] = {"backend": backend, "algorithm": {"kind": algorithm, **cascade}}
    law = {"law": "analogcli.crossbar.custom:CustomDevice"} if device == "custom" else {}
    over |= {"task": {"model": {"kind": "fcn-batchnorm"}}} if algorithm == "double-device" else {}
    data = merge(SPEC, over | ({"device": {"kind": device, **law}} if device else {}))
    return build(data | ({} if device else dict.fromkeys(ANALOG_PARTS)))


def combinations() -> list[tuple[str, str | None]]:
    analog = [a for a in ALL_ALGORITHMS if a not in WITHOUT_ANALOG_PARTS]
    return [*((algorithm, None) for algorithm in WITHOUT_ANALOG_PARTS), *itertools.product(analog, ALL_DEVICES)]


@pytest.mark.parametrize("name", ALL_ALGORITHMS)
def test_every_algorithm_has_a_backend(name: str) -> None:
    assert any(name in ALGORITHMS[b] for b in BACKENDS)


@pytest.mark.parametrize("name", ALL_DEVICES)
def test_every_device_has_a_backend(name: str) -> None:
    assert any(name in DEVICES[b] for b in BACKENDS)


@pytest.mark.parametrize("backend", BACKENDS)
def test_backends_claim_nothing_that_a_spec_cannot_say(backend: BackendName) -> None:
    assert set(ALGORITHMS[backend]) <= set(ALL_ALGORITHMS)
    assert set(DEVICES[backend]) <= set(ALL_DEVICES)
    assert bool(FIDELITIES[backend]) == bool(DEVICES[backend])


@pytest.mark.parametrize(("algorithm", "device"), combinations())
def test_without_a_backend_the_first_that_can_is_taken(algorithm: str, device: str | None) -> None:
    able = backends_for(algorithm, device)
    if able:
        spec = asked(None, algorithm, device)
        assert spec.backend == able[0]
        assert spec.update is None or spec.update.fidelity == FIDELITIES[able[0]][0]
    else:
        with pytest.raises(SpecError, match=" or ".join(backends_for(algorithm, None))):
            asked(None, algorithm, device)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("algorithm", "device"), combinations())
def test_a_backend_runs_it_or_names_one_that_does(backend: BackendName, algorithm: str, device: str | None) -> None:
    able = backends_for(algorithm, device)
    if backend in able:
        assert asked(backend, algorithm, device).backend == backend
        return
    with pytest.raises(SpecError) as caught:
        asked(backend, algorithm, device)
    said = str(caught.value)
    assert f"backend {backend} does not have the" in said
    assert any(f"--backend {b}" in said for b in (able or backends_for(algorithm, None)))


@pytest.mark.parametrize("backend", [b for b in BACKENDS if FIDELITIES[b]])
def test_another_engines_fidelity_is_refused_with_the_backend_that_has_it(backend: BackendName) -> None:
    others = {f: b for b in BACKENDS for f in FIDELITIES[b] if f not in FIDELITIES[backend]}
    for fidelity, other in others.items():
        data = merge(SPEC, {"backend": backend, "device": {"kind": "soft-bounds"}, "update": {"fidelity": fidelity}})
        with pytest.raises(SpecError, match=f"update.fidelity {fidelity}.*--backend {other}"):
            build(data)


BEYOND = [
    ({"kind": "resl"}, "the warm start of resl; use --backend native, or --set algorithm.warm_start=off"),
    ({"kind": "resl", "warm_start": "code-mnist"}, "the warm start of resl"),
    ({"kind": "c-ttv2", "gamma": 0.1}, "algorithm.gamma > 0 with a buffer in pulses; use --backend native, or"),
    (
        {"kind": "tt-v1", "fast_lr": 0, "fast_device": {"kind": "soft-bounds"}},
        "algorithm.fast_lr = 0, the optimizer's, with a fast_device; use --backend native",
    ),
    ({"kind": "agad", "gamma": 0.1}, "algorithm.gamma > 0 with a buffer in pulses"),
]
"""What a spec can say of algorithms that AIHWKit has, and AIHWKit cannot do or does wrongly."""


@pytest.mark.parametrize(("algorithm", "sentence"), BEYOND)
def test_what_aihwkit_has_only_in_part_is_refused_in_one_sentence(algorithm: dict[str, Any], sentence: str) -> None:
    over = {"device": {"kind": "soft-bounds"}, "algorithm": algorithm}
    assert build(merge(SPEC, over)).backend == "native"
    with pytest.raises(SpecError, match=f"^backend aihwkit does not have {sentence}"):
        build(merge(SPEC, over | {"backend": "aihwkit"}))


NOISY = "noise on the gradient; use --backend native, or --set task.gradient_noise=0"


def test_noise_on_the_gradient_is_not_aihwkits() -> None:
    task = {"kind": "least-squares", "dimension": 4, "iterations": 3, "lr": 0.1, "gradient_noise": 0.1}
    data = merge(SPEC | {"task": task}, {"device": {"kind": "soft-bounds"}, "algorithm": {"kind": "analog-sgd"}})
    assert build(data).backend == "native"
    with pytest.raises(SpecError, match=f"^backend aihwkit does not have {NOISY}"):
        build(data | {"backend": "aihwkit"})


def test_every_gap_has_an_example() -> None:
    examples = [*(sentence for _, sentence in BEYOND), NOISY]
    for backend, gaps in LACKS.items():
        for what, _, _ in gaps:
            assert backend == "aihwkit" and any(what in sentence for sentence in examples)
