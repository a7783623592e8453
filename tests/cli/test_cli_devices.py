"""``--device`` takes any name of a device: a kind, a preset, a class in the user's file or of an installed package."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_kit import TINY, Done

from analogcli.registry import load

RUN = ("run", "mnist-fcn", "--setting", "analog-sgd", *TINY, "--epochs", "1")
SOURCE = """
from dataclasses import dataclass
from analogcli.crossbar import CustomDevice

@dataclass(frozen=True)
class MyDevice(CustomDevice):
    gamma: float = 2.0

    def q_plus(self, w):
        return (1 - w / self.tau) ** self.gamma

    def q_minus(self, w):
        return (1 + w / self.tau) ** self.gamma
"""
Analog = Callable[..., Done]


@pytest.fixture
def mine(workspace: Path) -> Path:
    file = workspace / "my_device.py"
    file.write_text(SOURCE, encoding="utf-8")
    return file


def device_of(done: Done) -> dict[str, Any]:
    assert done.code == 0, done.err
    found: dict[str, Any] = yaml.safe_load(done.out)["device"]
    return found


def test_kinds_and_presets_are_listed_together(analog: Analog) -> None:
    listed = {row["device"]: row for row in analog("list", "devices", "--json").json}
    assert {"ideal", "soft-bounds", "custom", *load().presets} <= set(listed)
    assert listed["reram-sb"]["what"].startswith("preset: ReRAM")
    assert listed["reram-sb"]["backends"] == ["native", "aihwkit"]


@pytest.mark.parametrize("setting", ["analog-sgd", "tt-v1"])
@pytest.mark.parametrize("protocol", ["response", "exact"])
def test_every_device_that_is_listed_can_be_named_in_every_protocol(
    analog: Analog, protocol: str, setting: str
) -> None:
    words = ("run", "mnist-fcn", "--protocol", protocol, "--setting", setting)
    for row in analog("list", "devices", "--json").json:
        if row["device"] != "custom":  # That is the class, by its own name.
            assert device_of(analog(*words, "--device", row["device"], "--dry-run")), row["device"]


@pytest.mark.parametrize("name", ["reram-es", "ReRamES", "RERAM_ES"])
def test_a_preset_is_a_device_with_its_periphery(analog: Analog, name: str) -> None:
    done = analog(*RUN, "--device", name, "--tau", "0.8", "--dry-run")
    assert device_of(done)["kind"] == "exp-step"
    assert (device_of(done)["tau"], device_of(done)["dw_min_std"]) == (0.8, 5.0)
    assert yaml.safe_load(done.out)["periphery"]["forward"]["out_bound"] == 20.0


def test_bounds_may_be_given_instead_of_tau(analog: Analog) -> None:
    device = device_of(analog(*RUN, "--set", "device.w_max=1.25", "--set", "device.w_min=-0.75", "--dry-run"))
    assert (device["tau"], device["centre"]) == (1.0, 0.25)
    alone = analog(*RUN, "--set", "device.w_max=1.25")
    assert alone.code == 2 and "w_max and w_min go together" in alone.err


def test_a_device_of_ones_own_is_trained_from_end_to_end(analog: Analog, mine: Path) -> None:
    done = analog(*RUN, "--device", "my_device.py:MyDevice", "--set", "device.parameters.gamma=3", "--json")
    assert done.code == 0, done.err
    device = done.json["spec"]["device"]
    assert (device["law"], device["parameters"]) == ("my_device.py:MyDevice", {"gamma": 3.0})
    again = analog(*RUN, "--device", "my_device.py:MyDevice", "--set", "device.parameters.gamma=3")
    assert "already stored" in again.err
    mine.write_text(SOURCE.replace("** self.gamma", "** self.gamma + 0"), encoding="utf-8")
    changed = analog(*RUN, "--device", "my_device.py:MyDevice", "--set", "device.parameters.gamma=3")
    assert changed.code == 0 and "already stored" not in changed.err


def test_a_spec_of_a_law_that_has_changed_is_not_run(analog: Analog, mine: Path, workspace: Path) -> None:
    spec = workspace / "spec.yaml"
    spec.write_text(analog(*RUN, "--device", "my_device.py:MyDevice", "--dry-run").out, encoding="utf-8")
    mine.write_text(SOURCE.replace("2.0", "2.5"), encoding="utf-8")
    refused = analog("run", "--spec", str(spec))
    assert refused.code == 2
    assert "the file is not the one that the run was made with" in refused.err
    assert analog("list", "runs", "--json").json == []
    assert analog("run", "--spec", str(spec), "--device", "my_device.py:MyDevice").code == 0


@pytest.mark.parametrize(
    ("device", "sentence"),
    [
        ("reram-ess", "did you mean reram-es"),
        ("expstep", "did you mean exp-step"),
        ("nowhere.py:MyDevice", "there is no file nowhere.py"),
        ("my_device.py:Mine", "there is no class Mine; devices there: MyDevice"),
        ("my_device.py", "A device of your own is path/to/file.py:Class"),
        ("custom", "device.law is missing: The class: my_device.py:MyDevice, or package.module:MyDevice."),
    ],
)
def test_a_device_that_is_nowhere_is_one_sentence(analog: Analog, mine: Path, device: str, sentence: str) -> None:
    done = analog(*RUN, "--device", device)
    assert done.code == 2
    assert sentence in done.err
    assert done.err.count("\n") == 1
    assert analog("list", "runs", "--json").json == []


def test_a_formula_that_is_no_response_is_one_sentence(analog: Analog, mine: Path) -> None:
    mine.write_text(SOURCE.replace("(1 - w / self.tau)", "(2 - w / self.tau)"), encoding="utf-8")
    done = analog(*RUN, "--device", "my_device.py:MyDevice")
    assert done.code == 2
    assert "q_plus is 1 at the upper bound" in done.err
    assert analog("list", "runs", "--json").json == []


def test_an_unknown_parameter_is_answered_with_the_nearest(analog: Analog, mine: Path) -> None:
    done = analog(*RUN, "--device", "my_device.py:MyDevice", "--set", "device.parameters.gama=3")
    assert done.code == 2
    assert "device.parameters.gama is not a parameter" in done.err and "did you mean gamma?" in done.err


def test_devices_may_be_the_axis_of_a_grid(analog: Analog, mine: Path) -> None:
    axis = "device=power,reram-sb,my_device.py:MyDevice"
    planned = analog("sweep", "mnist-fcn", "--setting", "analog-sgd", "--grid", axis, "--dry-run").out.splitlines()
    assert [line.split("--device ")[1] for line in planned] == ["power", "reram-sb", "my_device.py:MyDevice"]


def test_an_installed_package_may_offer_devices(analog: Analog, workspace: Path, monkeypatch: Any) -> None:
    package = workspace / "installed"
    (package / "my_devices-1.0.dist-info").mkdir(parents=True)
    (package / "my_devices.py").write_text(SOURCE, encoding="utf-8")
    metadata = {
        "METADATA": "Metadata-Version: 2.1\nName: my_devices\nVersion: 1.0\n",
        "entry_points.txt": "[analogcli.devices]\nquadratic = my_devices:MyDevice\n",
    }
    for name, text in metadata.items():
        (package / "my_devices-1.0.dist-info" / name).write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(package))
    assert device_of(analog(*RUN, "--device", "quadratic", "--dry-run"))["law"] == "my_devices:MyDevice"
    assert "quadratic" in {row["device"] for row in analog("list", "devices", "--json").json}
    assert analog(*RUN, "--device", "quadratic").code == 0
