"""Presets are devices as data: each can be run, under each of its names, and says where it is from."""

import re

import pytest

from analogcli.errors import UnknownName
from analogcli.registry import load
from analogcli.registry.devices import SPELLED
from analogcli.registry.registry import fold
from analogcli.spec import PulsedDevice, RunSpec

REGISTRY = load()
presets = pytest.mark.parametrize("name", REGISTRY.presets)


def spec(name: str, **overrides: object) -> RunSpec:
    given = {path.replace("__", "."): value for path, value in overrides.items()}
    return REGISTRY.spec("mnist-fcn", setting="analog-sgd", overrides={"device.kind": name} | given)


@presets
def test_it_is_a_run_under_each_of_its_names(name: str) -> None:
    entry = REGISTRY.presets[name]
    assert len({spec(alias).hash for alias in (name, *entry.aliases, name.upper().replace("-", "_"))}) == 1


@presets
def test_its_fields_are_those_of_the_run_and_all_others_are_defaults(name: str) -> None:
    entry, device = REGISTRY.presets[name], spec(name).device
    assert isinstance(device, PulsedDevice)
    assert device == type(device).model_validate(entry.device)


@presets
def test_it_has_a_title_and_a_source(name: str) -> None:
    entry = REGISTRY.presets[name]
    assert len(entry.title) > 8
    assert re.search(r"\(20\d\d\).*AIHWKit \w+Preset", entry.source)


def test_names_of_presets_and_kinds_do_not_meet() -> None:
    from analogcli.registry.devices import KINDS

    names = [fold(n) for p in REGISTRY.presets.values() for n in (p.id, *p.aliases)]
    assert not set(names) & set(KINDS)
    assert len({*names}) == len({(fold(n), p.id) for p in REGISTRY.presets.values() for n in (p.id, *p.aliases)})


def test_it_replaces_the_device_of_the_protocol_but_not_its_construction_seed() -> None:
    protocol = REGISTRY.spec("mnist-fcn", protocol="exact", setting="analog-sgd")
    preset = REGISTRY.spec("mnist-fcn", protocol="exact", setting="analog-sgd", overrides={"device.kind": "reram-sb"})
    assert isinstance(protocol.device, PulsedDevice) and isinstance(preset.device, PulsedDevice)
    assert preset.device.construction_seed == protocol.device.construction_seed
    assert preset.device.dw_min_std == 3.75 != protocol.device.dw_min_std


def test_what_is_given_beside_a_preset_has_the_last_word() -> None:
    made = spec("ecram", device__tau=0.5, device__states=100, periphery__forward__out_noise=0.2)
    assert isinstance(made.device, PulsedDevice) and made.periphery is not None
    assert (made.device.tau, made.device.dw_min, made.device.centre) == (0.5, 0.01, 0.1724)
    assert (made.periphery.forward.out_noise, made.periphery.forward.out_bound) == (0.2, 20.0)
    bounds = spec("ecram", device__w_max=1.0, device__w_min=-1.0).device
    assert isinstance(bounds, PulsedDevice) and (bounds.tau, bounds.centre) == (1.0, 0.0)


def test_a_kind_keeps_the_fields_that_it_shares_with_the_device_before() -> None:
    power, linear = spec("power", device__tau=0.7), spec("linear", device__tau=0.7)
    assert isinstance(power.device, PulsedDevice) and isinstance(linear.device, PulsedDevice)
    assert power.device.dw_min == linear.device.dw_min


def test_an_unknown_device_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean capacitor"):
        spec("capacitators")


@pytest.mark.parametrize(("typed", "kind"), SPELLED.items())
def test_devices_are_accepted_as_the_scripts_spell_them(typed: str, kind: str) -> None:
    spec, same = (
        REGISTRY.spec("mnist-fcn", setting="analog-sgd", overrides={"device.kind": name}) for name in (typed, kind)
    )
    assert spec == same


@pytest.mark.parametrize("typed", ["MNIST", "Mnist5k", "image-folder:/Data/Set"])
def test_any_spelling_of_a_data_set_is_the_same_run_and_a_path_keeps_its_letters(typed: str) -> None:
    spec = REGISTRY.spec("mnist-fcn", overrides={"task.dataset": typed})
    assert spec.task.dataset == (typed if ":" in typed else typed.lower())
